/** The part of the model that lies on the disks themselves: which disks are released, and their partitions. */
import type { CommandLine } from '../kickstart/types.ts';
import { flag, list, number, option, placeOf, text } from './command-words.ts';
import { share } from './grow.ts';
import type { ModelDisk, ModelPartition, TargetDisk } from './model.ts';
import { partitionDevice } from './model.ts';
import { type Content, contentOf, type MadeDevice, type Refuse, targetOf } from './model-contents.ts';

/** Finds a disk by any of its names: `vda`, `/dev/vda`, `/dev/disk/by-id/…`. */
export type FindDisk = (name: string) => TargetDisk | undefined;

export const TYPE_GUID = {
  biosboot: '21686148-6449-6E6F-744E-656564454649',
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  raid: 'A19D880F-05FC-4D3B-A006-743F0F84911E',
  lvm: 'E6D6D379-F507-44C2-A23C-238F2A3DF928',
  swap: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F',
  linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
} as const;

const MIB = 1024 * 1024;
const SECTORS_PER_MIB = MIB / 512;
/** MiB kept free at each end of a disk: alignment in front, the backup GPT behind. */
const EDGE_MIB = 1;
/** UTF-16 units of a partition's name in a GPT. */
const GPT_NAME_UNITS = 36;

export const isPartition = ({ name }: CommandLine): boolean => name === 'part' || name === 'partition';

export interface DiskModel {
  readonly disks: readonly ModelDisk[];
  /** Every partition, in the order of the disks. */
  readonly made: readonly MadeDevice[];
}

/** Partitions keep the order of the file on their disk, which Anaconda's do not: nothing may depend on their numbers. */
export function buildDisks(commands: readonly CommandLine[], findDisk: FindDisk, refuse: Refuse): DiskModel {
  const built = [...requestsByDisk(commands, findDisk, refuse)].map(([disk, requests]) => {
    const made = buildPartitions(disk, requests, refuse);
    const partitions = made.map((one, index) => modelPartition(one, index, made, commands));
    const { name, sizeBytes, sectorBytes } = disk;
    return { disk: { name, sizeBytes, sectorBytes, partitions }, made };
  });
  return { disks: built.map(({ disk }) => disk), made: built.flatMap(({ made }) => made) };
}

/** The `part` commands of each released disk, in the order in which the file names the disks. */
function requestsByDisk(
  commands: readonly CommandLine[],
  findDisk: FindDisk,
  refuse: Refuse,
): ReadonlyMap<TargetDisk, readonly CommandLine[]> {
  const released = releasedDisks(commands, findDisk, refuse);
  const disks = new Map<string, TargetDisk>();
  const requests = new Map<TargetDisk, CommandLine[]>();
  for (const command of commands.filter(isPartition)) {
    const word = option(command, '--ondisk') ?? option(command, '--ondrive');
    if (word === undefined) {
      refuse(command, 'no-disk', 'no --ondisk: this installer never chooses a disk by itself');
      continue;
    }
    const found = findDisk(word.text);
    if (found === undefined) {
      refuse(word, 'no-such-disk', `there is no disk ${word.text} in this machine`);
    } else if (!released.has(found.name)) {
      refuse(
        word,
        'not-released',
        `${word.text} is not released for partitioning`,
        'name it in ignoredisk --only-use= and clearpart --all --initlabel --drives=',
      );
    } else {
      const disk = disks.get(found.name) ?? found;
      if (!disks.has(disk.name) && disk.unusable !== undefined) {
        refuse(word, 'disk-in-use', `${word.text} cannot be written: ${disk.unusable}`);
      }
      disks.set(disk.name, disk);
      requests.set(disk, [...(requests.get(disk) ?? []), command]);
    }
  }
  return requests;
}

/** Names of the disks that the kickstart both limits itself to and clears: only these are ever written to. */
function releasedDisks(
  commands: readonly CommandLine[],
  findDisk: FindDisk,
  refuse: Refuse,
): ReadonlySet<string> {
  const named = (name: string, of: string): readonly CommandLine[] =>
    commands.filter((command) => command.name === name && command.options.has(of));
  const disks = (words: readonly string[]): readonly string[] =>
    words.flatMap((word) => findDisk(word)?.name ?? []);
  const only = disks(named('ignoredisk', '--only-use').flatMap((command) => list(command, '--only-use')));
  const clearing = named('clearpart', '--all').filter((command) => flag(command, '--initlabel'));
  const cleared = new Set(disks(clearing.flatMap((command) => list(command, '--drives'))));
  for (const command of clearing) {
    const label = text(command, '--disklabel');
    if (label === undefined || label === 'gpt') continue;
    refuse(command, 'not-gpt', `a ${label} partition table: this installer makes GPT only`);
  }
  return new Set(only.filter((name) => cleared.has(name)));
}

function buildPartitions(
  disk: TargetDisk,
  commands: readonly CommandLine[],
  refuse: Refuse,
): readonly MadeDevice[] {
  const room = Math.floor(disk.sizeBytes / MIB) - 2 * EDGE_MIB;
  const requests = commands.map((command) => {
    const size = number(command, '--size') ?? 0;
    const max = number(command, '--maxsize');
    if (max !== undefined && max < size) {
      refuse(
        option(command, '--maxsize') ?? command,
        'max-below-size',
        `--maxsize=${max} is less than --size=${size}`,
      );
    }
    return { size, grow: flag(command, '--grow'), ...(max === undefined ? {} : { max }) };
  });
  const sizes = share(requests, room);
  const last = commands.at(-1);
  if (sizes === undefined && last !== undefined) {
    const needed = requests.reduce((total, { size }) => total + size, 0);
    refuse(
      last,
      'too-small',
      `${disk.name} is too small: its partitions need ${needed} MiB, it has room for ${Math.max(0, room)} MiB`,
    );
  }
  return commands.map((command, index) => {
    const sizeMiB = sizes?.[index] ?? 0;
    if (sizeMiB === 0 && sizes !== undefined) {
      refuse(command, 'no-size', 'a partition of no size', 'give it --size=MiB');
    }
    const content = contentOf(command, refuse);
    return { device: partitionDevice(disk.name, index + 1), command, content, sizeMiB, disk: disk.name };
  });
}

function modelPartition(
  { device, command, content, sizeMiB }: MadeDevice,
  index: number,
  onDisk: readonly MadeDevice[],
  commands: readonly CommandLine[],
): ModelPartition {
  const before = onDisk.slice(0, index).reduce((total, one) => total + one.sizeMiB, EDGE_MIB);
  return {
    device,
    number: index + 1,
    start: before * SECTORS_PER_MIB,
    sectors: sizeMiB * SECTORS_PER_MIB,
    typeGuid: typeGuid(content, commands),
    gptName: gptName(command, content),
    place: placeOf(command),
  };
}

function typeGuid(content: Content, commands: readonly CommandLine[]): string {
  switch (content.kind) {
    case 'biosboot':
      return TYPE_GUID.biosboot;
    case 'pv':
      return TYPE_GUID.lvm;
    case 'member': {
      const array = commands.find(
        ({ name, positionals }) =>
          name === 'raid' && positionals.slice(1).some((word) => word.text === content.id),
      );
      // A firmware without boot entries finds an ESP by its type only, so each member of an ESP array has it.
      return array !== undefined && targetOf(array) === '/boot/efi' ? TYPE_GUID.esp : TYPE_GUID.raid;
    }
    case 'file-system':
      if (content.fileSystem.mountPoint === '/boot/efi') return TYPE_GUID.esp;
      return content.fileSystem.type === 'swap' ? TYPE_GUID.swap : TYPE_GUID.linux;
    case 'nothing':
      return TYPE_GUID.linux;
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
  if (content.kind === 'member' || content.kind === 'pv') {
    return content.id.replace(/^(raid|pv)\./, '').replace(/\d+$/, '');
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
