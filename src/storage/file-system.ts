/** Tells a file system by its first bytes: its type and UUID, in the words of blkid. */
import { uuidAt } from './guid.ts';

export interface FileSystemSignature {
  readonly type: string;
  readonly uuid: string;
}

/** As many bytes as {@link identifyFileSystem} looks at. */
export const SIGNATURE_BYTES = 8192;

/** Offset of the ext superblock. */
const EXT = 1024;
const EXT_COMPAT_JOURNAL = 0x4;
const EXT_INCOMPAT_EXTENTS = 0x40;

/** Undefined for anything that is none of ext2-4, xfs, vfat, swap and LUKS. */
export function identifyFileSystem(bytes: Uint8Array): FileSystemSignature | undefined {
  if (bytes.length < SIGNATURE_BYTES) return undefined;
  const text = Buffer.from(bytes);
  const at = (offset: number, length: number): string => text.toString('latin1', offset, offset + length);
  if (at(0, 6) === 'LUKS\xba\xbe') return { type: 'crypto_LUKS', uuid: at(168, 40).replace(/\0.*$/s, '') };
  if (at(0, 4) === 'XFSB') return { type: 'xfs', uuid: uuidAt(bytes, 32) };
  if (at(4086, 10) === 'SWAPSPACE2') return { type: 'swap', uuid: uuidAt(bytes, 1036) };
  if (text.readUInt16LE(EXT + 56) === 0xef53) return { type: extType(text), uuid: uuidAt(bytes, EXT + 104) };
  if (at(82, 5) === 'FAT32') return { type: 'vfat', uuid: fatUuid(text, 67) };
  if (at(54, 3) === 'FAT') return { type: 'vfat', uuid: fatUuid(text, 39) };
  return undefined;
}

function extType(text: Buffer): string {
  if (text.readUInt32LE(EXT + 96) & EXT_INCOMPAT_EXTENTS) return 'ext4';
  return text.readUInt32LE(EXT + 92) & EXT_COMPAT_JOURNAL ? 'ext3' : 'ext2';
}

function fatUuid(text: Buffer, offset: number): string {
  const serial = text.readUInt32LE(offset).toString(16).padStart(8, '0').toUpperCase();
  return `${serial.slice(0, 4)}-${serial.slice(4)}`;
}
