/** Disks as bars of their partitions. */
import { scalePow } from 'd3-scale';
import type { DiskMap } from '../evidence/types.ts';

/**
 * Widths grow with this power of the size: a partition of 1 MiB and one of 1 TiB, a million times as large, both stay
 * visible, and the larger one is always the wider one.
 */
const EXPONENT = 0.3;

export interface SegmentView {
  readonly name: string;
  /** Names its colour. */
  readonly role: string;
  readonly size: string;
  /** Percent of the bar. */
  readonly x: number;
  readonly width: number;
}

export interface DiskView {
  readonly name: string;
  readonly size: string;
  readonly segments: readonly SegmentView[];
  /** Its segments have been explained with the disk before it, which has the same. */
  readonly likeBefore: boolean;
}

export function diskViews(disks: readonly DiskMap[]): readonly DiskView[] {
  return disks.map((disk, i) => ({
    name: disk.name,
    size: sizeText(disk.sizeMiB),
    segments: segmentsOf(disk),
    likeBefore: i > 0 && JSON.stringify(disk.partitions) === JSON.stringify(disks[i - 1]?.partitions),
  }));
}

function segmentsOf({ partitions, sizeMiB }: DiskMap): readonly SegmentView[] {
  const used = partitions.reduce((sum, partition) => sum + partition.sizeMiB, 0);
  const free = Math.max(0, sizeMiB - used);
  const width = scalePow().exponent(EXPONENT);
  const weights = partitions.map((partition) => width(partition.sizeMiB));
  // Room for the partition tables and for alignment is no free space.
  const all = weights.reduce((sum, weight) => sum + weight, free > 4 ? width(free) : 0);
  let x = 0;
  return partitions.map(({ name, role, sizeMiB: size }, i) => {
    const share = (100 * (weights[i] ?? 0)) / (all || 1);
    const segment = {
      ...{ role, size: sizeText(size), x: round(x), width: round(share) },
      name: name.replace(/^slipway-/, ''),
    };
    x += share;
    return segment;
  });
}

/** `600 MiB`, `11.2 GiB`. */
function sizeText(mib: number): string {
  const [value, unit] =
    mib < 1024 ? [mib, 'MiB'] : mib < 2 ** 20 ? [mib / 1024, 'GiB'] : [mib / 2 ** 20, 'TiB'];
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${unit}`;
}

const round = (value: number): number => Math.round(value * 100) / 100;
