/** Sizes of logical volumes in extents, by what the group really has. Pure. */
import { share } from './grow.ts';
import type { ModelLogicalVolume, ModelVolumeGroup } from './model.ts';

/** LVM's default physical extent, KiB. */
export const EXTENT_KIB = 4096;
const KIB_PER_MIB = 1024;

/** The group's extent in KiB. */
export const extentOf = ({ extentKiB = EXTENT_KIB }: Pick<ModelVolumeGroup, 'extentKiB'>): number =>
  extentKiB;

/** Everything in extents. */
export interface VolumeSize {
  /** Of a thin volume: what it seems to have. */
  readonly extents: number;
  /** Of the metadata of a new pool, or of the cache; else 0. */
  readonly metadata: number;
  /** Data of the cache; 0 without one. */
  readonly cache: number;
}

export interface GroupSizes {
  /** In the order of the group; undefined when the least sizes do not fit. */
  readonly volumes: readonly VolumeSize[] | undefined;
  /** What the least sizes need, with what is to stay free. */
  readonly needed: number;
}

/**
 * Least sizes are rounded up to whole extents, percentages are those of what fixed volumes leave and rounded down, and
 * the rest goes to those that grow, as blivet has it (`blivet/partitioning.py`, grow_lvm). A pool has at least the
 * sizes of its volumes; metadata for which no size is given come out of the grown pool, and thin volumes grow in it
 * last. LVM keeps a spare as large as the largest metadata.
 *
 * @param available extents of the group
 */
export function sizeVolumes(group: ModelVolumeGroup, available: number): GroupSizes {
  const units = unitsOf(group);
  const parts = givenMetadata(group, units);
  const besides = sum(parts.sizes.map(({ metadata, cache }) => metadata + cache));
  const kept = reserved(group, available, units) + newSpare(group, parts.spare);
  const room = available - (group.existing?.takenExtents ?? 0) - kept - besides;

  const { volumes } = group;
  const fixed = volumes.map((volume) =>
    volume.percent === undefined && volume.segment.type !== 'thin' ? leastOf(volume, group, units) : 0,
  );
  const left = Math.max(0, room - sum(fixed));
  const requests = volumes.map((volume, index) =>
    request(volume, volume.percent === undefined ? (fixed[index] ?? 0) : portion(volume, left), units),
  );
  const isFat = volumes.map(({ segment }) => segment.type !== 'thin');
  const fat = share(
    requests.filter((_, index) => isFat[index]),
    room,
  );
  const needed = sum(requests.filter((_, index) => isFat[index]).map(({ size }) => size)) + kept + besides;
  if (fat === undefined) return { volumes: undefined, needed };

  const sizes = parts.sizes.map((size, index) => ({
    ...size,
    extents: isFat[index] ? (fat[isFat.slice(0, index).filter(Boolean).length] ?? 0) : 0,
  }));
  return { volumes: growThin(group, takeMetadata(group, sizes, parts.spare), units), needed };
}

/** MiB in extents. */
interface Units {
  readonly up: (mib: number) => number;
  readonly down: (mib: number) => number;
}

function unitsOf(group: ModelVolumeGroup): Units {
  const extent = extentOf(group);
  return {
    up: (mib) => Math.ceil((mib * KIB_PER_MIB) / extent),
    down: (mib) => Math.floor((mib * KIB_PER_MIB) / extent),
  };
}

const request = (
  { grow, maxSizeMiB, existing }: ModelLogicalVolume,
  size: number,
  units: Units,
): Parameters<typeof share>[0][number] => ({
  size,
  grow: grow && existing === undefined,
  ...(maxSizeMiB === undefined ? {} : { max: units.down(maxSizeMiB) }),
});

const portion = ({ percent = 0 }: ModelLogicalVolume, of: number): number => Math.floor((of * percent) / 100);

/** What a volume has at least; a pool no less than what lies in it. */
function leastOf(volume: ModelLogicalVolume, group: ModelVolumeGroup, units: Units): number {
  const { existing, segment, name, sizeMiB } = volume;
  if (existing !== undefined) return existing.resize ? units.up(sizeMiB) : existing.extents;
  if (segment.type !== 'thin-pool') return units.up(sizeMiB);
  const inside = group.volumes.filter((one) => one.segment.type === 'thin' && one.segment.pool === name);
  return Math.max(units.up(sizeMiB), sum(inside.map((one) => leastOf(one, group, units))));
}

/** MiB that autopart leaves a pool to grow into: a fifth of the group (blivet, DEFAULT_THPOOL_RESERVE). */
const POOL_RESERVE = { percent: 20, least: 1024, most: 100 * 1024 } as const;

function reserved(group: ModelVolumeGroup, available: number, units: Units): number {
  const asked = Math.max(
    units.up(group.reservedMiB ?? 0),
    Math.ceil((available * (group.reservedPercent ?? 0)) / 100),
  );
  if (group.poolReserve === undefined) return asked;
  const part = Math.ceil((available * POOL_RESERVE.percent) / 100);
  return asked + Math.min(Math.max(part, units.up(POOL_RESERVE.least)), units.up(POOL_RESERVE.most));
}

/** By how much LVM's spare grows. */
const newSpare = ({ existing }: ModelVolumeGroup, spare: number): number =>
  Math.max(0, spare - (existing?.spareExtents ?? 0));

/** libblockdev, bd_lvm_cache_get_default_md_size: a thousandth, at least 8 MiB. */
const cacheMetadataMiB = (sizeMiB: number): number => Math.max(sizeMiB / 1000, 8);

/**
 * Metadata whose size the kickstart decides, and the caches, whose size has their metadata in it and, for the first
 * of them, LVM's spare (blivet, class LVMCache).
 */
function givenMetadata(
  group: ModelVolumeGroup,
  units: Units,
): { readonly sizes: readonly Omit<VolumeSize, 'extents'>[]; readonly spare: number } {
  let spare = group.existing?.spareExtents ?? 0;
  const sizes = group.volumes.map(({ segment, existing }) => {
    if (existing !== undefined || segment.type === 'thin') return { metadata: 0, cache: 0 };
    if (segment.type === 'thin-pool') {
      const metadata = units.up(segment.metadataMiB ?? 0);
      spare = Math.max(spare, metadata);
      return { metadata, cache: 0 };
    }
    if (segment.cache === undefined) return { metadata: 0, cache: 0 };
    const { sizeMiB } = segment.cache;
    const metadata = units.up(cacheMetadataMiB(sizeMiB));
    const cache = Math.max(0, units.down(sizeMiB) - metadata - Math.max(0, metadata - spare));
    spare = Math.max(spare, metadata);
    return { metadata, cache };
  });
  return { sizes, spare };
}

/** Bytes of metadata for a chunk of a pool, and the least and most there can be (libblockdev, get_thpool_meta_size). */
const POOL_METADATA = { bytesPerChunk: 64, leastMiB: 2, mostMiB: 16 * 1024 } as const;
const LEAST_CHUNK_KIB = 64;
/** MiB that a pool with chunks of 64 KiB can address; each further such piece takes another 64 KiB (blivet). */
const ADDRESSABLE_MIB = 17_455_015_526_400 / 1024 ** 2;

function poolMetadataMiB(poolMiB: number, chunkKiB: number | undefined): number {
  const chunk = chunkKiB ?? Math.max(1, Math.ceil(poolMiB / ADDRESSABLE_MIB)) * LEAST_CHUNK_KIB;
  const mib = (poolMiB / chunk) * (POOL_METADATA.bytesPerChunk / KIB_PER_MIB);
  return Math.min(Math.max(mib, POOL_METADATA.leastMiB), POOL_METADATA.mostMiB);
}

/** Gives the new pools that lack them their metadata, out of what they have grown to. */
function takeMetadata(
  group: ModelVolumeGroup,
  sizes: readonly VolumeSize[],
  given: number,
): readonly VolumeSize[] {
  const extentMiB = extentOf(group) / KIB_PER_MIB;
  let spare = given;
  return sizes.map((size, index) => {
    const volume = group.volumes[index];
    if (volume?.segment.type !== 'thin-pool' || volume.existing !== undefined || size.metadata > 0)
      return size;
    const metadata = Math.ceil(
      poolMetadataMiB(size.extents * extentMiB, volume.segment.chunkKiB) / extentMiB,
    );
    const extents = Math.max(0, size.extents - metadata - Math.max(0, metadata - spare));
    spare = Math.max(spare, metadata);
    return { ...size, extents, metadata };
  });
}

/** Sizes of the thin volumes, each pool's among themselves; they may promise more than there is. */
function growThin(
  group: ModelVolumeGroup,
  sizes: readonly VolumeSize[],
  units: Units,
): readonly VolumeSize[] {
  const poolOf = (volume: ModelLogicalVolume | undefined): string | undefined =>
    volume?.segment.type === 'thin' ? volume.segment.pool : undefined;
  const grown = new Map<ModelLogicalVolume, number>();
  for (const [index, { name, segment }] of group.volumes.entries()) {
    if (segment.type !== 'thin-pool') continue;
    const inside = group.volumes.filter((volume) => poolOf(volume) === name);
    const room = sizes[index]?.extents ?? 0;
    const left = Math.max(0, room - sum(inside.map((volume) => leastOf(volume, group, units))));
    const requests = inside.map((volume) =>
      request(
        volume,
        volume.percent === undefined ? leastOf(volume, group, units) : portion(volume, left),
        units,
      ),
    );
    const shares = share(requests, room) ?? requests.map(({ size }) => size);
    for (const [at, volume] of inside.entries()) grown.set(volume, shares[at] ?? 0);
  }
  return sizes.map((size, index) => {
    const volume = group.volumes[index];
    const extents = volume === undefined ? undefined : grown.get(volume);
    return extents === undefined ? size : { ...size, extents };
  });
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
