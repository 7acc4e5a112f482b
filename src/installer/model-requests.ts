/** What the `part` commands ask for, before it has a place on a disk. */
import type { CommandLine, Place } from '../kickstart/types.ts';
import { flag, option, text } from './command-words.ts';
import type { Request } from './grow.ts';
import type { ExistingPartition } from './model.ts';
import { type ClearedDisk, type ClearedDisks, type FindDisk, whyNone } from './model-clear.ts';
import { type Content, contentOf, type Refuse } from './model-contents.ts';
import { freeRegions } from './model-regions.ts';
import { readSize } from './model-sizes.ts';
import type { StorageFacts } from './storage-facts.ts';

export const isPartition = ({ name }: CommandLine): boolean => name === 'part' || name === 'partition';

/** What commands are judged against, worked out once. */
export interface Ground {
  readonly find: FindDisk;
  readonly cleared: ClearedDisks;
  /** Where the boot loader goes, as far as the kickstart or the order of the disks says. */
  readonly bootDisk: ClearedDisk | undefined;
  /** Of all disks, MiB. */
  readonly freeMiB: number;
  readonly facts: StorageFacts;
}

export function groundOf(
  commands: readonly CommandLine[],
  find: FindDisk,
  cleared: ClearedDisks,
  facts: StorageFacts,
  refuse: Refuse,
): Ground {
  const regions = cleared.disks.flatMap(freeRegions);
  return {
    find,
    cleared,
    bootDisk: bootDisk(commands, cleared, refuse),
    freeMiB: regions.reduce((total, { sizeMiB }) => total + sizeMiB, 0),
    facts,
  };
}

/** `--boot-drive`, else the first of `--driveorder` that is there, else the first disk. */
function bootDisk(
  commands: readonly CommandLine[],
  cleared: ClearedDisks,
  refuse: Refuse,
): ClearedDisk | undefined {
  const loader = commands.findLast(({ name }) => name === 'bootloader');
  const usable = cleared.disks.filter(({ label }) => label !== undefined);
  const drive = loader === undefined ? undefined : option(loader, '--boot-drive');
  if (drive !== undefined && drive.text !== '') {
    const found = cleared.find(drive.text);
    if (found === undefined) refuse(drive, 'no-such-disk', `there is no disk ${drive.text} to boot from`);
    return found;
  }
  const order = loader === undefined ? undefined : text(loader, '--driveorder');
  for (const name of order?.split(',') ?? []) {
    const found = usable.find((one) => one === cleared.find(name.trim()));
    if (found !== undefined) return found;
  }
  return usable[0];
}

export interface PartitionRequest {
  readonly command: CommandLine;
  readonly content: Content;
  /** MiB */
  readonly wanted: Request;
  /** Where it has to be; absent: wherever there is room. */
  readonly disk?: ClearedDisk;
  readonly primary: boolean;
}

/** A partition that is there and gets a purpose. */
export interface ReusedPartition {
  readonly command: CommandLine;
  readonly content: Content;
  readonly disk: ClearedDisk;
  readonly partition: ExistingPartition;
}

export interface Requests {
  readonly make: readonly PartitionRequest[];
  readonly reuse: readonly ReusedPartition[];
}

/** Reads every `part` command; those of tmpfs are no partitions. */
export function readRequests(commands: readonly CommandLine[], ground: Ground, refuse: Refuse): Requests {
  const make: PartitionRequest[] = [];
  const reuse: ReusedPartition[] = [];
  const unwritable = new Set<string>();
  for (const command of commands.filter(isPartition)) {
    if (text(command, '--fstype') === 'tmpfs') continue;
    if (command.options.has('--onpart') || command.options.has('--usepart')) {
      reuse.push(...reused(command, ground, refuse));
      continue;
    }
    const word = option(command, '--ondisk') ?? option(command, '--ondrive');
    const disk = word === undefined ? undefined : diskOf(word, ground, unwritable, refuse);
    if (word !== undefined && disk === undefined) continue;
    if (word === undefined && ground.facts.own) {
      refuse(command, 'no-disk', 'no --ondisk: this installer never chooses a disk by itself');
      continue;
    }
    if (word === undefined && ground.cleared.disks.every(({ label }) => label === undefined)) {
      refuse(
        command,
        'no-disk',
        `no disk of this machine may be partitioned: ${whyNone(ground.cleared)}`,
        'say what may be cleared: clearpart --all --initlabel',
      );
      continue;
    }
    make.push({
      command,
      content: contentOf(command, ground.facts.fileSystem, refuse),
      wanted: readSize(command, ground, refuse),
      ...(disk === undefined ? {} : { disk }),
      primary: flag(command, '--asprimary'),
    });
  }
  return { make, reuse };
}

function diskOf(
  word: Place & { readonly raw: string; readonly text: string },
  ground: Ground,
  unwritable: Set<string>,
  refuse: Refuse,
): ClearedDisk | undefined {
  const found = ground.find(word.text);
  if (found === undefined) {
    refuse(word, 'no-such-disk', `there is no disk ${word.text} in this machine`);
    return undefined;
  }
  const disk = ground.cleared.find(word.text);
  if (disk === undefined) {
    refuse(
      word,
      'not-released',
      `${word.text} is not released for partitioning`,
      'name it in ignoredisk --only-use= and clearpart --all --initlabel --drives=',
    );
    return undefined;
  }
  if (found.unusable !== undefined) {
    if (!unwritable.has(found.name)) {
      refuse(word, 'disk-in-use', `${word.text} cannot be written: ${found.unusable}`);
    }
    unwritable.add(found.name);
    // One refusal is enough: what its partitions are members of is found all the same.
    return { ...disk, label: disk.label ?? 'gpt' };
  }
  if (disk.label === undefined) {
    refuse(
      word,
      'not-released',
      `${word.text} has no partition table, and none of the commands makes one`,
      'write clearpart --all --initlabel, or zerombr',
    );
    return undefined;
  }
  return disk;
}

function reused(command: CommandLine, ground: Ground, refuse: Refuse): readonly ReusedPartition[] {
  const word = option(command, '--onpart') ?? option(command, '--usepart');
  if (word === undefined) return [];
  const found = findPartition(word.text, ground);
  if (found === undefined) {
    refuse(
      word,
      'no-such-partition',
      `there is no partition ${word.text}, or the kickstart removes it or its disk is not to be used`,
    );
    return [];
  }
  if (found.disk.disk.unusable !== undefined) {
    refuse(word, 'disk-in-use', `${word.text} cannot be used: ${found.disk.disk.unusable}`);
    return [];
  }
  const { content: there } = found.partition;
  return [
    {
      command,
      content: contentOf(
        command,
        ground.facts.fileSystem,
        refuse,
        flag(command, '--noformat') ? (there ?? '') : undefined,
      ),
      ...found,
    },
  ];
}

/** A partition that stays, by any name of it. */
export function findPartition(
  name: string,
  { cleared, facts }: Pick<Ground, 'cleared' | 'facts'>,
): { readonly disk: ClearedDisk; readonly partition: ExistingPartition } | undefined {
  const path = facts.resolve?.(name) ?? (name.startsWith('/dev/') ? name : `/dev/${name}`);
  for (const disk of cleared.disks) {
    const partition = disk.kept.find(({ device, role }) => device === path && role !== 'extended');
    if (partition !== undefined) return { disk, partition };
  }
  return undefined;
}
