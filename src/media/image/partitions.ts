/** The partition tables in front of and behind an ISO image: what a firmware sees when the image is on a stick. */
import { type GptCopies, type GptRead, type GptTable, readGptCopies } from '../../storage/gpt.ts';
import type { ImageSource } from './source.ts';

export interface ImagePartitions {
  /** The four entries of the MBR that are in use; undefined when the first sector has no 55 AA at its end. */
  readonly mbr: ImageMbr | undefined;
  /** Both copies of the GPT; undefined when there is neither. */
  readonly gpt: GptCopies | undefined;
}

export interface ImageMbr {
  /** The 440 bytes that BIOS runs. */
  readonly code: Uint8Array;
  /** Whether they are anything but zeros. */
  readonly hasCode: boolean;
  readonly entries: readonly ImageMbrEntry[];
}

export interface ImageMbrEntry {
  /** 1 to 4. */
  readonly number: number;
  readonly active: boolean;
  /** Two hex digits, lower case: `ee` protects a GPT, `ef` is an EFI system partition, `17` is what isohybrid writes. */
  readonly type: string;
  /** In 512-byte sectors. isohybrid's first entry starts at 0, so that it covers the whole image. */
  readonly start: number;
  readonly sectors: number;
}

const SECTOR = 512;
const CODE_BYTES = 440;
const TABLE = 446;
const ENTRY_BYTES = 16;
const NO_SIGNATURE = 'there is no signature';

export const GPT_TYPE_ESP = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
/** Microsoft basic data, which `-isohybrid-gpt-basdat` gives the EFI image so that Windows shows it. */
export const GPT_TYPE_BASIC_DATA = 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7';

export async function readImagePartitions(image: ImageSource): Promise<ImagePartitions> {
  const gpt = await readGptCopies(
    { readBytes: (_path, offset, length) => image.read(offset, length) },
    { path: image.path, sizeBytes: image.bytes },
  );
  const absent = (copy: GptRead): boolean => !copy.ok && copy.why === NO_SIGNATURE;
  return {
    mbr: parseMbr(Buffer.from(await image.read(0, SECTOR))),
    gpt: absent(gpt.primary) && absent(gpt.backup) ? undefined : gpt,
  };
}

/** The table that firmware goes by: the primary copy, or else the backup. */
export function tableInForce(gpt: GptCopies | undefined): GptTable | undefined {
  if (gpt?.primary.ok === true) return gpt.primary.table;
  return gpt?.backup.ok === true ? gpt.backup.table : undefined;
}

function parseMbr(sector: Buffer): ImageMbr | undefined {
  if (sector.length < SECTOR || sector.readUInt16LE(510) !== 0xaa55) return undefined;
  const code = sector.subarray(0, CODE_BYTES);
  const entries = [1, 2, 3, 4].map((number): ImageMbrEntry => {
    const at = TABLE + (number - 1) * ENTRY_BYTES;
    return {
      number,
      active: sector[at] === 0x80,
      type: sector.toString('hex', at + 4, at + 5),
      start: sector.readUInt32LE(at + 8),
      sectors: sector.readUInt32LE(at + 12),
    };
  });
  return {
    code,
    hasCode: code.some((byte) => byte !== 0),
    // isohybrid's own entry may have type 0 (`-isohybrid-mbr` with a GPT), and counts all the same.
    entries: entries.filter(({ type, sectors }) => type !== '00' || sectors > 0),
  };
}
