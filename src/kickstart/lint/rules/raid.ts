/** Rules about arrays and what refers to what. */
import type { CommandLine, Word } from '../../types.ts';
import { lookup, type StorageView } from '../storage.ts';
import type { PracticeFinding, PracticeRule } from '../types.ts';

export const RAID_RULES: readonly PracticeRule[] = [
  {
    name: 'array-named-md',
    severity: 'warning',
    title: 'No array is named md followed by a number.',
    why: 'RHEL 8 and 9 drop the letters, RHEL 10 keeps them, and the kernel hands out the same names on its own: after a reboot the name can mean another array.',
    remedy: 'name the array after what it holds, for example --device=boot',
    wrong: 'raid / --device=md0 --level=1 --fstype=xfs raid.21 raid.22',
    right: 'raid / --device=root --level=1 --fstype=xfs raid.21 raid.22',
    check: ({ storage }) =>
      storage.arrays.flatMap(({ device }) =>
        device !== undefined && /^(\/dev\/)?md\d*$/.test(device.text)
          ? [{ at: device, message: `'${device.text}' is a name that the kernel hands out` }]
          : [],
      ),
  },
  {
    name: 'members-on-one-disk',
    severity: 'error',
    title: 'The members of an array lie on different disks.',
    why: 'Two members on one disk die together; the array is slower than a plain partition and no safer.',
    remedy: 'give each member --ondisk with a disk of its own',
    wrong: `part raid.21 --size=4096 --ondisk=ata-A
part raid.22 --size=4096 --ondisk=ata-A
raid / --device=root --level=1 --fstype=xfs raid.21 raid.22`,
    right: `part raid.21 --size=4096 --ondisk=ata-A
part raid.22 --size=4096 --ondisk=ata-B
raid / --device=root --level=1 --fstype=xfs raid.21 raid.22`,
    check: ({ storage }) => storage.arrays.flatMap((array) => doubledDisks(array.members, storage)),
  },
  {
    name: 'undefined-reference',
    severity: 'error',
    title: 'Every member, volume group and pool that is named is also made.',
    why: 'The installer finds out when the disks are already cleared.',
    remedy: 'define it, or correct the name',
    wrong: `part pv.01 --size=8192
volgroup system pv.02
logvol / --vgname=system --name=root --size=4096`,
    right: `part pv.01 --size=8192
volgroup system pv.01
logvol / --vgname=system --name=root --size=4096`,
    check: ({ storage }) =>
      storage.open ? [] : references(storage).flatMap((reference) => missing(reference)),
  },
  {
    name: 'order',
    severity: 'warning',
    title: 'What is used stands above what uses it.',
    why: 'Anaconda executes part, raid, volgroup and logvol in this order whatever the file says, and thin volumes in the order of the file: a thin pool below its volume fails. A file in the order of execution can be read from top to bottom.',
    remedy: 'move the definition above its use',
    wrong: `volgroup system pv.01
part pv.01 --size=8192
logvol / --vgname=system --name=root --size=4096`,
    right: `part pv.01 --size=8192
volgroup system pv.01
logvol / --vgname=system --name=root --size=4096`,
    check: ({ storage }) => references(storage).flatMap(late),
  },
];

function doubledDisks(members: readonly Word[], storage: StorageView): readonly PracticeFinding[] {
  const seen = new Map<string, string>();
  return members.flatMap((member) => {
    const disk = storage.partition(member.text)?.disk;
    if (disk === undefined) return [];
    const other = seen.get(disk);
    seen.set(disk, member.text);
    return other === undefined
      ? []
      : [{ at: member, message: `${member.text} and ${other} both lie on ${disk}` }];
  });
}

/** A word that refers to something, and the line that makes it. */
interface Reference {
  readonly word: Word;
  readonly what: string;
  readonly user: CommandLine;
  readonly definition: CommandLine | undefined;
}

function references(storage: StorageView): readonly Reference[] {
  const array = lookup(storage.arrays);
  const maker = (name: string): CommandLine | undefined => (storage.partition(name) ?? array(name))?.line;
  const group = lookup(storage.groups);
  const members = [...storage.arrays, ...storage.groups].flatMap(({ line, members }) =>
    members
      .filter(({ text }) => /^(raid|pv)\./.test(text))
      .map((word) => ({ word, what: 'member', user: line, definition: maker(word.text) })),
  );
  return [...members, ...volumeReferences(storage, (name) => group(name)?.line)];
}

function volumeReferences(
  storage: StorageView,
  groupLine: (name: string) => CommandLine | undefined,
): readonly Reference[] {
  const pools = new Map(storage.volumes.filter(({ isPool }) => isPool).map(({ name, line }) => [name, line]));
  return storage.volumes
    .filter(({ existing }) => !existing)
    .flatMap(({ line, group, pool }) => [
      ...(group === undefined
        ? []
        : [{ word: group, what: 'volume group', user: line, definition: groupLine(group.text) }]),
      ...(pool === undefined
        ? []
        : [{ word: pool, what: 'thin pool', user: line, definition: pools.get(pool.text) }]),
    ]);
}

function missing({ word, what, definition }: Reference): readonly PracticeFinding[] {
  return definition === undefined
    ? [{ at: word, message: `the ${what} '${word.text}' is made nowhere` }]
    : [];
}

function late({ word, what, user, definition }: Reference): readonly PracticeFinding[] {
  if (definition === undefined || !comesAfter(definition, user)) return [];
  return [{ at: word, message: `the ${what} '${word.text}' is made only on line ${definition.line}` }];
}

function comesAfter(line: CommandLine, other: CommandLine): boolean {
  return line.line > other.line && line.file === other.file;
}
