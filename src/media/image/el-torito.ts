/** The El Torito boot catalogue of an image ("El Torito" Bootable CD-ROM Format Specification 1.0, chapter 2). */
import type { ReadAt } from '../../storage/fat.ts';
import { ISO_BLOCK } from './volume.ts';

export interface BootCatalog {
  readonly block: number;
  /** Whether the validation entry's checksum and key are right; firmware ignores a catalogue whose are not. */
  readonly valid: boolean;
  readonly entries: readonly BootCatalogEntry[];
}

export interface BootCatalogEntry {
  readonly platform: 'bios' | 'ppc' | 'mac' | 'uefi' | 'unknown';
  readonly bootable: boolean;
  /** False for images that firmware presents as a floppy or hard disk. */
  readonly noEmulation: boolean;
  /** In 512-byte sectors, as the entry says; UEFI takes 0 and 1 for "up to the end". */
  readonly sectors: number;
  readonly block: number;
}

const ENTRY_BYTES = 32;
const PLATFORMS = new Map<number, BootCatalogEntry['platform']>([
  [0x00, 'bios'],
  [0x01, 'ppc'],
  [0x02, 'mac'],
  [0xef, 'uefi'],
]);
const SECTION = { more: 0x90, last: 0x91, extension: 0x44 } as const;
const BOOTABLE = 0x88;

/** Reads the catalogue at a block. A damaged one comes out as invalid and with the entries that could be read. */
export async function readBootCatalog(read: ReadAt, block: number): Promise<BootCatalog> {
  const bytes = Buffer.from(await read(block * ISO_BLOCK, ISO_BLOCK));
  if (bytes.length < 2 * ENTRY_BYTES) return { block, valid: false, entries: [] };
  const entries = [parseEntry(bytes, ENTRY_BYTES, platformOf(bytes[1]))];
  for (let at = 2 * ENTRY_BYTES; at + ENTRY_BYTES <= bytes.length; ) {
    const header = bytes[at];
    if (header !== SECTION.more && header !== SECTION.last) break;
    const platform = platformOf(bytes[at + 1]);
    let left = bytes.readUInt16LE(at + 2);
    at += ENTRY_BYTES;
    for (; left > 0 && at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
      if (bytes[at] === SECTION.extension) continue;
      entries.push(parseEntry(bytes, at, platform));
      left -= 1;
    }
    if (header === SECTION.last) break;
  }
  return { block, valid: isValid(bytes.subarray(0, ENTRY_BYTES)), entries };
}

/** The 16-bit words of the validation entry add up to zero, and it ends in 55 AA. */
function isValid(entry: Buffer): boolean {
  let sum = 0;
  for (let at = 0; at < ENTRY_BYTES; at += 2) sum += entry.readUInt16LE(at);
  return entry[0] === 1 && (sum & 0xffff) === 0 && entry.readUInt16LE(30) === 0xaa55;
}

const platformOf = (id: number | undefined): BootCatalogEntry['platform'] =>
  PLATFORMS.get(id ?? -1) ?? 'unknown';

const parseEntry = (bytes: Buffer, at: number, platform: BootCatalogEntry['platform']): BootCatalogEntry => ({
  platform,
  bootable: bytes[at] === BOOTABLE,
  noEmulation: ((bytes[at + 1] ?? 0) & 0x0f) === 0,
  sectors: bytes.readUInt16LE(at + 6),
  block: bytes.readUInt32LE(at + 8),
});

/** What mkisofs writes into a BIOS image so that it finds itself: isolinux cannot start without it. */
export interface BootInfoTable {
  readonly descriptorBlock: number;
  readonly imageBlock: number;
  readonly imageBytes: number;
  readonly checksum: number;
}

/** The table of `-boot-info-table`, at byte 8 of the image. */
export function parseBootInfoTable(image: Uint8Array): BootInfoTable | undefined {
  if (image.length < 64) return undefined;
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  return {
    descriptorBlock: bytes.readUInt32LE(8),
    imageBlock: bytes.readUInt32LE(12),
    imageBytes: bytes.readUInt32LE(16),
    checksum: bytes.readUInt32LE(20),
  };
}

/** The sum of the image's 32-bit words from byte 64 on, the last one filled up with zeros. */
export function bootInfoChecksum(image: Uint8Array): number {
  const padded = Buffer.alloc(Math.ceil(image.length / 4) * 4);
  padded.set(image);
  let sum = 0;
  for (let at = 64; at < padded.length; at += 4) sum = (sum + padded.readUInt32LE(at)) >>> 0;
  return sum;
}

/** Where `--grub2-boot-info` writes the 512-byte sector of GRUB's core behind its first four sectors. */
const GRUB_BOOT_INFO = 2548;

/** The sector that GRUB's CD boot code goes on at, as written; undefined for an image too small to hold it. */
export function grubBootInfoSector(image: Uint8Array): number | undefined {
  if (image.length < GRUB_BOOT_INFO + 8) return undefined;
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  return Number(view.getBigUint64(GRUB_BOOT_INFO, true));
}
