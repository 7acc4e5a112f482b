/** The part of the model that lies on the disks themselves: which disks are used, and their partitions. */
import type { CommandLine } from '../kickstart/types.ts';
import { PARTITION_TYPE } from '../plan/types.ts';
import { placeOf } from './command-words.ts';
import type { ModelDisk, ModelPartition } from './model.ts';
import { partitionDevice } from './model.ts';
import { type Allocation, allocate, type Placed, type PlacedExtended } from './model-allocate.ts';
import type { ClearedDisk } from './model-clear.ts';
import { type Content, type MadeDevice, type Refuse, targetOf } from './model-contents.ts';
import { SECTORS_PER_MIB } from './model-regions.ts';
import { type Ground, type ReusedPartition, readRequests } from './model-requests.ts';

type PartitionType = keyof typeof PARTITION_TYPE;

/** The same in an MBR, which has no BIOS boot partitions. */
const TYPE_BYTE: Readonly<Record<PartitionType, string>> = {
  biosboot: '83',
  esp: 'ef',
  raid: 'fd',
  lvm: '8e',
  swap: '82',
  linux: '83',
};
const EXTENDED_BYTE = '05';

/** UTF-16 units of a partition's name in a GPT. */
const GPT_NAME_UNITS = 36;

export interface DiskModel {
  readonly disks: readonly ModelDisk[];
  /** Every partition with a purpose, in the order of the disks. */
  readonly made: readonly MadeDevice[];
}

/** Partitions keep the order of the file on their disk, which Anaconda's do not: nothing may depend on their numbers. */
export function buildDisks(commands: readonly CommandLine[], ground: Ground, refuse: Refuse): DiskModel {
  const { make, reuse } = readRequests(commands, ground, refuse);
  const allocation = allocate(make, ground, refuse);
  const used = usedDisks(ground, allocation, reuse);
  return {
    disks: used.map((disk) => modelDisk(disk, allocation, commands)),
    made: [...allocation.placed.map(madePartition), ...reuse.map(reusedDevice)],
  };
}

/** In the order in which the file gives them partitions; then those that are only cleared. */
function usedDisks(
  { cleared }: Ground,
  { placed }: Allocation,
  reuse: readonly ReusedPartition[],
): readonly ClearedDisk[] {
  const changed = cleared.disks.filter(({ fresh, removed }) => fresh || removed.length > 0);
  const names = [...placed, ...reuse, ...changed.map((disk) => ({ disk }))].map(({ disk }) => disk.disk.name);
  return [...new Set(names)].flatMap((name) => cleared.disks.find(({ disk }) => disk.name === name) ?? []);
}

function modelDisk(
  disk: ClearedDisk,
  { placed, extended }: Allocation,
  commands: readonly CommandLine[],
): ModelDisk {
  const { name, sizeBytes, sectorBytes } = disk.disk;
  const isHere = (one: { readonly disk: ClearedDisk }): boolean => one.disk.disk.name === name;
  const partitions = [
    ...placed.filter(isHere).map((one) => modelPartition(one, commands)),
    ...extended.filter(isHere).map((one) => extendedPartition(one, placed.filter(isHere))),
  ];
  return {
    name,
    sizeBytes,
    sectorBytes,
    label: disk.label ?? 'gpt',
    fresh: disk.fresh,
    removed: disk.removed,
    kept: disk.kept,
    partitions: partitions.toSorted((a, b) => a.number - b.number),
  };
}

const madePartition = ({ request, disk, number, sizeMiB }: Placed): MadeDevice => ({
  device: partitionDevice(disk.disk.name, number),
  command: request.command,
  content: request.content,
  sizeMiB,
  disk: disk.disk.name,
});

const reusedDevice = ({ command, content, disk, partition }: ReusedPartition): MadeDevice => ({
  device: partition.device,
  command,
  content,
  sizeMiB: Math.floor(partition.sectors / SECTORS_PER_MIB),
  disk: disk.disk.name,
});

function modelPartition(
  { request, disk, number, role, startMiB, sizeMiB }: Placed,
  commands: readonly CommandLine[],
): ModelPartition {
  const { command, content } = request;
  const type = typeOf(content, commands);
  return {
    device: partitionDevice(disk.disk.name, number),
    number,
    role,
    start: startMiB * SECTORS_PER_MIB,
    sectors: sizeMiB * SECTORS_PER_MIB,
    typeGuid: PARTITION_TYPE[type],
    typeByte: TYPE_BYTE[type],
    gptName: gptName(command, content),
    place: placeOf(command),
  };
}

function extendedPartition(
  { disk, number, startMiB, sizeMiB }: PlacedExtended,
  here: readonly Placed[],
): ModelPartition {
  const [first] = here.filter(({ role }) => role === 'logical');
  if (first === undefined) throw new Error('an extended partition is made for logical ones');
  return {
    device: partitionDevice(disk.disk.name, number),
    number,
    role: 'extended',
    start: startMiB * SECTORS_PER_MIB,
    sectors: sizeMiB * SECTORS_PER_MIB,
    typeGuid: PARTITION_TYPE.linux,
    typeByte: EXTENDED_BYTE,
    gptName: 'extended',
    place: placeOf(first.request.command),
  };
}

function typeOf(content: Content, commands: readonly CommandLine[]): PartitionType {
  switch (content.kind) {
    case 'biosboot':
      return 'biosboot';
    case 'pv':
      return 'lvm';
    case 'member': {
      const array = commands.find(
        ({ name, positionals }) =>
          name === 'raid' && positionals.slice(1).some((word) => word.text === content.id),
      );
      // A firmware without boot entries finds an ESP by its type only, so each member of an ESP array has it.
      return array !== undefined && targetOf(array) === '/boot/efi' ? 'esp' : 'raid';
    }
    case 'file-system':
      if (content.fileSystem.mountPoint === '/boot/efi') return 'esp';
      return content.fileSystem.type === 'swap' ? 'swap' : 'linux';
    case 'btrfs':
    case 'unformatted':
    case 'nothing':
      return 'linux';
  }
}

/** GPT name of a partition: what its member or mount point says it is for; `record-layout` has the last word. */
function gptName(command: CommandLine, content: Content): string {
  const role = roleOf(targetOf(command), content);
  // What could end the name in sfdisk's script has no place in it.
  return `slipway-${role.replace(/[^\w.+-]/g, '-')}`.slice(0, GPT_NAME_UNITS);
}

function roleOf(target: string, content: Content): string {
  if (content.kind === 'biosboot') return 'biosboot';
  if (content.kind === 'member' || content.kind === 'pv' || content.kind === 'btrfs') {
    return content.id.replace(/^(raid|pv|btrfs)\./, '').replace(/\d+$/, '');
  }
  const known: Readonly<Record<string, string>> = {
    '/': 'root',
    '/boot': 'boot',
    '/boot/efi': 'esp',
    swap: 'swap',
    None: 'clustered',
  };
  return known[target] ?? (target.replaceAll('/', '-').replace(/^-/, '') || 'data');
}
