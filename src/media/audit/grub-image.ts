/**
 * What is built into a GRUB image: where it looks for its configuration (the prefix), and the commands it runs before
 * that (GRUB 2.06: include/grub/kernel.h, util/mkimage.c).
 */
import { LzmaError, unpackLzma } from './lzma.ts';
import { peSection } from './pe.ts';

export interface GrubBuiltIn {
  /** `/EFI/BOOT`, or with a device in front `(cd0)/boot/grub`; undefined when the image has none. */
  readonly prefix: string | undefined;
  /** Commands run first; undefined when there are none. */
  readonly earlyConfig: string | undefined;
}

const MAGIC = 'mimg';
/** Types of the objects behind the kernel. */
const OBJECT = { config: 2, prefix: 3 } as const;
const OBJECT_HEADER = 8;
/** The boot code in front of GRUB's core on a CD: cdboot.img and diskboot.img. */
const BOOT_CODE_BYTES = 2048 + 512;
/** Offsets in the decompressor that the core begins with (include/grub/offsets.h). */
const PACKED_BYTES = 8;
const UNPACKED_BYTES = 12;
/** GRUB would not fit below the first MiB. */
const MOST_UNPACKED = 8 << 20;

/** From an EFI program; undefined when it is no GRUB. */
export function grubBuiltIntoEfi(program: Uint8Array): GrubBuiltIn | undefined {
  const modules = peSection(program, 'mods');
  return modules === undefined ? undefined : parseModules(modules);
}

/** From an El Torito image for BIOS (`i386-pc-eltorito`); undefined when it is no GRUB. */
export function grubBuiltIntoElTorito(image: Uint8Array): GrubBuiltIn | undefined {
  if (image.length < BOOT_CODE_BYTES + 512) return undefined;
  const core = Buffer.from(image.buffer, image.byteOffset + BOOT_CODE_BYTES, image.length - BOOT_CODE_BYTES);
  const packed = core.readUInt32LE(PACKED_BYTES);
  const unpacked = core.readUInt32LE(UNPACKED_BYTES);
  if (packed === 0 || packed > core.length || unpacked < packed || unpacked > MOST_UNPACKED) return undefined;
  try {
    // The packed part is the last one.
    const kernel = unpackLzma(core.subarray(core.length - packed), unpacked);
    const at = Buffer.from(kernel.buffer).lastIndexOf(MAGIC);
    return at < 0 ? undefined : parseModules(kernel.subarray(at));
  } catch (error) {
    if (error instanceof LzmaError) return undefined;
    throw error;
  }
}

/** The header and its objects; fields are as wide as the words of the machine GRUB is for. */
function parseModules(bytes: Uint8Array): GrubBuiltIn | undefined {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.length < 24 || data.toString('latin1', 0, 4) !== MAGIC) return undefined;
  const wide = data.readUInt32LE(4) === 0;
  const begin = wide ? Number(data.readBigUInt64LE(8)) : data.readUInt32LE(4);
  const end = Math.min(data.length, wide ? Number(data.readBigUInt64LE(16)) : data.readUInt32LE(8));
  const texts = new Map<number, string>();
  for (let at = begin; at + OBJECT_HEADER <= end; ) {
    const size = data.readUInt32LE(at + 4);
    if (size < OBJECT_HEADER) break;
    const content = data.toString('latin1', at + OBJECT_HEADER, Math.min(end, at + size));
    texts.set(data.readUInt32LE(at), content.replace(/\0.*$/s, ''));
    at += size;
  }
  return { prefix: texts.get(OBJECT.prefix), earlyConfig: texts.get(OBJECT.config) };
}
