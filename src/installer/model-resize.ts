/** `--resize`: partitions and volumes that stay and get another size, with the file systems on them. */
import type { CommandLine } from '../kickstart/types.ts';
import { flag, number, option, placeOf, text } from './command-words.ts';
import type { ExistingPartition, ModelResize } from './model.ts';
import type { ClearedDisk, ClearedDisks } from './model-clear.ts';
import { keepsFormat, type Refuse } from './model-contents.ts';
import { freeRegions, SECTORS_PER_MIB } from './model-regions.ts';
import { findPartition, type Ground, isPartition } from './model-requests.ts';
import type { StorageFacts } from './storage-facts.ts';

/** Why file systems of a type cannot be resized here; those of ext can, and what is made anew need not. */
const WHY_NOT: Readonly<Record<string, string>> = {
  ntfs: 'the image has no program that resizes NTFS',
  xfs: 'XFS cannot shrink, and grows only while it is mounted',
};
const RESIZABLE = ['ext2', 'ext3', 'ext4'];

/**
 * The disks with every partition at the size it is to have, so that what shrinks makes room for what is new. Sizes are
 * MiB; the start stays where it is.
 */
export function resizePartitions(
  commands: readonly CommandLine[],
  cleared: ClearedDisks,
  facts: StorageFacts,
  refuse: Refuse,
): ClearedDisks {
  return commands
    .filter((command) => isPartition(command) && flag(command, '--resize'))
    .reduce((all, command) => resizeOne(command, all, facts, refuse), cleared);
}

function resizeOne(
  command: CommandLine,
  cleared: ClearedDisks,
  facts: StorageFacts,
  refuse: Refuse,
): ClearedDisks {
  const name = partitionName(command);
  const found = findPartition(name, { cleared, facts });
  // One that is not there is refused where it is looked for in any case.
  if (found === undefined) return cleared;
  const sectors = (number(command, '--size') ?? 0) * SECTORS_PER_MIB;
  const at = option(command, '--size') ?? command;
  const { disk, partition } = found;
  if (partition.role !== 'primary') {
    refuse(at, 'resize', `${name} is a logical partition, whose size this installer does not change`);
    return cleared;
  }
  if (keepsFormat(command)) refuseFormat(command, name, partition.content, refuse);
  const room = roomFor(disk, partition);
  if (sectors > room) {
    const mib = Math.floor(room / SECTORS_PER_MIB);
    refuse(at, 'too-small', `${name} cannot grow past ${mib} MiB: there is no more room behind it`);
    return cleared;
  }
  const changed: ClearedDisk = {
    ...disk,
    kept: disk.kept.map((one) => (one === partition ? { ...one, sectors, formerSectors: one.sectors } : one)),
  };
  const disks = cleared.disks.map((one) => (one === disk ? changed : one));
  return {
    disks,
    find: (word) => {
      const was = cleared.find(word);
      return was === undefined ? undefined : disks.find((one) => one.disk.name === was.disk.name);
    },
  };
}

const partitionName = (command: CommandLine): string =>
  text(command, '--onpart') ?? text(command, '--usepart') ?? '';

/** Sectors from the partition's start to whatever comes next. */
function roomFor(disk: ClearedDisk, partition: ExistingPartition): number {
  const others = { ...disk, kept: disk.kept.filter((one) => one !== partition) };
  const region = freeRegions(others).find(
    ({ startMiB, sizeMiB }) =>
      startMiB * SECTORS_PER_MIB <= partition.start &&
      partition.start < (startMiB + sizeMiB) * SECTORS_PER_MIB,
  );
  const end = region === undefined ? 0 : (region.startMiB + region.sizeMiB) * SECTORS_PER_MIB;
  return Math.max(partition.sectors, end - partition.start);
}

function refuseFormat(command: CommandLine, name: string, content: string | undefined, refuse: Refuse): void {
  if (content !== undefined && RESIZABLE.includes(content)) return;
  const why = WHY_NOT[content ?? ''] ?? 'only ext2, ext3 and ext4 change their size here';
  refuse(
    command.options.get('--resize')?.[0]?.option ?? command,
    'resize',
    `${name} holds ${content ?? 'nothing known'}: ${why}`,
    'leave out --noformat to make it anew, or leave out --resize',
  );
}

/** File systems that stay on what changes its size: of partitions, then of volumes. */
export function buildResizes(
  commands: readonly CommandLine[],
  ground: Ground,
  refuse: Refuse,
): readonly ModelResize[] {
  return commands
    .filter((command) => flag(command, '--resize') && keepsFormat(command))
    .flatMap((command): readonly ModelResize[] => {
      const sizeMiB = number(command, '--size') ?? 0;
      const place = placeOf(command);
      if (isPartition(command)) {
        const partition = findPartition(partitionName(command), ground)?.partition;
        if (partition?.formerSectors === undefined) return [];
        const grows = partition.sectors > partition.formerSectors;
        return [{ device: partition.device, sizeMiB, grows, place }];
      }
      const group = ground.facts.groups?.find(({ name }) => name === text(command, '--vgname'));
      const volume = group?.volumes.find(({ name }) => name === text(command, '--name'));
      if (group === undefined || volume === undefined) return [];
      const device = `/dev/${group.name}/${volume.name}`;
      refuseFormat(command, device, volume.content, refuse);
      const grows = sizeMiB * 1024 > volume.extents * group.extentKiB;
      return [{ device, sizeMiB, grows, place }];
    });
}
