/** From a layout of the spec to partitions, arrays, volume group and volumes. */
import { isLogical, leastMiB, minimumDiskMiB, type Slice, slicesOf, volumeKey } from '../spec/footprint.ts';
import { mountPointOf } from '../spec/mounts.ts';
import type { LayoutSpec, VolumeSpec } from '../spec/schema.ts';
import {
  type ArrayPlan,
  type FileSystem,
  type LayoutPlan,
  PARTITION_TYPE,
  type PartitionPlan,
  type VolumePlan,
} from './types.ts';

/** The layout of one node, whose `diskCount` disks all carry the same partitions. */
export function planLayout(layout: LayoutSpec, diskCount: number): LayoutPlan {
  const slices = slicesOf(layout);
  const logical = layout.volumes.filter((volume) => isLogical(layout, volume));
  return {
    kind: layout.kind,
    firmware: layout.firmware,
    diskCount,
    spares: layout.spares,
    partitions: slices.map((slice) => planPartition(slice, layout.kind)),
    arrays: layout.kind === 'raid1' ? slices.filter((slice) => slice.role !== 'biosboot').map(planArray) : [],
    ...(layout.volumeGroup === undefined
      ? {}
      : { volumeGroup: { name: layout.volumeGroup, volumes: logical.map((volume) => volume.role) } }),
    volumes: layout.volumes.map((volume) => planVolume(volume, layout)).toSorted(byMountOrder),
    minimumDiskMiB: minimumDiskMiB(layout),
  };
}

/** The partition (on each disk) a volume lies on; the physical volume's for a logical volume. */
export function partitionOf(layout: LayoutPlan, volume: VolumePlan): PartitionPlan | undefined {
  const name = gptName(volume.on === 'lv' ? 'pv' : volumeKey(volume));
  return layout.partitions.find((partition) => partition.gptName === name);
}

/** The array a volume lies on, directly or through the volume group; undefined without RAID. */
export function arrayOf(layout: LayoutPlan, volume: VolumePlan): ArrayPlan | undefined {
  const name = volume.on === 'lv' ? 'pv' : volumeKey(volume);
  return layout.arrays.find((array) => array.name === name);
}

function gptName(key: string): string {
  return `slipway-${key}`;
}

function planPartition(slice: Slice, kind: LayoutSpec['kind']): PartitionPlan {
  return {
    role: slice.role,
    gptName: gptName(slice.key),
    sizeMiB: slice.sizeMiB,
    grow: slice.grow,
    ...(slice.maxSizeMiB === undefined ? {} : { maxSizeMiB: slice.maxSizeMiB }),
    typeGuid: typeGuid(slice.role, kind),
  };
}

function typeGuid(role: Slice['role'], kind: LayoutSpec['kind']): string {
  // The ESP keeps its type as a RAID member too: firmware without an NVRAM entry finds it by nothing else.
  if (role === 'biosboot' || role === 'esp') return PARTITION_TYPE[role];
  if (kind === 'raid1') return PARTITION_TYPE.raid;
  if (role === 'pv') return PARTITION_TYPE.lvm;
  return role === 'swap' ? PARTITION_TYPE.swap : PARTITION_TYPE.linux;
}

function planArray(slice: Slice): ArrayPlan {
  // Firmware reads an ESP member, and GRUB a /boot member, as the plain file system that a superblock at the end leaves.
  const metadata = slice.role === 'esp' || slice.role === 'boot' ? '1.0' : '1.2';
  return { role: slice.role, name: slice.key, level: 1, metadata };
}

function planVolume(volume: VolumeSpec, layout: LayoutSpec): VolumePlan {
  const fileSystem = fileSystemOf(volume);
  const mountPoint = mountPointOf(volume);
  const raidOrPlain = layout.kind === 'raid1' ? 'array' : 'partition';
  return {
    role: volume.role,
    ...(volume.name === undefined ? {} : { name: volume.name }),
    sizeMiB: leastMiB(volume),
    grow: volume.size === 'rest',
    ...(volume.atMost === undefined ? {} : { maxSizeMiB: volume.atMost }),
    ...(fileSystem === undefined ? {} : { fileSystem, label: labelOf(volume) }),
    ...(mountPoint === undefined ? {} : { mountPoint }),
    ...(volume.encrypted ? { encrypted: true } : {}),
    on: isLogical(layout, volume) ? 'lv' : raidOrPlain,
  };
}

function fileSystemOf(volume: VolumeSpec): FileSystem | undefined {
  switch (volume.role) {
    case 'esp':
      return 'vfat';
    case 'boot':
      return 'ext4';
    case 'root':
    case 'data':
      return volume.fileSystem ?? 'ext4';
    case 'swap':
      return 'swap';
    case 'clustered':
      return undefined;
  }
}

/** At most 11 characters in capitals for vfat, 12 for xfs (mkfs.fat(8), mkfs.xfs(8)). */
function labelOf(volume: VolumeSpec): string {
  if (volume.role === 'esp') return 'SLIPWAY-ESP';
  return volume.name ?? `slipway-${volume.role}`;
}

/** Parents before children, then what is not mounted. */
function byMountOrder(a: VolumePlan, b: VolumePlan): number {
  return mountRank(a) - mountRank(b);
}

function mountRank(volume: VolumePlan): number {
  if (volume.mountPoint === undefined) return Number.MAX_SAFE_INTEGER;
  return volume.mountPoint === '/' ? 0 : volume.mountPoint.split('/').length;
}
