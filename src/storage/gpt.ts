/** GUID partition tables, read from their bytes (UEFI specification 2.10, chapter 5.3). */
import { crc32 } from 'node:zlib';
import type { Machine } from '../engine/machine.ts';
import { guidAt } from './guid.ts';

export interface GptTable {
  /** Lower case. */
  readonly diskGuid: string;
  /** Of the other copy, in logical blocks. */
  readonly alternateBlock: number;
  /** Entries in use, in order of their numbers. */
  readonly partitions: readonly GptPartition[];
}

export interface GptPartition {
  /** 1-based. */
  readonly number: number;
  readonly name: string;
  /** Lower case, as below /dev/disk/by-partuuid. */
  readonly partUuid: string;
  /** Upper case. */
  readonly typeGuid: string;
  /** In 512-byte sectors, whatever the disk's block size. */
  readonly start: number;
  readonly sectors: number;
}

export interface GptCopies {
  readonly primary: GptRead;
  readonly backup: GptRead;
}

export type GptRead =
  | { readonly ok: true; readonly table: GptTable }
  | { readonly ok: false; readonly why: string };

export const SECTOR_BYTES = 512;
const HEADER_BYTES = 92;
const NAME_OFFSET = 56;
const NAME_BYTES = 72;
/** No tool writes more; a damaged header may claim anything. */
const MAX_ENTRY_BYTES = 1 << 20;

/** Where a table lies: a block device, its size and its logical block size in bytes. */
export interface GptPlace {
  readonly path: string;
  readonly sizeBytes: number;
  readonly blockBytes?: number;
}

/** Whoever reads bytes: a machine with its disks, or the image of one. */
export type ByteReader = Pick<Machine, 'readBytes'>;

/** Both copies, read from the disk itself. Never rejects for what is in them. */
export async function readGptCopies(machine: ByteReader, place: GptPlace): Promise<GptCopies> {
  const blocks = Math.floor(place.sizeBytes / (place.blockBytes ?? SECTOR_BYTES));
  return { primary: await readCopy(machine, place, 1), backup: await readCopy(machine, place, blocks - 1) };
}

/** The table in force: the primary copy, or the backup when the primary is damaged; undefined without either. */
export async function readGpt(machine: Machine, place: GptPlace): Promise<GptTable | undefined> {
  const primary = await readCopy(machine, place, 1);
  if (primary.ok) return primary.table;
  const { backup } = await readGptCopies(machine, place);
  return backup.ok ? backup.table : undefined;
}

async function readCopy(machine: ByteReader, place: GptPlace, block: number): Promise<GptRead> {
  const blockBytes = place.blockBytes ?? SECTOR_BYTES;
  const read = (at: number, length: number): Promise<Uint8Array> =>
    machine.readBytes(place.path, at * blockBytes, length, true);
  const header = parseHeader(await read(block, blockBytes), block);
  if (typeof header === 'string') return { ok: false, why: header };
  const entries = await read(header.entriesBlock, header.entryCount * header.entryBytes);
  if (crc32(entries) !== header.entriesCrc) return { ok: false, why: 'the checksum of the entries is wrong' };
  const { diskGuid, alternateBlock } = header;
  return {
    ok: true,
    table: { diskGuid, alternateBlock, partitions: parseEntries(entries, header, blockBytes) },
  };
}

interface Header {
  readonly diskGuid: string;
  readonly alternateBlock: number;
  readonly entriesBlock: number;
  readonly entryCount: number;
  readonly entryBytes: number;
  readonly entriesCrc: number;
}

/** The header in one block, or why it is none. */
function parseHeader(bytes: Uint8Array, block: number): Header | string {
  if (bytes.length < HEADER_BYTES) return 'the disk ends before it';
  const view = viewOf(bytes);
  if (Buffer.from(bytes.subarray(0, 8)).toString('latin1') !== 'EFI PART') return 'there is no signature';
  const headerBytes = view.getUint32(12, true);
  if (headerBytes < HEADER_BYTES || headerBytes > bytes.length)
    return `the header claims ${headerBytes} bytes`;
  // A copy: slice() of a Buffer would be the same memory.
  const unsigned = Uint8Array.from(bytes.subarray(0, headerBytes));
  unsigned.fill(0, 16, 20);
  if (crc32(unsigned) !== view.getUint32(16, true)) return 'the checksum of the header is wrong';
  if (Number(view.getBigUint64(24, true)) !== block) return 'the header belongs to another block';
  const entryCount = view.getUint32(80, true);
  const entryBytes = view.getUint32(84, true);
  if (entryBytes < 128 || entryCount * entryBytes > MAX_ENTRY_BYTES) {
    return `the header claims ${entryCount} entries of ${entryBytes} bytes`;
  }
  return {
    diskGuid: guidAt(bytes, 56),
    alternateBlock: Number(view.getBigUint64(32, true)),
    entriesBlock: Number(view.getBigUint64(72, true)),
    entryCount,
    entryBytes,
    entriesCrc: view.getUint32(88, true),
  };
}

function parseEntries(bytes: Uint8Array, header: Header, blockBytes: number): readonly GptPartition[] {
  const partitions: GptPartition[] = [];
  const scale = blockBytes / SECTOR_BYTES;
  const view = viewOf(bytes);
  for (let i = 0; i < header.entryCount; i += 1) {
    const at = i * header.entryBytes;
    const isUsed = view.getBigUint64(at, true) !== 0n || view.getBigUint64(at + 8, true) !== 0n;
    if (!isUsed) continue;
    const first = Number(view.getBigUint64(at + 32, true));
    const last = Number(view.getBigUint64(at + 40, true));
    partitions.push({
      number: i + 1,
      name: Buffer.from(bytes.subarray(at + NAME_OFFSET, at + NAME_OFFSET + NAME_BYTES))
        .toString('utf16le')
        .replace(/\0.*$/s, ''),
      partUuid: guidAt(bytes, at + 16),
      typeGuid: guidAt(bytes, at).toUpperCase(),
      start: first * scale,
      sectors: (last - first + 1) * scale,
    });
  }
  return partitions;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
