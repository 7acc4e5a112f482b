/** How wide to draw what differs a thousandfold in size, and how to say what a partition is. */
import { formatSize } from '../spec/size.ts';
import { arrayOf, partitionOf } from './layout.ts';
import type { DiskDemand, LayoutPlan, NodePlan, PartitionPlan, VolumePlan } from './types.ts';

/**
 * Widths in proportion to the sizes, except that none is below its minimum; what the small ones gain is taken from
 * the large ones in proportion. The sum is `total`.
 */
export function scaledWidths(
  sizes: readonly number[],
  minimums: readonly number[],
  total: number,
): readonly number[] {
  const fixed = new Set<number>();
  for (;;) {
    const free = sizes.map((_, i) => i).filter((i) => !fixed.has(i));
    const room = total - [...fixed].reduce((sum, i) => sum + (minimums[i] ?? 0), 0);
    const weight = free.reduce((sum, i) => sum + (sizes[i] ?? 0), 0);
    const width = (i: number) => (room * (sizes[i] ?? 0)) / weight;
    const tooSmall = free.filter((i) => width(i) < (minimums[i] ?? 0));
    if (tooSmall.length === 0 || tooSmall.length === free.length) {
      return sizes.map((_, i) => (fixed.has(i) ? (minimums[i] ?? 0) : width(i)));
    }
    for (const i of tooSmall) fixed.add(i);
  }
}

/** MiB of the disk to draw: the smallest one that the node takes. */
export function drawnDiskMiB({ disks, layout }: NodePlan): number {
  const least = disks.kind === 'matching' ? (disks.match.minSizeMiB ?? 0) : 0;
  return Math.max(least, layout.minimumDiskMiB);
}

/** MiB of each partition on a disk of that size. */
export function partitionSizes(layout: LayoutPlan, diskMiB: number): readonly number[] {
  const rest = diskMiB - layout.minimumDiskMiB;
  return layout.partitions.map(({ sizeMiB, grow, maxSizeMiB }) =>
    grow ? Math.min(sizeMiB + rest, maxSizeMiB ?? Number.POSITIVE_INFINITY) : sizeMiB,
  );
}

/** What lies on a partition: one volume, or those of the volume group, or none (biosboot). */
export function volumesOn(layout: LayoutPlan, partition: PartitionPlan): readonly VolumePlan[] {
  return layout.volumes.filter((volume) => partitionOf(layout, volume) === partition);
}

/** `600 MiB`, or `the rest, at least 256 MiB` for what grows. */
export function sizeText({
  sizeMiB,
  grow,
  maxSizeMiB,
}: Pick<PartitionPlan, 'sizeMiB' | 'grow' | 'maxSizeMiB'>): string {
  if (!grow) return formatSize(sizeMiB);
  return maxSizeMiB === undefined
    ? `the rest, at least ${formatSize(sizeMiB)}`
    : `${formatSize(sizeMiB)} to ${formatSize(maxSizeMiB)}`;
}

/** `ext4 at /boot`, `swap`, `unformatted`, with `encrypted` before it. */
export function contentText({ fileSystem, mountPoint, encrypted }: VolumePlan): string {
  const what =
    fileSystem === undefined
      ? 'unformatted'
      : mountPoint === undefined
        ? fileSystem
        : `${fileSystem} at ${mountPoint}`;
  return encrypted === true ? `encrypted ${what}` : what;
}

/** `RAID1 boot, metadata 1.0`; undefined without an array. */
export function arrayText(layout: LayoutPlan, partition: PartitionPlan): string | undefined {
  const [volume] = volumesOn(layout, partition);
  const array = volume === undefined ? undefined : arrayOf(layout, volume);
  return array === undefined ? undefined : `RAID${array.level} ${array.name}, metadata ${array.metadata}`;
}

/** What is asked of the node's disks, in one line. */
export function demandText(disks: DiskDemand): string {
  if (disks.kind === 'identified') {
    return disks.disks.map(({ by, value, wipe }) => `${by} ${value}${wipe ? ' (wiped)' : ''}`).join(', ');
  }
  const { minSizeMiB, maxSizeMiB, bus, model, rotational } = disks.match;
  const wishes = [
    ...(minSizeMiB === undefined ? [] : [`at least ${formatSize(minSizeMiB)}`]),
    ...(maxSizeMiB === undefined ? [] : [`at most ${formatSize(maxSizeMiB)}`]),
    ...(bus === undefined ? [] : [`on ${bus}`]),
    ...(model === undefined ? [] : [`model ${model}`]),
    ...(rotational === undefined ? [] : [rotational ? 'spinning' : 'not spinning']),
  ];
  return [`exactly ${disks.count}`, ...wishes, 'empty'].join(', ');
}

/** How the node is reached: `lan 52:54:00:10:00:0a 10.10.0.11/24 via 10.10.0.1`. */
export function interfaceTexts({ interfaces }: NodePlan): readonly string[] {
  return interfaces.map(({ name, mac, bond, vlan, address, gateway }) => {
    const card =
      bond === undefined ? (mac ?? 'first wired card') : `bond ${bond.mode} of ${bond.macs.join(' + ')}`;
    const tag = vlan === undefined ? '' : ` VLAN ${vlan}`;
    return `${name}: ${address}${gateway === undefined ? '' : ` via ${gateway}`} on ${card}${tag}`;
  });
}
