/** Volume descriptors of an ISO 9660 image (ECMA-119, 4th edition, chapter 8). */
import { fileProblem, InputError } from '../../errors/problem.ts';
import type { ReadAt } from '../../storage/fat.ts';
import type { ImageSource } from './source.ts';

export const ISO_BLOCK = 2048;

/** What the descriptors say; text without the blanks that fill it up. */
export interface ImageVolume {
  readonly volumeId: string;
  readonly systemId: string;
  readonly applicationId: string;
  readonly preparerId: string;
  /** `YYYYMMDDhhmmsscc`, as written; digits only. */
  readonly modified: string;
  /** Size of the volume, in blocks. */
  readonly blocks: number;
  /** Where the primary volume descriptor lies. */
  readonly descriptorBlock: number;
  /** The directory of the root, under ISO 9660 names (with Rock Ridge if present). */
  readonly root: DirectoryPlace;
  /** The root under Joliet names. */
  readonly joliet: { readonly volumeId: string; readonly root: DirectoryPlace } | undefined;
  /** Block of the El Torito boot catalogue. */
  readonly bootCatalog: number | undefined;
  /** The 512 bytes left to applications, where media checksums are implanted. */
  readonly applicationUse: Uint8Array;
}

export interface DirectoryPlace {
  readonly block: number;
  readonly bytes: number;
}

const FIRST_DESCRIPTOR = 16;
/** A set has no more in practice; a damaged one must not be read for ever. */
const MOST_DESCRIPTORS = 32;
const TYPE = { boot: 0, primary: 1, supplementary: 2, terminator: 255 } as const;
const EL_TORITO = 'EL TORITO SPECIFICATION';
/** UCS-2 levels 1 to 3 (Joliet specification, "SVD Escape Sequences"). */
const JOLIET_ESCAPES = ['%/@', '%/C', '%/E'];
/** Offset of the application use area in the primary descriptor (ECMA-119 8.4.32). */
export const APPLICATION_USE = { offset: 883, bytes: 512 } as const;

/** @throws {InputError} for an image that is no ISO 9660 volume. */
export async function readVolume(image: ImageSource): Promise<ImageVolume> {
  const volume = await findVolume(image.read);
  if (volume !== undefined) return volume;
  const hint = 'name the .iso file itself, downloaded in full';
  throw new InputError([fileProblem(image.path, 'not-an-iso', 'this is no ISO 9660 image', hint)]);
}

/** The volume whose system area starts at offset 0 of `read`; undefined when there is none. */
export async function findVolume(read: ReadAt): Promise<ImageVolume | undefined> {
  const descriptors = await readDescriptors(read);
  const primary = descriptors.find(({ bytes }) => bytes[0] === TYPE.primary);
  if (primary === undefined) return undefined;
  const { bytes, block } = primary;
  const boot = descriptors.find((d) => d.bytes[0] === TYPE.boot && text(d.bytes, 7, 32) === EL_TORITO);
  const joliet = descriptors.find(
    (d) => d.bytes[0] === TYPE.supplementary && JOLIET_ESCAPES.includes(text(d.bytes, 88, 3)),
  );
  return {
    volumeId: text(bytes, 40, 32),
    systemId: text(bytes, 8, 32),
    preparerId: text(bytes, 446, 128),
    applicationId: text(bytes, 574, 128),
    modified: text(bytes, 830, 16),
    blocks: bytes.readUInt32LE(80),
    descriptorBlock: block,
    root: rootOf(bytes),
    joliet:
      joliet === undefined ? undefined : { volumeId: ucs2(joliet.bytes, 40, 32), root: rootOf(joliet.bytes) },
    bootCatalog: boot?.bytes.readUInt32LE(71),
    applicationUse: bytes.subarray(APPLICATION_USE.offset, APPLICATION_USE.offset + APPLICATION_USE.bytes),
  };
}

async function readDescriptors(read: ReadAt) {
  const found: { readonly block: number; readonly bytes: Buffer }[] = [];
  for (let block = FIRST_DESCRIPTOR; block < FIRST_DESCRIPTOR + MOST_DESCRIPTORS; block += 1) {
    const bytes = Buffer.from(await read(block * ISO_BLOCK, ISO_BLOCK));
    if (bytes.length < ISO_BLOCK || bytes.toString('latin1', 1, 6) !== 'CD001') break;
    if (bytes[0] === TYPE.terminator) break;
    found.push({ block, bytes });
  }
  return found;
}

const rootOf = (bytes: Buffer): DirectoryPlace => ({
  block: bytes.readUInt32LE(156 + 2),
  bytes: bytes.readUInt32LE(156 + 10),
});

const text = (bytes: Buffer, offset: number, length: number): string =>
  bytes
    .toString('latin1', offset, offset + length)
    .replace(/\0.*$/s, '')
    .trimEnd();

const ucs2 = (bytes: Buffer, offset: number, length: number): string =>
  Buffer.from(bytes.subarray(offset, offset + length))
    .swap16()
    .toString('utf16le')
    .replace(/\0.*$/s, '')
    .trimEnd();
