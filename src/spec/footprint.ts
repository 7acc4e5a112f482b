/**
 * How much of each disk a layout takes: which volumes become partitions, in which order, and how large.
 * The rules ask it whether a layout fits the declared disks, the plan builds on the same answer.
 */
import type { LayoutSpec, VolumeSpec } from './schema.ts';

/** MiB before the first partition (GPT and alignment) and behind the last one (backup GPT). */
const TABLE_MIB = 1 + 1;

/** GRUB's core image is some 30 KiB and may grow to 1 MiB. */
const BIOSBOOT_MIB = 1;

/** LVM's default physical extent. */
const EXTENT_MIB = 4;

/** MiB a `rest` volume gets at least when the spec does not say. */
const LEAST_ROOT_MIB = 2048;
const LEAST_OTHER_MIB = 256;

/** One partition, the same on every disk of the layout. */
export interface Slice {
  /** `biosboot`, `pv`, or the key of the volume that lies on it. */
  readonly key: string;
  readonly role: VolumeSpec['role'] | 'biosboot' | 'pv';
  /** MiB; for a growing slice the least it may have. */
  readonly sizeMiB: number;
  readonly grow: boolean;
  /** MiB; only for a growing slice. */
  readonly maxSizeMiB?: number;
}

/** What tells a volume from the others of its layout: its name, else its role. */
export function volumeKey(volume: Pick<VolumeSpec, 'name' | 'role'>): string {
  return volume.name ?? volume.role;
}

/** Whether the volume is a logical volume; firmware, boot loader and DRBD want partitions of their own. */
export function isLogical(layout: LayoutSpec, volume: VolumeSpec): boolean {
  return layout.volumeGroup !== undefined && !['esp', 'boot', 'clustered'].includes(volume.role);
}

/** MiB the volume has at least. */
export function leastMiB(volume: VolumeSpec): number {
  if (volume.size !== 'rest') return volume.size;
  return volume.atLeast ?? (volume.role === 'root' ? LEAST_ROOT_MIB : LEAST_OTHER_MIB);
}

/** The partitions of every disk in on-disk order: biosboot, esp, boot, then the others with the growing one last. */
export function slicesOf(layout: LayoutSpec): readonly Slice[] {
  const plain = layout.volumes.filter((volume) => !isLogical(layout, volume)).map(volumeSlice);
  const grown = plain.some((slice) => slice.grow);
  const all = [
    ...(layout.firmware.includes('bios') ? [BIOSBOOT] : []),
    ...plain,
    ...(layout.volumeGroup === undefined ? [] : [physicalVolume(layout, !grown)]),
  ];
  return all.toSorted((a, b) => order(a) - order(b));
}

/** MiB a disk must have for the layout to fit. */
export function minimumDiskMiB(layout: LayoutSpec): number {
  return slicesOf(layout).reduce((sum, slice) => sum + slice.sizeMiB, TABLE_MIB);
}

const BIOSBOOT: Slice = { key: 'biosboot', role: 'biosboot', sizeMiB: BIOSBOOT_MIB, grow: false };

function volumeSlice(volume: VolumeSpec): Slice {
  return {
    key: volumeKey(volume),
    role: volume.role,
    sizeMiB: leastMiB(volume),
    grow: volume.size === 'rest',
    ...(volume.atMost === undefined ? {} : { maxSizeMiB: volume.atMost }),
  };
}

/**
 * The partition below the volume group. Beyond the extents of its volumes it needs LVM's own metadata (1 MiB and
 * rounding: two extents) and, on RAID, the room mdadm reserves before the data of a 1.2 array: at most 1/1024 of the
 * member (super1.c, `choose_bm_space` and the headroom for reshapes); 1/512 leaves a margin.
 */
function physicalVolume(layout: LayoutSpec, grow: boolean): Slice {
  const logical = layout.volumes.filter((volume) => isLogical(layout, volume));
  const extents = logical.reduce(
    (sum, volume) => sum + roundUp(leastMiB(volume), EXTENT_MIB),
    2 * EXTENT_MIB,
  );
  const reserve = layout.kind === 'raid1' ? roundUp(Math.ceil(extents / 512), EXTENT_MIB) : 0;
  return { key: 'pv', role: 'pv', sizeMiB: extents + reserve, grow };
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function order(slice: Slice): number {
  if (slice.grow) return 4;
  return { biosboot: 0, esp: 1, boot: 2 }[String(slice.role)] ?? 3;
}
