/**
 * The checksum that isomd5sum implants into a volume descriptor, and that `checkisomd5` and `rd.live.check` compare: the
 * MD5 of the volume up to its last sectors, with the place of the checksum itself blank, and samples of that digest on
 * the way, so that a damaged disc is told early (isomd5sum 1.2.3, libcheckisomd5.c).
 */
import { createHash, type Hash } from 'node:crypto';
import { digestAside, type Stretch } from './aside.ts';
import type { ImageSource } from './source.ts';
import { APPLICATION_USE, type ImageVolume, ISO_BLOCK } from './volume.ts';

export interface MediaChecksum {
  /** Hex. */
  readonly md5: string;
  /** A few hex digits of the digest at each sample, one after the other. */
  readonly fragmentSums: string;
}

/** What is implanted: the checksum and how it was taken. */
export interface ImplantedChecksum extends MediaChecksum, ChecksumShape {}

export interface ChecksumShape {
  /** Blocks at the end of the volume that do not count. */
  readonly skipBlocks: number;
  readonly fragmentCount: number;
}

/** How implantisomd5 takes it: drives used to fail at the last blocks of a disc. */
export const DEFAULT_SHAPE: ChecksumShape = { skipBlocks: 15, fragmentCount: 20 };
const FRAGMENT_SUMS_LENGTH = 60;
/** isomd5sum reads so many bytes at once, and takes its samples between reads. */
const STEP = 16 * ISO_BLOCK;
const READ_BYTES = 1 << 20;

/** Undefined when none is implanted. */
export function implantedChecksum({ applicationUse }: ImageVolume): ImplantedChecksum | undefined {
  const text = Buffer.from(applicationUse).toString('latin1');
  const md5 = /ISO MD5SUM = ([0-9a-f]{32})/.exec(text)?.[1];
  if (md5 === undefined) return undefined;
  return {
    md5,
    fragmentSums: /FRAGMENT SUMS = ([^;]*)/.exec(text)?.[1] ?? '',
    skipBlocks: Number(/SKIPSECTORS = (\d+)/.exec(text)?.[1] ?? DEFAULT_SHAPE.skipBlocks),
    fragmentCount: Number(/FRAGMENT COUNT = (\d+)/.exec(text)?.[1] ?? DEFAULT_SHAPE.fragmentCount),
  };
}

/** What of a volume the checksum is taken of, cut where samples are. */
export function checksumStretches(
  { blocks, descriptorBlock }: Pick<ImageVolume, 'blocks' | 'descriptorBlock'>,
  { skipBlocks, fragmentCount }: ChecksumShape = DEFAULT_SHAPE,
): readonly Stretch[] {
  const bytes = (blocks - skipBlocks) * ISO_BLOCK;
  const samples = new Set(samplePoints(bytes, fragmentCount));
  const blank = descriptorBlock * ISO_BLOCK + APPLICATION_USE.offset;
  const ends = new Set([blank, blank + APPLICATION_USE.bytes, ...samples, bytes]);
  let at = 0;
  return [...ends]
    .filter((end) => end > 0 && end <= bytes)
    .sort((a, b) => a - b)
    .map((end): Stretch => {
      const start = at;
      at = end;
      return {
        ...{ at: start, bytes: end - start },
        ...(start === blank ? { blank: true } : {}),
        ...(samples.has(end) ? { sampled: true } : {}),
      };
    });
}

/** The checksum out of the digests (hex) of its samples and, last, of all. */
export function checksumOf(digests: readonly string[], fragmentCount: number): MediaChecksum {
  const digits = fragmentCount === 0 ? 0 : Math.floor(FRAGMENT_SUMS_LENGTH / fragmentCount);
  const sums = digests.slice(0, -1).map((digest) => fragmentSum(Buffer.from(digest, 'hex'), digits));
  return { md5: digests.at(-1) ?? '', fragmentSums: sums.join('') };
}

/** Takes the checksum while the bytes of an image pass, from the first on and without gaps. */
export class MediaDigest {
  readonly #hash: Hash = createHash('md5');
  /** What is still to come, the next one last. */
  readonly #stretches: Stretch[];
  readonly #fragmentCount: number;
  readonly #samples: string[] = [];
  #at = 0;

  constructor(volume: Pick<ImageVolume, 'blocks' | 'descriptorBlock'>, shape: ChecksumShape = DEFAULT_SHAPE) {
    this.#stretches = checksumStretches(volume, shape).toReversed();
    this.#fragmentCount = shape.fragmentCount;
  }

  update(chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length; ) {
      const stretch = this.#stretches.at(-1);
      if (stretch === undefined) return;
      const end = stretch.at + stretch.bytes;
      const piece = chunk.subarray(from, from + end - this.#at);
      this.#hash.update(stretch.blank === true ? BLANKS.subarray(0, piece.length) : piece);
      this.#at += piece.length;
      from += piece.length;
      if (this.#at < end) return;
      if (stretch.sampled === true) this.#samples.push(this.#hash.copy().digest('hex'));
      this.#stretches.pop();
    }
  }

  /** Call once, after the last byte. */
  finish(): MediaChecksum {
    return checksumOf([...this.#samples, this.#hash.digest('hex')], this.#fragmentCount);
  }
}

/** Blanks stand where the checksum is when it is taken. */
export const BLANKS = Buffer.alloc(APPLICATION_USE.bytes, ' ');

/** Takes the checksum of an image beside what this thread does. Rejects when the image ends before its volume. */
export async function checksumAside(
  path: string,
  volume: ImageVolume,
  shape: ChecksumShape = DEFAULT_SHAPE,
): Promise<MediaChecksum> {
  const stretches = checksumStretches(volume, shape);
  const [digests = []] = await digestAside(path, [{ algorithm: 'md5', stretches }]);
  return checksumOf(digests, shape.fragmentCount);
}

/** Whenever a read begins in another fragment than the one before, the digest at its end is sampled. */
function samplePoints(bytes: number, fragmentCount: number): number[] {
  const fragment = Math.floor(bytes / (fragmentCount + 1));
  const points: number[] = [];
  if (fragmentCount === 0 || fragment <= 0) return points;
  let previous = 0;
  for (let offset = 0; offset < bytes; offset += STEP) {
    const current = Math.floor(offset / fragment);
    if (current !== previous) points.push(Math.min(offset + STEP, bytes));
    previous = current;
  }
  return points;
}

/** Of each byte the first hex digit that is printed, without leading zeros: that is how isomd5sum has it. */
const fragmentSum = (digest: Uint8Array, digits: number): string =>
  [...digest.subarray(0, digits)].map((byte) => byte.toString(16).slice(0, 1)).join('');

/** Whether what was implanted is the checksum of what was read. */
export const isRight = (implanted: ImplantedChecksum, taken: MediaChecksum): boolean =>
  implanted.md5 === taken.md5 &&
  taken.fragmentSums.startsWith(implanted.fragmentSums.slice(0, taken.fragmentSums.length));

/** Reads the volume once and compares. `onProgress` hears how many bytes have passed, of how many. */
export async function checkMediaChecksum(
  image: ImageSource,
  volume: ImageVolume,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<'absent' | 'right' | 'wrong'> {
  const implanted = implantedChecksum(volume);
  if (implanted === undefined) return 'absent';
  const digest = new MediaDigest(volume, implanted);
  const end = Math.min(volume.blocks * ISO_BLOCK, image.bytes);
  for (let at = 0; at < end; at += READ_BYTES) {
    digest.update(await image.read(at, Math.min(READ_BYTES, end - at)));
    onProgress(Math.min(end, at + READ_BYTES), end);
  }
  return isRight(implanted, digest.finish()) ? 'right' : 'wrong';
}
