/**
 * A disk in the place of one that is gone: whether there is one, and whether it may be written to. Only an empty disk
 * that the plan's demand would have chosen, or that a person named, is ever taken. Everything here reads.
 */
import type { Machine } from '../engine/machine.ts';
import type { DiskDemand, DiskIdentity, DiskMatch } from '../plan/types.ts';
import type { Disk } from './block-devices.ts';
import { compareLayout, matchDisks } from './compare-layout.ts';
import { contentOf, isBlank } from './empty-disk.ts';
import { SECTOR_BYTES } from './gpt.ts';
import type { DiskRecord, LayoutRecord, PartitionRecord } from './layout-record.ts';
import type { Observation, ObservedDisk, ObservedPartition } from './observe.ts';

export interface Replacement {
  /** The disk that is gone. */
  readonly record: DiskRecord;
  /** The empty one that takes its place. */
  readonly disk: Disk;
}

/** A partition that carries the identity of a recorded member, holds nothing, and is in no array. */
export interface BlankMember {
  /** `/dev/sdb2` */
  readonly partition: string;
  /** `/dev/md127` */
  readonly array: string;
  /** The array's name. */
  readonly name: string;
}

export interface ReplacementView {
  /** Recorded disks that are not here. */
  readonly absent: readonly DiskRecord[];
  readonly replacements: readonly Replacement[];
  readonly blank: readonly BlankMember[];
  /** Disks in their place by content, and other hardware than the record names. */
  readonly renewed: readonly Replacement[];
  /** Why nothing may be written: what is there is not empty, or not what was recorded. */
  readonly refusals: readonly string[];
  /** Empty disks among which nobody chose. */
  readonly undecided: readonly string[];
}

const MIB = 1 << 20;
/** Sectors behind the last partition that the backup of a GPT takes: 32 of entries and the header. */
const BACKUP_SECTORS = 33;

/** Looks for disks to be taken in. `named`: the device a person chose. */
export async function viewReplacement(
  machine: Machine,
  record: LayoutRecord,
  demand: DiskDemand,
  observation: Observation,
  named?: string,
): Promise<ReplacementView> {
  const { here, absent } = placesOf(record, observation);
  const unclaimed = observation.disks.filter((disk) => !here.some(({ observed }) => observed === disk));
  const isChosen = ({ disk }: ObservedDisk): boolean =>
    named === undefined ? !disk.removable && isDemanded(disk, demand) : disk.path === named;
  const { empty, refusals } = await judgeCandidates(machine, absent, unclaimed.filter(isChosen), named);
  const isDecided = empty.length <= absent.length;
  const replacements = isDecided ? pair(absent, empty) : [];
  const blank = await Promise.all(
    here.map(({ observed }) => blankMembers(machine, record, observed, observation)),
  );
  const isAtWork = replacements.length + blank.flat().length > 0;
  const rest = isAtWork ? await differencesOfTheRest(machine, record, observation, blank.flat()) : [];
  const isUnknown = named !== undefined && !observation.disks.some(({ disk }) => disk.path === named);
  return {
    absent,
    replacements,
    blank: blank.flat(),
    renewed: here
      .map(({ record: disk, observed }) => ({ record: disk, disk: observed.disk }))
      .filter(({ record: old, disk }) => isOtherHardware(old, disk)),
    refusals: [
      ...(isUnknown ? [`${named} is no disk of this machine`] : []),
      ...doubles(record, observation),
      ...refusals,
      ...rest,
    ],
    undecided: isDecided ? [] : empty.map(({ path }) => path),
  };
}

/** Recorded disks that are here, with the recorded table or a part of it, and those that are not. */
function placesOf(
  record: LayoutRecord,
  observation: Observation,
): {
  readonly here: readonly { readonly record: DiskRecord; readonly observed: ObservedDisk }[];
  readonly absent: readonly DiskRecord[];
} {
  const matches = matchDisks(record, observation);
  // A disk that is the recorded one by its serial number alone, and has no table, may be an empty one.
  const here = matches.flatMap(({ record: disk, observed }) =>
    observed?.table === undefined ? [] : [{ record: disk, observed }],
  );
  const absent = record.disks.filter((disk) => !here.some((place) => place.record === disk));
  return { here, absent };
}

interface Judged {
  readonly empty: readonly Disk[];
  readonly refusals: readonly string[];
}

/** Which of the disks that could take a place are empty. One that a person named is refused with the reason. */
async function judgeCandidates(
  machine: Machine,
  absent: readonly DiskRecord[],
  candidates: readonly ObservedDisk[],
  named: string | undefined,
): Promise<Judged> {
  const empty: Disk[] = [];
  const refusals: string[] = [];
  for (const { disk } of candidates) {
    const unfit = unfitness(disk, absent);
    if (unfit !== undefined) {
      if (named !== undefined) refusals.push(`${disk.path} (${labelOf(disk)}) is not taken: ${unfit}`);
      continue;
    }
    const extents = absent.flatMap(({ partitions }) => partitions);
    const content = await contentOf(machine, disk, extents);
    if (content === undefined) empty.push(disk);
    else refusals.push(`${disk.path} (${labelOf(disk)}) is not empty: ${content}`);
  }
  return { empty, refusals };
}

/** Every layout is the same on all of its disks, so any empty one fits any place. */
const pair = (absent: readonly DiskRecord[], empty: readonly Disk[]): readonly Replacement[] =>
  absent.flatMap((record, i) => {
    const disk = empty[i];
    return disk === undefined ? [] : [{ record, disk }];
  });

/** Why a disk cannot take a place, whatever is on it; undefined when it can. */
function unfitness(disk: Disk, absent: readonly DiskRecord[]): string | undefined {
  if (absent.length === 0) return 'no disk is gone';
  if (disk.partitions.length > 0) return 'it has partitions';
  if (disk.holders.length > 0) return `it is in use by ${disk.holders.join(', ')}`;
  if (disk.readOnly) return 'it is read-only';
  return absent.every((gone) => fits(gone, disk)) ? undefined : 'the recorded partitions do not fit';
}

/** For people: a serial number where there is one. */
export const labelOf = ({ serial, ids, name }: Disk): string => serial ?? ids[0] ?? name;

/** The script sfdisk(8) reads to give `disk` the recorded table, its GUIDs included. Sectors are the disk's own. */
export function tableScript({ tableUuid, partitions }: DiskRecord, disk: Disk): string {
  const per = disk.blockBytes / SECTOR_BYTES;
  const lines = partitions.map(
    ({ number, start, sectors, typeGuid, partUuid, gptName }) =>
      `${partitionPath(disk.path, number)} : start=${start / per}, size=${sectors / per}, type=${typeGuid}, ` +
      `uuid=${partUuid}, name="${gptName}"`,
  );
  return ['label: gpt', `label-id: ${tableUuid}`, 'unit: sectors', 'first-lba: 34', ...lines, ''].join('\n');
}

/** `record` with what identifies the hardware of `disk`. */
export function renewed(
  record: LayoutRecord,
  old: DiskRecord,
  { ids, serial, wwn, sizeBytes }: Disk,
): LayoutRecord {
  const { serial: _, wwn: __, ...kept } = old;
  const disk: DiskRecord = {
    ...kept,
    ids,
    sizeBytes,
    ...(serial === undefined ? {} : { serial }),
    ...(wwn === undefined ? {} : { wwn }),
  };
  return {
    ...record,
    disks: record.disks.map((one) => (one.tableUuid === old.tableUuid ? disk : one)),
  };
}

/** Kernel's name of a partition: a `p` stands between where the disk's name ends in a digit. */
const partitionPath = (disk: string, number: number): string =>
  `${disk}${/\d$/.test(disk) ? 'p' : ''}${number}`;

/** Whether every recorded partition has its place, in whole blocks. */
function fits({ partitions }: DiskRecord, { sizeBytes, blockBytes }: Disk): boolean {
  const per = blockBytes / SECTOR_BYTES;
  const end = Math.max(...partitions.map(({ start, sectors }) => start + sectors));
  return (
    (end + BACKUP_SECTORS * per) * SECTOR_BYTES <= sizeBytes &&
    partitions.every(({ start, sectors }) => start % per === 0 && sectors % per === 0)
  );
}

/** Whether the spec's words would have chosen this disk; one named by its own identity is never another. */
function isDemanded(disk: Disk, demand: DiskDemand): boolean {
  return demand.kind === 'matching'
    ? matchesDemand(disk, demand.match)
    : demand.disks.some((identity) => hasIdentity(disk, identity));
}

function matchesDemand(
  disk: Disk,
  { minSizeMiB = 0, maxSizeMiB, bus, model, rotational }: DiskMatch,
): boolean {
  return (
    disk.sizeBytes >= minSizeMiB * MIB &&
    (maxSizeMiB === undefined || disk.sizeBytes <= maxSizeMiB * MIB) &&
    (bus === undefined || disk.bus === bus) &&
    (model === undefined || disk.model === model) &&
    (rotational === undefined || disk.rotational === rotational)
  );
}

function hasIdentity(disk: Disk, { by, value }: DiskIdentity): boolean {
  switch (by) {
    case 'id':
      return disk.ids.includes(value);
    case 'path':
      return disk.paths.includes(value);
    case 'serial':
      return disk.serial === value;
    case 'wwn':
      return disk.wwn === value;
  }
}

async function blankMembers(
  machine: Machine,
  record: LayoutRecord,
  { disk, partitions }: ObservedDisk,
  { arrays }: Observation,
): Promise<readonly BlankMember[]> {
  const inUse = new Set(arrays.flatMap(({ members }) => members.map(({ device }) => device)));
  const blank: BlankMember[] = [];
  for (const { name, members } of record.arrays) {
    const array = arrays.find((one) => one.name === name);
    const partition = partitions.find(({ partUuid }) => members.includes(partUuid));
    if (array === undefined || partition?.device === undefined || inUse.has(partition.device)) continue;
    if (await isBlank(machine, disk.path, partition))
      blank.push({ partition: `/dev/${partition.device}`, array: `/dev/${array.device}`, name });
  }
  return blank;
}

/**
 * Two disks with one recorded identity: a clone, or the disk that was replaced, plugged in again. Two paths to one disk
 * are not two disks.
 */
function doubles(record: LayoutRecord, { disks }: Observation): readonly string[] {
  return record.disks.flatMap(({ tableUuid }) => {
    const [first, ...others] = disks.filter(({ table }) => table?.diskGuid === tableUuid);
    return others
      .filter(({ disk }) => first !== undefined && (disk.wwn === undefined || disk.wwn !== first.disk.wwn))
      .map(({ disk }) => `${disk.path} has the same partition table as ${first?.disk.path}: ${tableUuid}`);
  });
}

/** What else is not as recorded: nothing is written to a machine that is not the one of the record. */
async function differencesOfTheRest(
  machine: Machine,
  record: LayoutRecord,
  observation: Observation,
  blank: readonly BlankMember[],
): Promise<readonly string[]> {
  const empty = new Set(observation.disks.filter(({ table }) => table === undefined));
  const blankUuids = new Set(
    observation.disks
      .flatMap(({ partitions }) => partitions)
      .filter(({ device }) => blank.some(({ partition }) => partition === `/dev/${device}`))
      .map(({ partUuid }) => partUuid),
  );
  const rest: Observation = { ...observation, disks: observation.disks.filter((disk) => !empty.has(disk)) };
  const arrays = record.arrays.map((array) => ({
    ...array,
    members: array.members.filter((uuid) => !blankUuids.has(uuid)),
  }));
  return (await compareLayout(machine, { ...record, arrays }, rest)).different;
}

const isOtherHardware = ({ serial, wwn }: DiskRecord, disk: Disk): boolean =>
  (serial !== undefined && disk.serial !== undefined && serial !== disk.serial) ||
  (wwn !== undefined && disk.wwn !== undefined && wwn !== disk.wwn);

/** Whether the table of `observed` is the recorded one, partition by partition. */
export function hasTable({ tableUuid, partitions }: DiskRecord, observed: ObservedDisk | undefined): boolean {
  const same = (a: PartitionRecord, b: ObservedPartition): boolean =>
    a.partUuid === b.partUuid && a.start === b.start && a.sectors === b.sectors && a.number === b.number;
  return (
    observed?.table?.diskGuid === tableUuid &&
    partitions.every((one) =>
      observed.partitions.some((found) => same(one, found) && found.device !== undefined),
    )
  );
}
