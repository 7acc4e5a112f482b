/** Free space of the disks, in whole MiB: everything made is aligned to them. */
import type { ClearedDisk } from './model-clear.ts';

export interface Region {
  readonly disk: ClearedDisk;
  readonly startMiB: number;
  readonly sizeMiB: number;
}

const MIB = 1024 * 1024;
export const SECTORS_PER_MIB = MIB / 512;
/** Kept free at each end of a disk: the table and alignment in front, the backup GPT behind. */
const EDGE_MIB = 1;
/** Sectors have 32 bits in an MBR. */
const MBR_LIMIT_MIB = 2 * 1024 * 1024;

/** What nobody uses of a disk once it is cleared; nothing on one without a partition table. */
export function freeRegions(disk: ClearedDisk): readonly Region[] {
  if (disk.label === undefined) return [];
  const whole = Math.floor(disk.disk.sizeBytes / MIB);
  const end = disk.label === 'gpt' ? whole - EDGE_MIB : Math.min(whole, MBR_LIMIT_MIB - 1);
  const taken = disk.kept
    .filter(({ role }) => role !== 'logical')
    .map(({ start, sectors }) => ({
      from: Math.floor(start / SECTORS_PER_MIB),
      to: Math.ceil((start + sectors) / SECTORS_PER_MIB),
    }))
    .toSorted((a, b) => a.from - b.from);
  const regions: Region[] = [];
  let at = EDGE_MIB;
  for (const { from, to } of [...taken, { from: end, to: end }]) {
    if (from > at) regions.push({ disk, startMiB: at, sizeMiB: from - at });
    at = Math.max(at, to);
  }
  return regions;
}
