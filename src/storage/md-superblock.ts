/**
 * The superblock that md leaves on each member (format 1.x, include/uapi/linux/raid/md_p.h). It identifies a member
 * by the array's UUID whether the array is running or not.
 */
import type { Machine } from '../engine/machine.ts';
import { SECTOR_BYTES } from './gpt.ts';

export interface MdSuperblock {
  /** As mdadm prints it: four groups of eight hex digits joined by colons. */
  readonly arrayUuid: string;
  /** Without the host's prefix. */
  readonly arrayName: string;
  /** `1.0`, `1.1` or `1.2`: the same block at another place. */
  readonly metadata: '1.0' | '1.1' | '1.2';
  /** `raid1` */
  readonly level: string;
  readonly raidDisks: number;
}

const MAGIC = 0xa92b4efc;
const BYTES = 256;

/** The superblock of the member that begins at `start` and has `sectors` (512 bytes each); undefined without one. */
export async function readMdSuperblock(
  machine: Machine,
  disk: string,
  start: number,
  sectors: number,
): Promise<MdSuperblock | undefined> {
  for (const [metadata, sector] of superblockPlaces(sectors)) {
    const bytes = await machine.readBytes(disk, (start + sector) * SECTOR_BYTES, BYTES, true);
    const found = parseMdSuperblock(bytes, metadata, sector);
    if (found !== undefined) return found;
  }
  return undefined;
}

type Format = MdSuperblock['metadata'];

/** Where each format keeps it, in sectors from the member's start: at the start, 4 KiB after it, or 8-12 KiB before its end. */
function superblockPlaces(sectors: number): readonly (readonly [Format, number])[] {
  const places: readonly (readonly [Format, number])[] = [
    ['1.0', Math.floor((sectors - 16) / 8) * 8],
    ['1.1', 0],
    ['1.2', 8],
  ];
  return places.filter(([, sector]) => sector >= 0);
}

/** Undefined unless `bytes` are a superblock that was written for this very place of the member. */
function parseMdSuperblock(bytes: Uint8Array, metadata: Format, sector: number): MdSuperblock | undefined {
  if (bytes.length < BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== 1) return undefined;
  if (Number(view.getBigUint64(144, true)) !== sector) return undefined;
  const text = Buffer.from(bytes);
  const level = view.getInt32(72, true);
  return {
    arrayUuid: (text.toString('hex', 16, 32).match(/.{8}/g) ?? []).join(':'),
    arrayName: text.toString('latin1', 32, 64).replace(/\0.*$/s, '').replace(/^.*:/, ''),
    metadata,
    level: level === -1 ? 'linear' : `raid${level}`,
    raidDisks: view.getUint32(92, true),
  };
}
