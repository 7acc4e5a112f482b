/** Whether a disk, or a partition of one, holds anything at all. Read past the page cache; nothing is written. */
import type { Machine } from '../engine/machine.ts';
import type { Disk } from './block-devices.ts';
import { identifyFileSystem, SIGNATURE_BYTES } from './file-system.ts';
import { SECTOR_BYTES } from './gpt.ts';
import { readMdSuperblock } from './md-superblock.ts';

/** In 512-byte sectors. */
export interface Extent {
  readonly start: number;
  readonly sectors: number;
}

const MIB = 1 << 20;
/** Bytes at the begin of an extent that must be zero for it to be called blank. */
const BLANK_BYTES = 1 << 16;

/** What is on a disk; undefined when it is empty: zeros at both ends, and nothing where `extents` begin and end. */
export async function contentOf(
  machine: Machine,
  disk: Pick<Disk, 'path' | 'sizeBytes'>,
  extents: readonly Extent[],
): Promise<string | undefined> {
  const whole = await signatureIn(machine, disk.path, { start: 0, sectors: disk.sizeBytes / SECTOR_BYTES });
  if (whole !== undefined) return whole;
  for (const at of [0, disk.sizeBytes - MIB]) {
    const bytes = await machine.readBytes(disk.path, at, MIB, true);
    if (!isAllZero(bytes)) return `data at byte ${at + bytes.findIndex((byte) => byte !== 0)}`;
  }
  for (const extent of extents) {
    const found = await signatureIn(machine, disk.path, extent);
    if (found !== undefined) return `${found} at sector ${extent.start}`;
    if (!(await isZero(machine, disk.path, extent))) return `data at sector ${extent.start}`;
  }
  return undefined;
}

/** Whether an extent of a disk begins with zeros, and is no member of an array. */
export async function isBlank(machine: Machine, disk: string, extent: Extent): Promise<boolean> {
  return (await signatureIn(machine, disk, extent)) === undefined && isZero(machine, disk, extent);
}

async function signatureIn(
  machine: Machine,
  disk: string,
  { start, sectors }: Extent,
): Promise<string | undefined> {
  const superblock = await readMdSuperblock(machine, disk, start, sectors);
  if (superblock !== undefined) return `a member of array ${superblock.arrayName} (${superblock.arrayUuid})`;
  const found = identifyFileSystem(
    await machine.readBytes(disk, start * SECTOR_BYTES, SIGNATURE_BYTES, true),
  );
  return found === undefined ? undefined : `${found.type} ${found.uuid}`;
}

async function isZero(machine: Machine, disk: string, { start }: Extent): Promise<boolean> {
  return isAllZero(await machine.readBytes(disk, start * SECTOR_BYTES, BLANK_BYTES, true));
}

/** Compared at once: a look at each byte of a MiB takes ten milliseconds. */
const ZEROS = Buffer.alloc(MIB);
const isAllZero = (bytes: Uint8Array): boolean => ZEROS.subarray(0, bytes.length).equals(bytes);
