/** Sizes of logical volumes in extents, by what the group really has. Pure. */
import { share } from './grow.ts';
import type { ModelVolumeGroup } from './model.ts';

/** LVM's default physical extent, KiB. */
export const EXTENT_KIB = 4096;
const KIB_PER_MIB = 1024;

/** The group's extent in KiB. */
export const extentOf = ({ extentKiB = EXTENT_KIB }: Pick<ModelVolumeGroup, 'extentKiB'>): number =>
  extentKiB;

export interface VolumeSizes {
  /** Extents by volume, in the order of the group; undefined when the least sizes do not fit. */
  readonly extents: readonly number[] | undefined;
  /** What the least sizes need, with what is to stay free. */
  readonly needed: number;
}

/**
 * Least sizes are rounded up to whole extents, percentages are those of what fixed volumes leave and rounded down, and
 * the rest goes to those that grow, as blivet has it (`blivet/partitioning.py`, grow_lvm).
 *
 * @param available extents of the group
 */
export function sizeVolumes(group: ModelVolumeGroup, available: number): VolumeSizes {
  const extent = extentOf(group);
  const inExtents = (mib: number): number => Math.ceil((mib * KIB_PER_MIB) / extent);
  const reserved = Math.max(
    inExtents(group.reservedMiB ?? 0),
    Math.ceil((available * (group.reservedPercent ?? 0)) / 100),
  );
  const fixed = group.volumes.map(({ sizeMiB, percent }) => (percent === undefined ? inExtents(sizeMiB) : 0));
  const left = Math.max(0, available - reserved - sum(fixed));
  const least = group.volumes.map(({ percent }, index) =>
    percent === undefined ? (fixed[index] ?? 0) : Math.floor((left * percent) / 100),
  );
  const requests = group.volumes.map(({ grow, maxSizeMiB }, index) => ({
    size: least[index] ?? 0,
    grow,
    ...(maxSizeMiB === undefined ? {} : { max: Math.floor((maxSizeMiB * KIB_PER_MIB) / extent) }),
  }));
  return { extents: share(requests, available - reserved), needed: sum(least) + reserved };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
