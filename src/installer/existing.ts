/** What the storage model has to know about this machine, read from it. Nothing is started, nothing written. */
import { randomUUID } from 'node:crypto';
import { StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';
import type { CommandLine } from '../kickstart/types.ts';
import { type Disk, readDisks } from '../storage/block-devices.ts';
import { startedByUefi } from '../storage/efi-entries.ts';
import type { FileSystemSignature } from '../storage/file-system.ts';
import { readGpt, SECTOR_BYTES } from '../storage/gpt.ts';
import { readMbr } from '../storage/mbr.ts';
import { parseBootArguments } from './boot-arguments.ts';
import { readBuilt } from './existing-built.ts';
import { signatureAt } from './existing-signature.ts';
import type { ExistingPartition, ExistingTable, TableLabel, TargetDisk } from './model.ts';
import { partitionDevice } from './model.ts';
import type { FindDisk } from './model-clear.ts';
import { LOG_LABELS } from './save-log.ts';
import type { StorageFacts } from './storage-facts.ts';

export interface ExistingStorage {
  /** Finds a disk by any name the commands give it. */
  readonly find: FindDisk;
  readonly facts: StorageFacts;
}

/** @param own whether the kickstart is one of the medium's own: see {@link StorageFacts.own} */
export async function readExisting(
  machine: Machine,
  commands: readonly CommandLine[],
  own: boolean,
): Promise<ExistingStorage> {
  const commandLine = (await machine.readFile('/proc/cmdline')) ?? '';
  const inUse = await devicesInUse(machine, commandLine);
  const found = await readDisks(machine);
  const { groups, arrays, devices } = await readBuilt(machine, commands, found, inUse);
  const disks: TargetDisk[] = [];
  for (const disk of found) disks.push(await lookAt(machine, disk, inUse, devices));
  const paths = await resolveNames(machine, commands);
  const resolve = (name: string): string | undefined => paths.get(name);
  return {
    find: (name) => {
      const path = resolve(name) ?? (name.startsWith('/dev/') ? name : `/dev/${name}`);
      return disks.find((disk) => `/dev/${disk.name}` === path);
    },
    facts: {
      disks,
      groups,
      arrays,
      ...(own ? {} : { firmware: (await startedByUefi(machine)) ? 'uefi' : 'bios' }),
      memoryMiB: await memoryMiB(machine),
      // The medium's own kickstarts are rendered for this installer, whose base is Debian.
      fileSystem: own ? 'ext4' : 'xfs',
      label: labelOf(commandLine),
      own,
      newUuid: randomUUID,
      resolve,
    },
  };
}

async function memoryMiB(machine: Machine): Promise<number> {
  const kib = /^MemTotal:\s+(\d+) kB$/m.exec((await machine.readFile('/proc/meminfo')) ?? '')?.[1];
  return Math.floor(Number(kib ?? 0) / 1024);
}

/** `inst.disklabel=`; Anaconda knows these two. */
function labelOf(commandLine: string): TableLabel {
  const wanted = /(?:^|\s)inst\.disklabel=(\S*)(?![\s\S]*\sinst\.disklabel=)/.exec(commandLine)?.[1] ?? 'gpt';
  if (wanted === 'gpt' || wanted === 'mbr') return wanted;
  throw new StepFailure(
    'config-invalid',
    `inst.disklabel=${wanted} is not a partition table`,
    'write gpt or mbr',
  );
}

/** @param ours kernel names of what is built on the disks and goes on being used */
async function lookAt(
  machine: Machine,
  disk: Disk,
  inUse: ReadonlyMap<string, string>,
  ours: ReadonlySet<string>,
): Promise<TargetDisk> {
  const unusable = whyUnusable(disk, inUse, ours);
  const facts = {
    name: disk.path.slice('/dev/'.length),
    sizeBytes: disk.sizeBytes,
    sectorBytes: disk.blockBytes,
  };
  const found = await lookInside(machine, disk).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    return { unreadable: `it cannot be read: ${why}` };
  });
  if ('unreadable' in found) return { ...facts, unusable: unusable ?? found.unreadable };
  const { table, content, label } = found;
  const why = unusable ?? (label === undefined ? undefined : `it holds the volume ${label}`);
  return {
    ...facts,
    ...(why === undefined ? {} : { unusable: why }),
    ...(table === undefined ? {} : { table }),
    ...(content === undefined ? {} : { content }),
  };
}

/** A volume that brings a kickstart along, or takes the log, is no place for an installation. */
const mustStay = (label: string | undefined): label is string =>
  label !== undefined && LOG_LABELS.includes(label);

interface Inside {
  readonly table?: ExistingTable;
  readonly content?: string;
  /** Of a volume that must stay. */
  readonly label?: string;
}

async function lookInside(machine: Machine, disk: Disk): Promise<Inside> {
  const whole = await signatureAt(machine, disk.path, 0, disk.sizeBytes / SECTOR_BYTES);
  const table = await readTable(machine, disk, whole);
  if (table === undefined) {
    return {
      ...(whole === undefined ? {} : { content: whole.type }),
      ...(mustStay(whole?.label) ? { label: whole.label } : {}),
    };
  }
  const partitions: ExistingPartition[] = [];
  let label: string | undefined;
  for (const partition of table.partitions) {
    const at =
      partition.role === 'extended'
        ? undefined
        : await signatureAt(machine, disk.path, partition.start, partition.sectors);
    if (mustStay(at?.label)) label = at.label;
    partitions.push({ ...partition, ...(at === undefined ? {} : { content: at.type }) });
  }
  return { table: { label: table.label, partitions }, ...(label === undefined ? {} : { label }) };
}

async function readTable(
  machine: Machine,
  disk: Disk,
  whole: FileSystemSignature | undefined,
): Promise<ExistingTable | undefined> {
  const device = (number: number): string => partitionDevice(disk.path.slice('/dev/'.length), number);
  const gpt = await readGpt(machine, disk);
  if (gpt !== undefined) {
    return {
      label: 'gpt',
      partitions: gpt.partitions.map(({ number, start, sectors, typeGuid }) => ({
        ...{ device: device(number), number, role: 'primary' as const },
        ...{ start, sectors, type: typeGuid },
      })),
    };
  }
  // The boot sector of a FAT ends like an MBR.
  if (whole !== undefined) return undefined;
  const mbr = await readMbr(machine, disk.path, disk.blockBytes);
  if (mbr === undefined) return undefined;
  return {
    label: 'mbr',
    partitions: mbr.partitions.map((partition) => ({ device: device(partition.number), ...partition })),
  };
}

/** Every device that the commands name by a path, a UUID or a label → the device it leads to now. */
async function resolveNames(
  machine: Machine,
  commands: readonly CommandLine[],
): Promise<ReadonlyMap<string, string>> {
  const words = commands.flatMap(({ options, positionals }) => [
    ...positionals.map(({ text }) => text),
    ...[...options.values()].flat().flatMap(({ value }) => value?.text.split(',') ?? []),
  ]);
  const resolved = new Map<string, string>();
  for (const word of new Set(words)) {
    const [, key, value = ''] = /^(UUID|LABEL|PARTUUID|PARTLABEL)=(.+)$/.exec(word) ?? [];
    const link =
      key !== undefined
        ? `/dev/disk/by-${key.toLowerCase()}/${value}`
        : word.startsWith('/dev/')
          ? word
          : word.startsWith('disk/')
            ? `/dev/${word}`
            : undefined;
    const path = link === undefined ? undefined : await machine.realPath(link);
    if (path !== undefined) resolved.set(word, path);
  }
  return resolved;
}

/** Devices that are mounted or swapped to, or that brought the kickstart → what for. */
async function devicesInUse(machine: Machine, commandLine: string): Promise<ReadonlyMap<string, string>> {
  const lines = async (file: string): Promise<readonly string[][]> =>
    ((await machine.readFile(file)) ?? '').split('\n').map((line) => line.split(/\s+/));
  const mounts = await lines('/proc/self/mounts');
  const swaps = await lines('/proc/swaps');
  const source = parseBootArguments(commandLine).kickstart;
  const volume = source?.kind === 'volume' ? await volumeDevice(machine, source.volume) : undefined;
  return new Map([
    ...mounts.map(([device = '', folder = '']) => [device, `is mounted at ${folder}`] as const),
    ...swaps.map(([device = '']) => [device, 'is used for swap'] as const),
    ...(volume === undefined ? [] : [[volume, 'brought the kickstart'] as const]),
  ]);
}

async function volumeDevice(machine: Machine, volume: string): Promise<string | undefined> {
  const [, key, value = ''] = /^(LABEL|UUID)=(.+)$/.exec(volume) ?? [];
  const named = volume.startsWith('/dev/') ? volume : `/dev/${volume}`;
  return machine.realPath(key === undefined ? named : `/dev/disk/by-${key.toLowerCase()}/${value}`);
}

function whyUnusable(
  disk: Disk,
  inUse: ReadonlyMap<string, string>,
  ours: ReadonlySet<string>,
): string | undefined {
  if (disk.readOnly) return 'it is read-only';
  for (const { path, holders } of [disk, ...disk.partitions]) {
    const use = inUse.get(path);
    if (use !== undefined) return `${path} ${use}`;
    const others = holders.filter((holder) => !ours.has(holder));
    if (others.length > 0) return `${path} is a part of ${others.join(', ')}`;
  }
  return undefined;
}
