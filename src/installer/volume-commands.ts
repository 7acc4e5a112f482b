/** The calls of LVM that make a group's volumes what the model says, in their order. Pure. */
import type { Command } from '../engine/command.ts';
import type { ModelLogicalVolume, ModelVolumeGroup } from './model.ts';
import { extentOf, type VolumeSize } from './volume-sizes.ts';

export interface SizedVolume extends VolumeSize {
  readonly volume: ModelLogicalVolume;
}

/** Extents of each physical volume that nothing uses yet, by the device's name in the model. */
export type FreeExtents = ReadonlyMap<string, number>;

const lvm = (file: string, ...args: readonly string[]): Command => ({
  file,
  args: ['--quiet', '--yes', ...args],
  effect: 'write',
  timeoutMs: 600_000,
});

/** Makes a new group; one that was there wakes up. */
export function groupCommands(group: ModelVolumeGroup): readonly Command[] {
  const { name, physicalVolumes, extentKiB, existing } = group;
  if (existing !== undefined) return [lvm('vgchange', '--activate', 'y', name)];
  const extent = extentKiB === undefined ? [] : ['--physicalextentsize', `${extentKiB}k`];
  return [
    ...physicalVolumes.map((device) => lvm('pvcreate', '--force', device)),
    lvm('vgcreate', ...extent, name, ...physicalVolumes),
  ];
}

/**
 * What shrinks goes first and what grows after what is new. Caches get their fast devices before anything else may
 * take them; pools come before the volumes in them, and what is cached before its cache is attached.
 */
export function volumeCommands(
  group: ModelVolumeGroup,
  sized: readonly SizedVolume[],
  free: FreeExtents,
): readonly Command[] {
  const { name } = group;
  const resized = sized.filter(({ volume }) => volume.existing?.resize === true);
  const made = sized.filter(({ volume }) => volume.existing === undefined);
  const change = ({ volume, extents }: SizedVolume): number => extents - (volume.existing?.extents ?? 0);
  return [
    ...resized
      .filter((one) => change(one) < 0)
      .map(({ volume, extents }) => lvm('lvreduce', '--force', ...extentWords(extents), path(name, volume))),
    ...made.flatMap((one) => cachePool(group, one)),
    ...fatVolumes(group, made, free),
    ...resized
      .filter((one) => change(one) > 0)
      .map(({ volume, extents }) => lvm('lvextend', ...extentWords(extents), path(name, volume))),
    ...made.flatMap((one) => thinVolume(group, one)),
    ...made.flatMap((one) => attachment(group, one)),
  ];
}

const extentWords = (extents: number): readonly string[] => ['--extents', String(extents)];
const path = (group: string, { name }: ModelLogicalVolume): string => `${group}/${name}`;
const kib = (group: ModelVolumeGroup, extents: number): string => `${extents * extentOf(group)}k`;

/** As blivet names what LVM calls NAME_cache_cpool once it is attached. */
export const cachePoolName = ({ name }: ModelLogicalVolume): string => `${name}_cache`;

function cachePool(group: ModelVolumeGroup, { volume, cache, metadata }: SizedVolume): readonly Command[] {
  const { segment } = volume;
  if (segment.type !== 'linear' || segment.cache === undefined) return [];
  return [
    lvm(
      'lvcreate',
      ...['--type', 'cache-pool', ...extentWords(cache), '--poolmetadatasize', kib(group, metadata)],
      ...['--name', cachePoolName(volume), group.name, ...segment.cache.physicalVolumes],
    ),
  ];
}

function attachment(group: ModelVolumeGroup, { volume }: SizedVolume): readonly Command[] {
  const { segment } = volume;
  if (segment.type !== 'linear' || segment.cache === undefined) return [];
  return [
    lvm(
      'lvconvert',
      ...['--type', 'cache', '--cachepool', `${group.name}/${cachePoolName(volume)}`],
      ...['--cachemode', segment.cache.mode, path(group.name, volume)],
    ),
  ];
}

/** Ordinary volumes and pools. Beside caches they lie on the slow devices as far as these have room. */
function fatVolumes(
  group: ModelVolumeGroup,
  made: readonly SizedVolume[],
  free: FreeExtents,
): readonly Command[] {
  const fast = made.flatMap(({ volume: { segment } }) =>
    segment.type === 'linear' ? (segment.cache?.physicalVolumes ?? []) : [],
  );
  const slow = fast.length === 0 ? [] : group.physicalVolumes.filter((device) => !fast.includes(device));
  let left = slow.reduce((sum, device) => sum + (free.get(device) ?? 0), 0);
  return made.flatMap((one) => {
    const { volume, extents, metadata } = one;
    const { segment } = volume;
    if (segment.type === 'thin') return [];
    // A pool may make LVM's spare grow to the size of its metadata.
    const takes = segment.type === 'thin-pool' ? extents + 2 * metadata : extents;
    const devices = takes <= left ? slow : [];
    if (devices.length > 0) left -= takes;
    const words =
      segment.type === 'thin-pool'
        ? poolWords(group, segment, one)
        : ['--wipesignatures=y', ...extentWords(extents)];
    return [lvm('lvcreate', ...words, '--name', volume.name, group.name, ...devices)];
  });
}

function poolWords(
  group: ModelVolumeGroup,
  { chunkKiB, profile }: Extract<ModelLogicalVolume['segment'], { type: 'thin-pool' }>,
  { extents, metadata }: SizedVolume,
): readonly string[] {
  return [
    ...['--type', 'thin-pool', ...extentWords(extents), '--poolmetadatasize', kib(group, metadata)],
    ...(chunkKiB === undefined ? [] : ['--chunksize', `${chunkKiB}k`]),
    ...(profile === undefined ? [] : ['--profile', profile]),
  ];
}

function thinVolume(group: ModelVolumeGroup, { volume, extents }: SizedVolume): readonly Command[] {
  if (volume.segment.type !== 'thin') return [];
  return [
    lvm(
      'lvcreate',
      ...['--type', 'thin', '--wipesignatures=y', '--virtualsize', kib(group, extents)],
      ...['--thinpool', volume.segment.pool, '--name', volume.name, group.name],
    ),
  ];
}
