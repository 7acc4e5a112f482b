/** Reads a finished ISO back, as a boot loader and a firmware would look for things, before it gets its name. */
import { access } from 'node:fs/promises';
import type { Command, Exec } from '../engine/command.ts';
import { FailedError } from '../errors/exit.ts';
import type { FileRecord } from './manifest.ts';

/** What xorriso and mtools say about an ISO. */
export interface MediumReport {
  readonly volumeId: string | undefined;
  /** El Torito entries in catalogue order; `lba` in 2048-byte blocks. */
  readonly elTorito: readonly {
    readonly platform: string;
    readonly bootable: boolean;
    readonly lba: number;
  }[];
  /** The BIOS image has GRUB's table of where it lies. */
  readonly grubBootInfo: boolean;
  /** GRUB's code is in the MBR. */
  readonly grubMbr: boolean;
  readonly gpt: readonly { readonly typeGuid: string; readonly start: number; readonly sectors: number }[];
  /** Path without leading slash → bytes. */
  readonly files: ReadonlyMap<string, number>;
}

export interface MediumDemand {
  readonly volumeId: string;
  readonly files: readonly FileRecord[];
  /** Paths inside the EFI image. */
  readonly espFiles: readonly string[];
}

/** GPT type of an EFI system partition as the table holds it, the first three groups byte-swapped. */
const ESP_TYPE_ON_DISK = '28732ac11ff8d211ba4b00a0c93ec93b';
const ISO_BLOCK = 2048;
const SECTOR = 512;

/** @throws {FailedError} naming everything that is missing; ENOENT when there is no ISO at all. */
export async function checkMedium(iso: string, demand: MediumDemand, exec: Exec): Promise<void> {
  // xorriso takes a file that is not there for a blank medium.
  await access(iso);
  const report = parseReport((await exec(reportCommand(iso))).stdout);
  const esp = uefiImage(report);
  const inEsp = esp === undefined ? [] : parseBareListing((await exec(espListing(iso, esp.lba))).stdout);
  const problems = mediumProblems(report, inEsp, demand);
  if (problems.length > 0)
    throw new FailedError(`the ISO read back is not bootable everywhere: ${problems.join('; ')}`);
}

const reportCommand = (iso: string): Command => ({
  file: 'xorriso',
  effect: 'read',
  args: [
    ...['-indev', `stdio:${iso}`, '-pvd_info', '-report_el_torito', 'plain', '-report_system_area', 'plain'],
    ...['-find', '/', '-type', 'f', '-exec', 'report_lba', '--'],
  ],
});

/** mtools reads a file system at an offset of an image: the very bytes that firmware is going to read. */
const espListing = (iso: string, lba: number): Command => ({
  file: 'mdir',
  effect: 'read',
  args: ['-/', '-b', '-i', `${iso}@@${lba * ISO_BLOCK}`, '::/'],
});

const uefiImage = (report: MediumReport) => report.elTorito.find(({ platform }) => platform === 'UEFI');

/** Everything that keeps a machine from booting the medium, in words; empty when all is there. */
export function mediumProblems(
  report: MediumReport,
  inEsp: readonly string[],
  demand: MediumDemand,
): readonly string[] {
  const bios = report.elTorito.find(({ platform }) => platform === 'BIOS');
  const uefi = uefiImage(report);
  const esp = report.gpt.find(({ typeGuid }) => typeGuid === ESP_TYPE_ON_DISK);
  const required: readonly (readonly [boolean, string])[] = [
    [report.volumeId === demand.volumeId, `volume id is ${report.volumeId}, not ${demand.volumeId}`],
    [bios?.bootable === true && report.grubBootInfo, 'no El Torito entry for BIOS'],
    [uefi?.bootable === true, 'no El Torito entry for UEFI'],
    [report.grubMbr, 'no boot code in the MBR'],
    [esp !== undefined, 'no EFI system partition in the GPT'],
    [
      uefi === undefined || esp === undefined || esp.start * SECTOR === uefi.lba * ISO_BLOCK,
      'the EFI images of CD and stick differ',
    ],
  ];
  const wrongFiles = demand.files
    .filter(({ path, bytes }) => report.files.get(path) !== bytes)
    .map(({ path, bytes }) => `${path} has ${report.files.get(path) ?? 'no'} bytes, not ${bytes}`);
  const missing = demand.espFiles
    .filter((path) => !inEsp.includes(path.toLowerCase()))
    .map((path) => `no ${path} in the EFI image`);
  return [...required.flatMap(([fine, problem]) => (fine ? [] : [problem])), ...wrongFiles, ...missing];
}

/** Reads the answer to {@link reportCommand}. What is not there comes out empty, never as an exception. */
export function parseReport(text: string): MediumReport {
  const all = (pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match.slice(1));
  const types = new Map(
    all(/^GPT type GUID\s*:\s*(\d+)\s+([0-9a-f]{32})/gm).map(([n, guid]) => [n, guid ?? '']),
  );
  return {
    volumeId: /^Volume Id\s*: (.*?)\s*$/m.exec(text)?.[1],
    elTorito: all(/^El Torito boot img :\s+\d+\s+(\S+)\s+([yn])\s.*\s(\d+)\s*$/gm).map(
      ([platform, y, lba]) => ({
        platform: platform ?? '',
        bootable: y === 'y',
        lba: Number(lba),
      }),
    ),
    grubBootInfo: /^El Torito img opts\s*:.*\bgrub2-boot-info\b/m.test(text),
    grubMbr: /^System area summary:.*\bgrub2-mbr\b/m.test(text),
    gpt: all(/^GPT start and size\s*:\s*(\d+)\s+(\d+)\s+(\d+)/gm).map(([n, start, sectors]) => ({
      typeGuid: types.get(n) ?? '',
      start: Number(start),
      sectors: Number(sectors),
    })),
    files: new Map(
      all(/^File data lba:.*,\s+(\d+)\s+, '\/(.*)'\s*$/gm).map(([bytes, path]) => [
        path ?? '',
        Number(bytes),
      ]),
    ),
  };
}

/** `mdir -b` prints `::/EFI/BOOT/grubx64.efi`, folders with a slash at the end; FAT does not know case. */
export const parseBareListing = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim().replace(/^::\//, '').toLowerCase())
    .filter((path) => path !== '' && !path.endsWith('/'));
