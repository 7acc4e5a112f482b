/**
 * Proves that each disk of a machine can start it alone. Everything is read from the disks themselves, past md and
 * past the page cache, which was seen to answer for a member with stale content.
 */
import type { Machine } from '../engine/machine.ts';
import { PARTITION_TYPE } from '../plan/types.ts';
import {
  type BiosLoaderFiles,
  BOOT_CODE_BYTES,
  biosLoaderProblems,
  bootCodeDifference,
  coreDifference,
} from './bios-boot.ts';
import { readEfiEntries, startedByUefi } from './efi-entries.ts';
import { fatTreeHash, openFat } from './fat.ts';
import { SECTOR_BYTES } from './gpt.ts';

/** A disk that has to be bootable. */
export interface BootMember {
  /** `/dev/sda` */
  readonly disk: string;
  readonly biosBoot?: BootPartition;
  readonly esp?: BootPartition;
  /** Its ESP is a spare of the array: it holds nothing until it is taken in, and is not looked into. */
  readonly spare?: true;
}

export interface BootPartition {
  /** 1-based. */
  readonly number: number;
  /** Lower case. */
  readonly partUuid: string;
  /** Upper case. */
  readonly typeGuid: string;
  /** In 512-byte sectors. */
  readonly start: number;
  readonly sectors: number;
}

export interface BootProof {
  /** Every reason why a disk may not start the machine; empty is a proof. */
  readonly problems: readonly string[];
  /** What should be so and does not keep a disk from starting the machine. */
  readonly warnings: readonly string[];
  /** Members whose BIOS boot loader is not that of the files, while another member's is: it can be written again. */
  readonly withoutLoader: readonly BootMember[];
  /** Members whose ESP no entry of the firmware's boot order names; empty when not started by UEFI. */
  readonly withoutEntry: readonly BootMember[];
  /** What was proven, for a journal: `MBR and core.img of sda, sdb`. */
  readonly proven: readonly string[];
}

export interface BootProofOptions {
  /** Where the boot file system is mounted; default `/boot`. */
  readonly bootFolder?: string;
}

/** The path that every UEFI firmware starts without an entry of its own (UEFI 2.10, 3.5.1.1). */
const REMOVABLE_PATH = 'EFI/BOOT/BOOTX64.EFI';
const IMAGE_LIMIT = 1 << 20;

/** Looks at every member. Rejects only when a disk or file cannot be read at all. */
export async function proveBootLoaders(
  machine: Machine,
  members: readonly BootMember[],
  options: BootProofOptions = {},
): Promise<BootProof> {
  const bios = await proveBios(machine, members, options.bootFolder ?? '/boot');
  const uefi = await proveUefi(machine, members);
  const entries = await proveEntries(machine, members);
  const nothing =
    members.length === 0 ||
    members.some((member) => member.biosBoot === undefined && member.esp === undefined)
      ? ['there is a disk with neither a BIOS boot partition nor an ESP, or no disk at all']
      : [];
  return {
    problems: [...nothing, ...bios.problems, ...uefi.problems],
    warnings: entries.warnings,
    withoutLoader: bios.broken,
    withoutEntry: entries.withoutEntry,
    proven: [...bios.proven, ...uefi.proven, ...entries.proven],
  };
}

interface Part {
  readonly problems: readonly string[];
  readonly proven: readonly string[];
}

const diskNames = (members: readonly { readonly disk: string }[]): string =>
  members.map(({ disk }) => shortName(disk)).join(', ');

const shortName = (disk: string): string => disk.replace(/^\/dev\//, '');

async function proveBios(
  machine: Machine,
  members: readonly BootMember[],
  bootFolder: string,
): Promise<Part & { readonly broken: readonly BootMember[] }> {
  const found = members.flatMap(({ disk, biosBoot }) => (biosBoot === undefined ? [] : [{ disk, biosBoot }]));
  if (found.length === 0) return { problems: [], proven: [], broken: [] };
  const missing = members.filter((member) => member.biosBoot === undefined);
  const problems = missing.map(({ disk }) => `${shortName(disk)}: no BIOS boot partition`);

  const files = await readLoaderFiles(machine, bootFolder);
  if (typeof files === 'string') return { problems: [...problems, files], proven: [], broken: [] };
  const images = await Promise.all(
    found.map(async ({ disk, biosBoot }) => ({
      disk,
      start: biosBoot.start,
      mbr: await machine.readBytes(disk, 0, BOOT_CODE_BYTES, true),
      core: await machine.readBytes(disk, biosBoot.start * SECTOR_BYTES, files.coreImage.length, true),
    })),
  );
  const judged = images.map(({ disk, mbr, core, start }) => ({
    disk,
    found: biosLoaderProblems(files, mbr, core, start),
  }));
  problems.push(...judged.flatMap(({ disk, found: why }) => why.map((one) => `${shortName(disk)}: ${one}`)));
  const bad = judged.filter(({ found: why }) => why.length > 0).map(({ disk }) => disk);
  // Where no disk has the loader of the files, the files are as likely to be wrong as the disks.
  const broken = bad.length < judged.length ? members.filter(({ disk }) => bad.includes(disk)) : [];
  const first = images[0];
  for (const other of images.slice(1)) {
    if (first === undefined || problems.length > 0) break;
    // Partitions that start elsewhere make for other sector numbers in both images.
    if (first.start !== other.start) continue;
    const inMbr = bootCodeDifference(first.mbr, other.mbr);
    const inCore = coreDifference(first.core, other.core, files.coreImage.length);
    const pair = `${shortName(first.disk)} and ${shortName(other.disk)}`;
    if (inMbr !== undefined) problems.push(`${pair}: the MBRs differ at byte ${inMbr}`);
    if (inCore !== undefined) problems.push(`${pair}: the BIOS boot partitions differ at byte ${inCore}`);
  }
  return {
    problems,
    proven: problems.length > 0 ? [] : [`MBR and core.img of ${diskNames(found)}`],
    broken,
  };
}

/** The files grub-install wrote the disks from, or why they cannot be compared with. */
async function readLoaderFiles(machine: Machine, bootFolder: string): Promise<BiosLoaderFiles | string> {
  // Debian and the embedded base say grub, Fedora and its kin grub2.
  for (const name of ['grub', 'grub2']) {
    const folder = `${bootFolder}/${name}/i386-pc`;
    if (!(await machine.exists(`${folder}/core.img`)) || !(await machine.exists(`${folder}/boot.img`)))
      continue;
    return {
      bootImage: await machine.readBytes(`${folder}/boot.img`, 0, IMAGE_LIMIT),
      coreImage: await machine.readBytes(`${folder}/core.img`, 0, IMAGE_LIMIT),
    };
  }
  return `${bootFolder}/grub/i386-pc holds no boot.img and core.img to compare the disks with`;
}

async function proveUefi(machine: Machine, members: readonly BootMember[]): Promise<Part> {
  const found = members.flatMap(({ disk, esp }) => (esp === undefined ? [] : [{ disk, esp }]));
  if (found.length === 0) return { problems: [], proven: [] };
  const problems = members
    .filter((member) => member.esp === undefined && member.spare === undefined)
    .map(({ disk }) => `${shortName(disk)}: no EFI system partition`);
  const trees: { readonly disk: string; readonly hash: string }[] = [];
  for (const { disk, esp } of found) {
    const looked = await lookIntoEsp(machine, disk, esp);
    problems.push(...looked.problems.map((problem) => `${shortName(disk)}: ${problem}`));
    if (looked.hash !== undefined) trees.push({ disk, hash: looked.hash });
  }
  const first = trees[0];
  const others = trees.filter((tree) => tree.hash !== first?.hash);
  if (first !== undefined && others.length > 0) {
    problems.push(
      `the files on the ESP of ${diskNames(others)} differ from those of ${shortName(first.disk)}`,
    );
  }
  return {
    problems,
    proven: problems.length > 0 ? [] : [`ESP and ${REMOVABLE_PATH} of ${diskNames(found)}`],
  };
}

async function lookIntoEsp(
  machine: Machine,
  disk: string,
  esp: BootPartition,
): Promise<{ readonly problems: readonly string[]; readonly hash?: string }> {
  const problems: string[] = [];
  // A firmware without an entry looks for an ESP by this type, also where it is a member of an array.
  if (esp.typeGuid !== PARTITION_TYPE.esp)
    problems.push(`partition ${esp.number} holds the ESP without the ESP's type GUID`);
  try {
    const volume = await openFat((offset, length) => {
      const room = Math.max(0, esp.sectors * SECTOR_BYTES - offset);
      return machine.readBytes(disk, esp.start * SECTOR_BYTES + offset, Math.min(length, room), true);
    });
    const loader = await volume.read(REMOVABLE_PATH);
    if (loader === undefined) problems.push(`no ${REMOVABLE_PATH} on the ESP`);
    else if (loader[0] !== 0x4d || loader[1] !== 0x5a) problems.push(`${REMOVABLE_PATH} is not a program`);
    return { problems, hash: await fatTreeHash(volume) };
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'FatError') throw error;
    return { problems: [...problems, `the ESP cannot be read: ${error.message}`] };
  }
}

async function proveEntries(
  machine: Machine,
  members: readonly BootMember[],
): Promise<{
  readonly warnings: readonly string[];
  readonly withoutEntry: readonly BootMember[];
  readonly proven: readonly string[];
}> {
  const withEsp = members.filter((member) => member.esp !== undefined);
  if (withEsp.length === 0) return { warnings: [], withoutEntry: [], proven: [] };
  if (!(await startedByUefi(machine))) {
    return {
      warnings: ['boot entries of the firmware were not looked at: not started by UEFI'],
      withoutEntry: [],
      proven: [],
    };
  }
  const entries = await readEfiEntries(machine);
  if (entries === undefined) {
    return { warnings: ['the firmware shows no boot variables'], withoutEntry: [], proven: [] };
  }
  const named = new Set(entries.filter((entry) => entry.inOrder).map((entry) => entry.partUuid));
  const withoutEntry = withEsp.filter(({ esp }) => !named.has(esp?.partUuid));
  const warnings = withoutEntry.map(
    ({ disk }) => `${shortName(disk)}: no entry in the firmware's boot order`,
  );
  const proven = withoutEntry.length === 0 ? [`boot entries of ${diskNames(withEsp)}`] : [];
  return { warnings, withoutEntry, proven };
}
