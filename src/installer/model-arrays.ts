/** The part of the model that is made of partitions: arrays. */
import type { CommandLine } from '../kickstart/types.ts';
import { number, option, placeOf, text } from './command-words.ts';
import type { ModelArray } from './model.ts';
import type { ClearedDisk } from './model-clear.ts';
import {
  contentOf,
  keepsFormat,
  type MadeDevice,
  type MemberKind,
  type Refuse,
  reuses,
  targetOf,
} from './model-contents.ts';
import { findPartition, type Ground } from './model-requests.ts';

interface Level {
  /** Active members an array has at least; those of blivet (`blivet/devicelibs/raid.py`). */
  readonly least: number;
  /** Members' worth of data that `members` hold. */
  readonly data: (members: number) => number;
}

const LEVELS: ReadonlyMap<string, Level> = new Map<string, Level>([
  ['0', { least: 2, data: (members) => members }],
  ['1', { least: 2, data: () => 1 }],
  ['4', { least: 3, data: (members) => members - 1 }],
  ['5', { least: 3, data: (members) => members - 1 }],
  ['6', { least: 4, data: (members) => members - 2 }],
  ['10', { least: 4, data: (members) => members / 2 }],
]);

/**
 * A name, or a number for /dev/mdN. `any:` and the name share the 32 bytes that a superblock has for them.
 * RHEL 8 and 9 take `md0` for `0`, RHEL 10 does not: that is refused rather than guessed.
 */
const ARRAY_NAME = /^(?!md\d+$)[A-Za-z][\w-]{0,27}$|^\d{1,3}$/;

/** Where an array of that name appears. */
export const arrayDevice = (name: string): string =>
  /^\d+$/.test(name) ? `/dev/md${name}` : `/dev/md/${name}`;

export interface ArrayModel {
  readonly arrays: readonly ModelArray[];
  readonly made: readonly MadeDevice[];
  /** Disks of arrays that were there already. */
  readonly disks: readonly ClearedDisk[];
}

/** @param partitions what the members are looked up in */
export function buildArrays(
  commands: readonly CommandLine[],
  partitions: readonly MadeDevice[],
  ground: Ground,
  refuse: Refuse,
): ArrayModel {
  const built = commands
    .filter(({ name }) => name === 'raid')
    .flatMap((command) => buildArray(command, commands, partitions, ground, refuse) ?? []);
  built.forEach(({ array }, index) => {
    if (built.slice(0, index).some((other) => other.array.name === array.name)) {
      refuse(array.place, 'duplicate-array', `two arrays are named ${array.name}`);
    }
  });
  return {
    arrays: built.map(({ array }) => array),
    made: built.map(({ made }) => made),
    disks: [...new Set(built.flatMap(({ disks = [] }) => disks))],
  };
}

/** The name by which a `raid` command knows its array: `0`, `boot`. */
export const arrayName = (command: CommandLine): string =>
  (text(command, '--device') ?? '').replace(/^\/dev\/(md\/|md(?=\d))/, '');

interface BuiltArray {
  readonly array: ModelArray;
  readonly made: MadeDevice;
  readonly disks?: readonly ClearedDisk[];
}

function buildArray(
  command: CommandLine,
  commands: readonly CommandLine[],
  partitions: readonly MadeDevice[],
  ground: Ground,
  refuse: Refuse,
): BuiltArray | undefined {
  const { facts } = ground;
  const name = arrayName(command);
  if (!ARRAY_NAME.test(name)) {
    refuse(
      command,
      'array-name',
      `an array cannot be named '${name}'`,
      'give --device= a number, or a name that is not md and a number',
    );
    return undefined;
  }
  if (reuses(command)) return existingArray(command, name, commands, ground, refuse);
  const level = (text(command, '--level') ?? '').toLowerCase().replace(/^raid/, '');
  const known = LEVELS.get(level);
  if (known === undefined) {
    refuse(command, 'array-level', `RAID level ${level} is not known`);
    return undefined;
  }
  const members = membersOf(command, 'member', partitions, commands, refuse);
  const spares = number(command, '--spares') ?? 0;
  const active = command.positionals.length - 1 - spares;
  if (facts.own && new Set(members.map(({ disk }) => disk)).size < members.length) {
    refuse(command, 'members-on-one-disk', `array ${name} has two members on one disk`);
  }
  if (active < known.least) {
    refuse(
      command,
      'array-members',
      `array ${name} has ${active} active members, RAID${level} needs ${known.least} or more`,
    );
  }
  const boots = isReadByBootLoader(command, commands);
  if (boots && level !== '1') {
    refuse(command, 'boot-level', bootLevelMessage(command, `RAID${level}`));
  }
  const content = contentOf(command, facts.fileSystem, refuse);
  if (content.kind === 'member' || content.kind === 'biosboot') {
    refuse(command, 'array-content', `array ${name} cannot be ${targetOf(command)}`);
  }
  const device = arrayDevice(name);
  const chunkKiB = chunkOf(command, level, refuse);
  const smallest = Math.min(...members.map(({ sizeMiB }) => sizeMiB));
  return {
    array: {
      name,
      device,
      level: `raid${level}`,
      // Firmware and boot loader read a member as a plain file system: the superblock goes to its end.
      metadata: boots ? '1.0' : '1.2',
      members: members.map((member) => member.device),
      spares,
      bitmap: level !== '0' && targetOf(command) !== 'swap',
      ...(chunkKiB === undefined ? {} : { chunkKiB }),
      place: placeOf(command),
    },
    made: { device, command, content, sizeMiB: Math.floor(usable(smallest) * known.data(active)) },
  };
}

const bootLevelMessage = (command: CommandLine, level: string): string =>
  `${targetOf(command)} on ${level}: a boot loader reads one member, so it must be RAID1`;

/** An array that stays, with its file system or with a new one. */
function existingArray(
  command: CommandLine,
  name: string,
  commands: readonly CommandLine[],
  ground: Ground,
  refuse: Refuse,
): BuiltArray | undefined {
  const found = ground.facts.arrays?.find((array) => array.name === name);
  if (found === undefined) {
    refuse(command, 'no-such-array', `there is no array ${name} on the disks of this machine`);
    return undefined;
  }
  if (found.unusable !== undefined) {
    refuse(command, 'disk-in-use', `array ${name} cannot be used: ${found.unusable}`);
  } else if (found.members.length < found.raidDisks) {
    refuse(
      command,
      'degraded',
      `array ${name} is degraded: ${found.members.length} of ${found.raidDisks} members`,
      'give it the member that it lacks, or make it anew',
    );
  }
  if (isReadByBootLoader(command, commands) && found.level !== 'raid1') {
    refuse(command, 'boot-level', bootLevelMessage(command, found.level));
  }
  const disks = found.members.flatMap((device) => {
    const there = findPartition(device, ground);
    if (there === undefined) {
      refuse(
        command,
        'no-such-array',
        `${name} lies on ${device}, which the kickstart removes, or its disk is not to be used`,
      );
    } else if (there.disk.disk.unusable !== undefined) {
      refuse(command, 'disk-in-use', `${name} cannot be used: ${there.disk.disk.unusable}`);
    }
    return there?.disk ?? [];
  });
  const kept = keepsFormat(command) ? (found.content ?? '') : undefined;
  const { members, level, raidDisks, sizeMiB } = found;
  return {
    array: {
      name,
      device: arrayDevice(name),
      level,
      metadata: found.metadata === '1.0' ? '1.0' : '1.2',
      members,
      spares: Math.max(0, members.length - raidDisks),
      bitmap: false,
      keep: true,
      place: placeOf(command),
    },
    made: {
      device: arrayDevice(name),
      command,
      content: contentOf(command, ground.facts.fileSystem, refuse, kept),
      sizeMiB,
    },
    disks,
  };
}

/** mdadm wants a multiple of 4 KiB, and none for RAID1. */
function chunkOf(command: CommandLine, level: string, refuse: Refuse): number | undefined {
  const chunk = number(command, '--chunksize');
  if (chunk === undefined || chunk === 0) return undefined;
  if (chunk % 4 !== 0) {
    refuse(option(command, '--chunksize') ?? command, 'chunk-size', `${chunk} KiB is no multiple of 4 KiB`);
  }
  return level === '1' ? undefined : chunk;
}

/** The file system of the kernel and that of the firmware. */
function isReadByBootLoader(command: CommandLine, commands: readonly CommandLine[]): boolean {
  const target = targetOf(command);
  if (target === '/boot' || target === '/boot/efi') return true;
  return target === '/' && !commands.some((other) => targetOf(other) === '/boot');
}

/** MiB of a member behind what mdadm reserves: at most 1/1024 of it (super1.c, the headroom for reshapes). */
const usable = (memberMiB: number): number =>
  Number.isFinite(memberMiB) ? Math.max(0, memberMiB - Math.max(1, Math.ceil(memberMiB / 1024))) : 0;

/** The devices a `raid`, `volgroup` or `btrfs` command is made of, as its words name them. */
export function membersOf(
  command: CommandLine,
  kind: MemberKind,
  made: readonly MadeDevice[],
  commands: readonly CommandLine[],
  refuse: Refuse,
): readonly MadeDevice[] {
  return command.positionals.slice(1).flatMap((word) => {
    // Anaconda takes the name of the device as well: `raid pv.01 --device=data`, `volgroup system data`.
    const found = made.find(
      ({ content, device, command: its }) =>
        content.kind === kind &&
        (content.id === word.text || device === `/dev/${word.text}` || text(its, '--device') === word.text),
    );
    // One that is defined and was not made has been refused for a reason of its own.
    if (found === undefined && !commands.some((one) => targetOf(one) === word.text)) {
      refuse(word, 'no-such-member', `no partition is named ${word.text}`);
    }
    return found ?? [];
  });
}
