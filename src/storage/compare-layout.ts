/** Holds a machine against its layout record: what is the same, what is absent, and which identities differ. */
import type { Machine } from '../engine/machine.ts';
import type { BootMember } from './boot-proof.ts';
import type {
  ArrayRecord,
  DiskRecord,
  FileSystemRecord,
  LayoutRecord,
  PartitionRecord,
} from './layout-record.ts';
import {
  bootMember,
  type Observation,
  type ObservedDisk,
  type ObservedPartition,
  readSignature,
} from './observe.ts';

export interface LayoutComparison {
  /** Recorded things that are there as recorded. */
  readonly present: readonly string[];
  /** Recorded things that are not there at all: a disk that was pulled, and what was on it. */
  readonly absent: readonly string[];
  /** Things that are there and are not what was recorded, with the identities that differ. */
  readonly different: readonly string[];
}

/** A recorded disk and the disk of this machine that it is. */
export interface DiskMatch {
  readonly record: DiskRecord;
  readonly observed: ObservedDisk | undefined;
}

/** Compares by identity: GPT names and GUIDs, array UUIDs, file system UUIDs. Device names do not count. */
export async function compareLayout(
  machine: Machine,
  record: LayoutRecord,
  observation: Observation,
): Promise<LayoutComparison> {
  const matches = matchDisks(record, observation);
  const disks = matches.map(compareDisk);
  const arrays = record.arrays.map((array) => compareArray(array, matches, observation));
  const fileSystems = await Promise.all(
    record.fileSystems.map((fileSystem) =>
      compareFileSystem(machine, record, fileSystem, matches, observation),
    ),
  );
  const parts = [...disks, ...arrays, ...fileSystems];
  return {
    present: parts.flatMap(({ present }) => present),
    absent: parts.flatMap(({ absent }) => absent),
    different: parts.flatMap(({ different }) => different),
  };
}

/**
 * Which disk is which. A partition table's GUID or a partition's decides; a disk that only has the recorded serial
 * number or WWN, and no other recorded identity, is that disk with another table on it.
 */
export function matchDisks(record: LayoutRecord, observation: Observation): readonly DiskMatch[] {
  const byContent = record.disks.map((disk) => {
    const uuids = new Set(disk.partitions.map(({ partUuid }) => partUuid));
    return (
      observation.disks.find(({ table }) => table?.diskGuid === disk.tableUuid) ??
      observation.disks.find(({ partitions }) => partitions.some(({ partUuid }) => uuids.has(partUuid)))
    );
  });
  // Virtual disks take their serial numbers from the port: one that moved would pass for the one that was pulled.
  const unclaimed = observation.disks.filter((observed) => !byContent.includes(observed));
  return record.disks.map((disk, i) => ({
    record: disk,
    observed: byContent[i] ?? unclaimed.find((observed) => isSameHardware(disk, observed)),
  }));
}

/** The recorded disks that are here, as the boot proof wants them. */
export function recordedBootMembers(record: LayoutRecord, observation: Observation): readonly BootMember[] {
  return matchDisks(record, observation).flatMap(({ record: disk, observed }) => {
    if (observed === undefined) return [];
    const roles = new Map(disk.partitions.map(({ partUuid, role }) => [partUuid, role]));
    return [bootMember(observed, observation.arrays, ({ partUuid }) => roles.get(partUuid))];
  });
}

const NOTHING: LayoutComparison = { present: [], absent: [], different: [] };

function isSameHardware(record: DiskRecord, { disk }: ObservedDisk): boolean {
  return (
    (record.wwn !== undefined && record.wwn === disk.wwn) ||
    (record.serial !== undefined && record.serial === disk.serial) ||
    record.ids.some((id) => disk.ids.includes(id))
  );
}

function compareDisk({ record, observed }: DiskMatch): LayoutComparison {
  const label = record.serial ?? record.ids[0] ?? record.tableUuid;
  if (observed === undefined) return { ...NOTHING, absent: [`disk ${label}`] };
  const { disk, table } = observed;
  const different: string[] = [];
  if (table?.diskGuid !== record.tableUuid) {
    different.push(
      `${disk.name}: partition table ${table?.diskGuid ?? 'none'}, recorded ${record.tableUuid}`,
    );
  }
  for (const partition of record.partitions) different.push(...partitionDifferences(partition, observed));
  return different.length === 0 ? { ...NOTHING, present: [`disk ${label}`] } : { ...NOTHING, different };
}

function partitionDifferences(record: PartitionRecord, observed: ObservedDisk): readonly string[] {
  const found = findPartition(record, observed);
  const label = `${observed.disk.name} ${record.gptName}`;
  if (found === undefined) return [`${label}: no partition has PARTUUID ${record.partUuid}`];
  const pairs: readonly (readonly [string, string | number, string | number])[] = [
    ['PARTUUID', found.partUuid, record.partUuid],
    ['GPT name', found.name, record.gptName],
    ['type', found.typeGuid, record.typeGuid],
    ['first sector', found.start, record.start],
    ['sectors', found.sectors, record.sectors],
  ];
  return pairs
    .filter(([, is, was]) => is !== was)
    .map(([what, is, was]) => `${label}: ${what} '${is}', recorded '${was}'`);
}

/** By its GUID; failing that, the one that took its place. */
function findPartition(record: PartitionRecord, { partitions }: ObservedDisk): ObservedPartition | undefined {
  return (
    partitions.find(({ partUuid }) => partUuid === record.partUuid) ??
    partitions.find(({ name }) => name === record.gptName) ??
    partitions.find(({ start }) => start === record.start)
  );
}

function compareArray(
  record: ArrayRecord,
  matches: readonly DiskMatch[],
  observation: Observation,
): LayoutComparison {
  const here = matches.flatMap(({ observed }) =>
    (observed?.partitions ?? []).filter(({ partUuid }) => record.members.includes(partUuid)),
  );
  const foreign = here.filter(({ superblock }) => superblock?.arrayUuid !== record.uuid);
  if (foreign.length > 0) {
    const different = foreign.map(({ device, name, superblock }) => {
      const is = superblock?.arrayUuid ?? 'no array';
      return `array ${record.name}: member ${device ?? name} belongs to ${is}, recorded ${record.uuid}`;
    });
    return { ...NOTHING, different };
  }
  const impostor = impostorOf(record, observation);
  if (impostor !== undefined) return { ...NOTHING, different: [impostor] };
  const missing = record.members.length - here.length;
  if (here.length === 0) return { ...NOTHING, absent: [`array ${record.name}`] };
  const absent =
    missing === 0 ? [] : [`${missing} of ${record.members.length} members of array ${record.name}`];
  return { ...NOTHING, present: [`array ${record.name}`], absent };
}

/** An array that runs under the recorded name with members of another array. */
function impostorOf(record: ArrayRecord, observation: Observation): string | undefined {
  const running = observation.arrays.find(({ name }) => name === record.name);
  const partitions = observation.disks.flatMap((disk) => disk.partitions);
  const devices = new Set(running?.members.map(({ device }) => device));
  const other = partitions.find(
    ({ device, superblock }) =>
      device !== undefined &&
      devices.has(device) &&
      superblock !== undefined &&
      superblock.arrayUuid !== record.uuid,
  );
  return other === undefined
    ? undefined
    : `array ${record.name}: runs as ${other.superblock?.arrayUuid}, recorded ${record.uuid}`;
}

async function compareFileSystem(
  machine: Machine,
  record: LayoutRecord,
  fileSystem: FileSystemRecord,
  matches: readonly DiskMatch[],
  observation: Observation,
): Promise<LayoutComparison> {
  const label = `file system ${fileSystem.mountPoint ?? fileSystem.role}`;
  const place = fileSystemPlace(record, fileSystem, matches, observation);
  if (place === undefined) {
    // On a logical volume: udev names it by its UUID.
    const isThere = await machine.exists(`/dev/disk/by-uuid/${fileSystem.uuid}`);
    return isThere ? { ...NOTHING, present: [label] } : { ...NOTHING, absent: [label] };
  }
  if (place === 'absent') return { ...NOTHING, absent: [label] };
  const found = await readSignature(machine, place.path, place.start);
  if (found?.uuid === fileSystem.uuid && found.type === fileSystem.type)
    return { ...NOTHING, present: [label] };
  const is = found === undefined ? 'nothing known' : `${found.type} ${found.uuid}`;
  return { ...NOTHING, different: [`${label}: ${is}, recorded ${fileSystem.type} ${fileSystem.uuid}`] };
}

/** Undefined when the record does not tell on which array or partition it lies. */
function fileSystemPlace(
  record: LayoutRecord,
  fileSystem: FileSystemRecord,
  matches: readonly DiskMatch[],
  observation: Observation,
): { readonly path: string; readonly start: number } | 'absent' | undefined {
  const array = record.arrays.find(({ role }) => role === fileSystem.role);
  if (array !== undefined) {
    const running = observation.arrays.find(({ name }) => name === array.name);
    return running === undefined ? 'absent' : { path: `/dev/${running.device}`, start: 0 };
  }
  for (const { record: disk, observed } of matches) {
    const partition = disk.partitions.find(({ role }) => role === fileSystem.role);
    if (partition === undefined) continue;
    const found = observed?.partitions.find(({ partUuid }) => partUuid === partition.partUuid);
    return observed === undefined || found === undefined
      ? 'absent'
      : { path: observed.disk.path, start: found.start };
  }
  return undefined;
}
