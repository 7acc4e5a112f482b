/** The part of the model that is made of partitions: arrays. */
import type { CommandLine } from '../kickstart/types.ts';
import { number, placeOf, text } from './command-words.ts';
import type { ModelArray } from './model.ts';
import { contentOf, type MadeDevice, type Refuse, targetOf } from './model-contents.ts';

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

/** `any:` and the name share the 32 bytes that a superblock has for them. */
const ARRAY_NAME = /^(?!md)[A-Za-z][\w-]{0,27}$/;

export interface ArrayModel {
  readonly arrays: readonly ModelArray[];
  readonly made: readonly MadeDevice[];
}

/** @param partitions what the members are looked up in */
export function buildArrays(
  commands: readonly CommandLine[],
  partitions: readonly MadeDevice[],
  refuse: Refuse,
): ArrayModel {
  const built = commands
    .filter(({ name }) => name === 'raid')
    .flatMap((command) => buildArray(command, commands, partitions, refuse) ?? []);
  built.forEach(({ array }, index) => {
    if (built.slice(0, index).some((other) => other.array.name === array.name)) {
      refuse(array.place, 'duplicate-array', `two arrays are named ${array.name}`);
    }
  });
  return { arrays: built.map(({ array }) => array), made: built.map(({ made }) => made) };
}

function buildArray(
  command: CommandLine,
  commands: readonly CommandLine[],
  partitions: readonly MadeDevice[],
  refuse: Refuse,
): { readonly array: ModelArray; readonly made: MadeDevice } | undefined {
  const name = (text(command, '--device') ?? '').replace(/^\/dev\/md\//, '');
  if (!ARRAY_NAME.test(name)) {
    refuse(
      command,
      'array-name',
      `an array cannot be named '${name}'`,
      'give --device= a name that does not begin with md',
    );
    return undefined;
  }
  const level = (text(command, '--level') ?? '').toLowerCase().replace(/^raid/, '');
  const facts = LEVELS.get(level);
  if (facts === undefined) {
    refuse(command, 'array-level', `RAID level ${level} is not known`);
    return undefined;
  }
  const members = membersOf(command, 'member', partitions, commands, refuse);
  const spares = number(command, '--spares') ?? 0;
  const active = command.positionals.length - 1 - spares;
  if (new Set(members.map(({ disk }) => disk)).size < members.length) {
    refuse(command, 'members-on-one-disk', `array ${name} has two members on one disk`);
  }
  if (active < facts.least) {
    refuse(
      command,
      'array-members',
      `array ${name} has ${active} active members, RAID${level} needs ${facts.least} or more`,
    );
  }
  const boots = isReadByBootLoader(command, commands);
  if (boots && level !== '1') {
    refuse(
      command,
      'boot-level',
      `${targetOf(command)} on RAID${level}: a boot loader reads one member, so it must be RAID1`,
    );
  }
  const content = contentOf(command, refuse);
  if (content.kind === 'member' || content.kind === 'biosboot') {
    refuse(command, 'array-content', `array ${name} cannot be ${targetOf(command)}`);
  }
  const device = `/dev/md/${name}`;
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
      place: placeOf(command),
    },
    made: { device, command, content, sizeMiB: Math.floor(usable(smallest) * facts.data(active)) },
  };
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

/** The devices a `raid` or `volgroup` command is made of, as its words name them. */
export function membersOf(
  command: CommandLine,
  kind: 'member' | 'pv',
  made: readonly MadeDevice[],
  commands: readonly CommandLine[],
  refuse: Refuse,
): readonly MadeDevice[] {
  return command.positionals.slice(1).flatMap((word) => {
    const found = made.find(({ content }) => content.kind === kind && content.id === word.text);
    // One that is defined and was not made has been refused for a reason of its own.
    if (found === undefined && !commands.some((one) => targetOf(one) === word.text)) {
      refuse(word, 'no-such-member', `no partition is named ${word.text}`);
    }
    return found ?? [];
  });
}
