/** How large disks, partitions, arrays and volume groups are, as far as the file and the declared disks tell. */
import { type ArrayView, type GroupView, lookup, type PartitionView, type StorageView } from './storage.ts';

/** MiB that a GPT and the alignment take from a disk: one in front, one behind. */
const DISK_EDGES_MIB = 2;
/** LVM's default extent. */
const EXTENT_MIB = 4;
/** What LVM keeps in front of the first extent. */
const PV_HEADER_MIB = 1;

export interface Capacities {
  /** Room for partitions in MiB; undefined when the disk is not declared. */
  disk(name: string): number | undefined;
  /** Of all declared disks; undefined without a declaration. */
  readonly allDisks: number | undefined;
  /** Room for logical volumes in MiB; undefined when a member's size is not known. */
  group(name: string): number | undefined;
}

/** Declared sizes belong to the disks in the order in which the file names them. */
export function capacities(storage: StorageView, disksMiB: readonly number[] | undefined): Capacities {
  const rooms = new Map<string, number>();
  storage.disks.forEach((name, index) => {
    const size = disksMiB?.[index];
    if (size !== undefined) rooms.set(name, size - DISK_EDGES_MIB);
  });
  const allDisks = disksMiB?.reduce((sum, size) => sum + size - DISK_EDGES_MIB, 0);
  const array = lookup(storage.arrays);
  const group = lookup(storage.groups);
  let grown: ReadonlyMap<PartitionView, number> | undefined;
  const partitionSize = (name: string): number | undefined => {
    const partition = storage.partition(name);
    if (partition?.grow !== true) return partition?.sizeMiB;
    grown ??= grownSizes(storage, rooms);
    return grown.get(partition);
  };
  const sizeOf = (name: string): number | undefined => {
    const made = array(name);
    if (storage.partition(name) !== undefined || made === undefined) return partitionSize(name);
    return made.existing ? undefined : arraySize(made, partitionSize);
  };
  return {
    disk: (name) => rooms.get(name),
    allDisks,
    group: (name) => {
      const made = group(name);
      return made === undefined || made.existing ? undefined : groupSize(made, sizeOf);
    },
  };
}

/** Sizes of partitions that are the only ones to grow on a declared disk. */
function grownSizes(
  { partitions }: StorageView,
  rooms: ReadonlyMap<string, number>,
): Map<PartitionView, number> {
  const fixed = new Map<string, number>();
  const growers = new Map<string, PartitionView[]>();
  for (const partition of partitions) {
    const disk = partition.disk ?? '';
    if (partition.grow) growers.set(disk, [...(growers.get(disk) ?? []).slice(0, 1), partition]);
    else
      fixed.set(disk, (fixed.get(disk) ?? 0) + (partition.existing ? 0 : (partition.sizeMiB ?? Number.NaN)));
  }
  const sizes = new Map<PartitionView, number>();
  for (const [disk, [grower, other]] of growers) {
    const rest = (rooms.get(disk) ?? Number.NaN) - (fixed.get(disk) ?? 0);
    if (grower === undefined || other !== undefined || Number.isNaN(rest)) continue;
    sizes.set(grower, Math.min(rest, grower.maxSizeMiB ?? rest));
  }
  return sizes;
}

/** What is left of the members by level; undefined when one is not known. */
function arraySize(
  { members, level, spares }: ArrayView,
  sizeOf: (name: string) => number | undefined,
): number | undefined {
  const sizes = members.map(({ text }) => sizeOf(text));
  if (sizes.length === 0 || !sizes.every((size) => size !== undefined)) return undefined;
  const active = sizes.length - spares;
  const smallest = sizes.reduce((least, size) => Math.min(least, size));
  switch (level) {
    case '0':
      return smallest * active;
    case '1':
      return smallest;
    case '4':
    case '5':
      return smallest * (active - 1);
    case '6':
      return smallest * (active - 2);
    case '10':
      return (smallest * active) / 2;
    default:
      return undefined;
  }
}

function groupSize({ members }: GroupView, sizeOf: (name: string) => number | undefined): number | undefined {
  let extents = 0;
  for (const { text } of members) {
    const size = sizeOf(text);
    if (size === undefined) return undefined;
    extents += Math.max(0, Math.floor((size - PV_HEADER_MIB) / EXTENT_MIB));
  }
  return members.length === 0 ? undefined : extents * EXTENT_MIB;
}
