/** Tells a file system by its first bytes: its type, UUID and label, in the words of blkid. */
import type { Machine } from '../engine/machine.ts';
import { uuidAt } from './guid.ts';

export interface FileSystemSignature {
  readonly type: string;
  readonly uuid: string;
  /** Empty when it has none. */
  readonly label: string;
}

/** As many bytes as {@link identifyFileSystem} looks at. */
export const SIGNATURE_BYTES = 8192;

/** Offset of the ext superblock. */
const EXT = 1024;
const EXT_COMPAT_JOURNAL = 0x4;
const EXT_INCOMPAT_EXTENTS = 0x40;

/** Where btrfs has its superblock, behind all the others. */
export const BTRFS_AT = 65_536;
/** As many bytes from there on as {@link identifyBtrfs} looks at. */
export const BTRFS_BYTES = 4096;

export interface BtrfsSignature extends FileSystemSignature {
  /** Devices of the volume. */
  readonly devices: number;
}

/** The superblock of btrfs (btrfs_super_block); undefined for anything else. */
export function identifyBtrfs(bytes: Uint8Array): BtrfsSignature | undefined {
  const text = Buffer.from(bytes);
  if (text.length < BTRFS_BYTES || text.toString('latin1', 64, 72) !== '_BHRfS_M') return undefined;
  return {
    type: 'btrfs',
    uuid: uuidAt(bytes, 32),
    label: text.toString('utf8', 299, 299 + 256).replace(/\0.*$/s, ''),
    devices: Number(text.readBigUInt64LE(136)),
  };
}

/** The same from a device, past the page cache. */
export async function readBtrfs(machine: Machine, device: string): Promise<BtrfsSignature | undefined> {
  return identifyBtrfs(await machine.readBytes(device, BTRFS_AT, BTRFS_BYTES, true));
}

/** Undefined for anything that is none of ext2-4, xfs, vfat, swap and LUKS. */
export function identifyFileSystem(bytes: Uint8Array): FileSystemSignature | undefined {
  if (bytes.length < SIGNATURE_BYTES) return undefined;
  const text = Buffer.from(bytes);
  const at = (offset: number, length: number): string => text.toString('latin1', offset, offset + length);
  const word = (offset: number, length: number): string =>
    text
      .toString('utf8', offset, offset + length)
      .replace(/\0.*$/s, '')
      .trimEnd();
  const found = (type: string, uuid: string, label: string): FileSystemSignature => ({ type, uuid, label });
  if (at(0, 6) === 'LUKS\xba\xbe') return found('crypto_LUKS', word(168, 40), '');
  if (at(0, 4) === 'XFSB') return found('xfs', uuidAt(bytes, 32), word(108, 12));
  if (at(4086, 10) === 'SWAPSPACE2') return found('swap', uuidAt(bytes, 1036), word(1052, 16));
  if (text.readUInt16LE(EXT + 56) === 0xef53)
    return found(extType(text), uuidAt(bytes, EXT + 104), word(EXT + 120, 16));
  if (at(82, 5) === 'FAT32') return found('vfat', fatUuid(text, 67), fatLabel(word(71, 11)));
  if (at(54, 3) === 'FAT') return found('vfat', fatUuid(text, 39), fatLabel(word(43, 11)));
  return undefined;
}

/** What mkfs.fat writes where no label was asked for. */
const fatLabel = (label: string): string => (label === 'NO NAME' ? '' : label);

function extType(text: Buffer): string {
  if (text.readUInt32LE(EXT + 96) & EXT_INCOMPAT_EXTENTS) return 'ext4';
  return text.readUInt32LE(EXT + 92) & EXT_COMPAT_JOURNAL ? 'ext3' : 'ext2';
}

function fatUuid(text: Buffer, offset: number): string {
  const serial = text.readUInt32LE(offset).toString(16).padStart(8, '0').toUpperCase();
  return `${serial.slice(0, 4)}-${serial.slice(4)}`;
}

/** What lies on a device, read past the page cache and without a process; undefined when it is nothing known. */
export async function readFileSystem(
  machine: Machine,
  device: string,
): Promise<FileSystemSignature | undefined> {
  const found = identifyFileSystem(await machine.readBytes(device, 0, SIGNATURE_BYTES, true));
  return found ?? (await readBtrfs(machine, device));
}
