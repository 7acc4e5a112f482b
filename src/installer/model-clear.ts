/**
 * Which disks an installation may use and what it removes from them: `ignoredisk`, `clearpart`, `zerombr`.
 * The rules are those of Anaconda (`DiskInitializationConfig.can_remove` and `can_initialize`).
 */
import type { CommandLine } from '../kickstart/types.ts';
import { flag, list, option, text } from './command-words.ts';
import type { ExistingPartition, TableLabel, TargetDisk } from './model.ts';
import type { Refuse } from './model-contents.ts';
import type { StorageFacts } from './storage-facts.ts';

/** Finds a disk by any of its names: `vda`, `/dev/vda`, `/dev/disk/by-id/…`. */
export type FindDisk = (name: string) => TargetDisk | undefined;

/** A disk that may be used, as it is once everything to be removed is gone. */
export interface ClearedDisk {
  readonly disk: TargetDisk;
  /** Undefined: it has no partition table and gets none, so nothing can be made on it. */
  readonly label?: TableLabel;
  readonly fresh: boolean;
  readonly kept: readonly ExistingPartition[];
  /** Highest first. */
  readonly removed: readonly number[];
}

export interface ClearedDisks {
  /** In the order of their names. */
  readonly disks: readonly ClearedDisk[];
  readonly find: (name: string) => ClearedDisk | undefined;
}

/** Whatever the kickstart says, a disk that cannot be written is not among them. */
export function clearDisks(
  commands: readonly CommandLine[],
  find: FindDisk,
  facts: StorageFacts,
  refuse: Refuse,
): ClearedDisks {
  const rules = readRules(commands, find, facts, refuse);
  const usable = candidates(commands, find, facts)
    .filter((disk) => isSelected(disk, commands, find, refuse))
    .filter((disk) => !facts.own || isReleased(disk, commands, find));
  const disks = usable.map((disk) => clearDisk(disk, rules)).toSorted(byName);
  return {
    disks,
    find: (name) => {
      const found = find(name);
      return disks.find(({ disk }) => disk.name === found?.name);
    },
  };
}

const byName = ({ disk: a }: ClearedDisk, { disk: b }: ClearedDisk): number =>
  a.name.localeCompare(b.name, 'en', { numeric: true });

/** The machine's disks and those that commands name. */
function candidates(
  commands: readonly CommandLine[],
  find: FindDisk,
  facts: StorageFacts,
): readonly TargetDisk[] {
  const words = commands.flatMap((command) => [
    ...['--only-use', '--drives', '--ondisk', '--ondrive'].flatMap((name) => list(command, name)),
  ]);
  const named = words.flatMap((word) => find(word) ?? []);
  const disks = new Map([...facts.disks, ...named].map((disk) => [disk.name, disk]));
  return [...disks.values()];
}

/** Whether a list of disks in an option has this one. */
const names = (command: CommandLine, option: string, disk: TargetDisk, find: FindDisk): boolean =>
  list(command, option).some((word) => find(word)?.name === disk.name);

/** Whether `ignoredisk` leaves the disk to us. */
function isSelected(
  disk: TargetDisk,
  commands: readonly CommandLine[],
  find: FindDisk,
  refuse: Refuse,
): boolean {
  for (const command of commands.filter(({ name }) => name === 'ignoredisk')) {
    if (command.options.has('--only-use') && !names(command, '--only-use', disk, find)) return false;
    if (names(command, '--drives', disk, find)) return false;
    if (command.options.has('--interactive')) refuse(command, 'interactive', 'nobody is asked here');
  }
  return true;
}

/** A kickstart of the medium's own names every disk it is about twice, or the disk is not touched. */
function isReleased(disk: TargetDisk, commands: readonly CommandLine[], find: FindDisk): boolean {
  return (
    commands.some((command) => command.name === 'ignoredisk' && names(command, '--only-use', disk, find)) &&
    commands.some(
      (command) =>
        command.name === 'clearpart' &&
        flag(command, '--all') &&
        flag(command, '--initlabel') &&
        names(command, '--drives', disk, find),
    )
  );
}

interface Rules {
  readonly mode: 'all' | 'linux' | 'list' | 'none';
  /** Names of the disks the rules are for; empty: all. */
  readonly drives: readonly string[];
  /** Disks and partitions, by kernel name. */
  readonly devices: readonly string[];
  readonly initialize: boolean;
  readonly zero: boolean;
  readonly label: TableLabel;
}

function readRules(
  commands: readonly CommandLine[],
  find: FindDisk,
  facts: StorageFacts,
  refuse: Refuse,
): Rules {
  const zero = commands.some(({ name }) => name === 'zerombr');
  const command = commands.findLast(({ name }) => name === 'clearpart');
  if (command === undefined) {
    return { mode: 'none', drives: [], devices: [], initialize: false, zero, label: facts.label };
  }
  const drives = list(command, '--drives').flatMap((word) => {
    const disk = find(word);
    // One of the medium's own says so where it wants to make something on the disk.
    if (disk === undefined && !facts.own) {
      refuse(option(command, '--drives') ?? command, 'no-such-disk', `there is no disk ${word}`);
    }
    return disk?.name ?? [];
  });
  refuseUnknownDevices(command, find, facts, refuse);
  const mode = (['all', 'linux', 'list', 'none'] as const).find((one) => flag(command, `--${one}`));
  if (flag(command, '--cdl')) refuse(command, 'unsupported-option', '--cdl is for disks of IBM Z');
  return {
    mode: mode ?? 'none',
    drives,
    devices: list(command, '--list').map((word) => word.replace(/^\/dev\//, '')),
    initialize: flag(command, '--initlabel'),
    zero,
    label: labelOf(command, refuse) ?? facts.label,
  };
}

/** As Anaconda: what a list names has to be there. */
function refuseUnknownDevices(
  command: CommandLine,
  find: FindDisk,
  { disks, own }: StorageFacts,
  refuse: Refuse,
): void {
  const partitions = disks.flatMap(({ table }) => table?.partitions ?? []);
  for (const word of own ? [] : list(command, '--list')) {
    const device = `/dev/${word.replace(/^\/dev\//, '')}`;
    if (find(word) !== undefined || partitions.some((one) => one.device === device)) continue;
    refuse(option(command, '--list') ?? command, 'no-such-partition', `there is no ${word} to clear`);
  }
}

/** What stands against making anything on the disks: `vda has no partition table`. */
export const whyNone = ({ disks }: ClearedDisks): string =>
  disks
    .map(({ disk, label }) => {
      if (disk.unusable !== undefined) return `${disk.name} cannot be written (${disk.unusable})`;
      return `${disk.name} ${label === undefined ? 'has no partition table' : 'is full'}`;
    })
    .join(', ') || 'there is none';

function labelOf(command: CommandLine, refuse: Refuse): TableLabel | undefined {
  const wanted = text(command, '--disklabel');
  switch (wanted) {
    case undefined:
    case 'gpt':
      return wanted;
    case 'mbr':
    case 'msdos':
    case 'dos':
      return 'mbr';
    default:
      refuse(
        option(command, '--disklabel') ?? command,
        'disk-label',
        `a ${wanted} partition table: this installer makes GPT and MBR`,
        'write --disklabel=gpt or --disklabel=mbr',
      );
      return undefined;
  }
}

function clearDisk(disk: TargetDisk, rules: Rules): ClearedDisk {
  const all = disk.table?.partitions ?? [];
  if (disk.unusable !== undefined) return { disk, fresh: false, kept: all, removed: [] };
  const removable = all.filter((partition) => isRemovable(partition, disk, rules));
  const left = all.filter((partition) => !removable.includes(partition));
  // An extended partition goes with the last of the logical ones.
  const kept = left.some(({ role }) => role === 'logical')
    ? left
    : left.filter(({ role }) => role !== 'extended');
  const fresh = isInitialized(disk, kept, rules);
  if (fresh) return { disk, label: rules.label, fresh, kept: [], removed: [] };
  const removed = all.filter((partition) => !kept.includes(partition)).map(({ number }) => number);
  return {
    disk,
    ...(disk.table === undefined ? {} : { label: disk.table.label }),
    fresh,
    kept,
    removed: removed.toSorted((a, b) => b - a),
  };
}

const isMeant = (disk: TargetDisk, { drives }: Rules): boolean =>
  drives.length === 0 || drives.includes(disk.name);

function isRemovable(partition: ExistingPartition, disk: TargetDisk, rules: Rules): boolean {
  if (!isMeant(disk, rules) || partition.role === 'extended') return false;
  switch (rules.mode) {
    case 'all':
      return true;
    case 'linux':
      return isLinux(partition);
    case 'list':
      return rules.devices.includes(partition.device.replace(/^\/dev\//, ''));
    case 'none':
      return false;
  }
}

/** Whether the disk gets a new table, once its removable partitions are gone. */
function isInitialized(disk: TargetDisk, kept: readonly ExistingPartition[], rules: Rules): boolean {
  const partitioned = disk.table !== undefined;
  const empty = partitioned ? kept.length === 0 : disk.content === undefined;
  if (rules.zero && !partitioned && disk.content === undefined) return true;
  if (!isMeant(disk, rules)) return false;
  switch (rules.mode) {
    case 'all':
      return true;
    case 'none':
      return rules.initialize && empty;
    case 'linux':
      return (rules.initialize && empty) || (!partitioned && LINUX_CONTENT.has(disk.content ?? ''));
    case 'list':
      return rules.devices.includes(disk.name) && (empty || !partitioned);
  }
}

/** What blivet calls native to Linux, in the words of blkid. */
const LINUX_CONTENT = new Set([
  ...['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'swap', 'f2fs', 'jfs', 'reiserfs'],
  ...['LVM2_member', 'linux_raid_member', 'crypto_LUKS'],
]);

/** LVM, RAID and swap, which are Linux's whatever they hold: by GUID and by the byte of an MBR. */
const LINUX_TYPES = new Set([
  ...['E6D6D379-F507-44C2-A23C-238F2A3DF928', 'A19D880F-05FC-4D3B-A006-743F0F84911E'],
  ...['0657FD6D-A4AB-43C4-84E5-0933C84B4F4F', '8e', 'fd', '82'],
]);

const isLinux = ({ content = '', type }: ExistingPartition): boolean =>
  LINUX_CONTENT.has(content) || LINUX_TYPES.has(type);
