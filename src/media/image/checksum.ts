/**
 * The checksum that isomd5sum implants into a volume descriptor, and that `checkisomd5` and `rd.live.check` compare: the
 * MD5 of the volume up to its last sectors, with the place of the checksum itself blank, and samples of that digest on
 * the way, so that a damaged disc is told early (isomd5sum 1.2.3, libcheckisomd5.c).
 */
import { createHash, type Hash } from 'node:crypto';
import type { ImageSource } from './source.ts';
import { APPLICATION_USE, type ImageVolume, ISO_BLOCK } from './volume.ts';

export interface MediaChecksum {
  /** Hex. */
  readonly md5: string;
  /** A few hex digits of the digest at each sample, one after the other. */
  readonly fragmentSums: string;
}

/** What is implanted: the checksum and how it was taken. */
export interface ImplantedChecksum extends MediaChecksum {
  /** Blocks at the end of the volume that do not count. */
  readonly skipBlocks: number;
  readonly fragmentCount: number;
}

const DEFAULT_SHAPE = { skipBlocks: 15, fragmentCount: 20 } as const;
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
    fragmentSums: /FRAGMENT SUMS = ([0-9a-f]*)/.exec(text)?.[1] ?? '',
    skipBlocks: Number(/SKIPSECTORS = (\d+)/.exec(text)?.[1] ?? DEFAULT_SHAPE.skipBlocks),
    fragmentCount: Number(/FRAGMENT COUNT = (\d+)/.exec(text)?.[1] ?? DEFAULT_SHAPE.fragmentCount),
  };
}

/** Takes the checksum while the bytes of an image pass, from the first on and without gaps. */
export class MediaDigest {
  readonly #hash: Hash = createHash('md5');
  readonly #bytes: number;
  readonly #blank: { readonly start: number; readonly end: number };
  /** Offsets behind which a sample is taken, ascending. */
  readonly #samples: number[];
  readonly #digits: number;
  #at = 0;
  #sums = '';

  constructor(
    volume: Pick<ImageVolume, 'blocks' | 'descriptorBlock'>,
    shape: Pick<ImplantedChecksum, 'skipBlocks' | 'fragmentCount'> = DEFAULT_SHAPE,
  ) {
    this.#bytes = (volume.blocks - shape.skipBlocks) * ISO_BLOCK;
    const start = volume.descriptorBlock * ISO_BLOCK + APPLICATION_USE.offset;
    this.#blank = { start, end: start + APPLICATION_USE.bytes };
    this.#samples = samplePoints(this.#bytes, shape.fragmentCount);
    this.#digits = shape.fragmentCount === 0 ? 0 : Math.floor(FRAGMENT_SUMS_LENGTH / shape.fragmentCount);
  }

  update(chunk: Uint8Array): void {
    const bytes = this.#blanked(chunk);
    const begin = this.#at;
    const end = Math.min(begin + bytes.length, this.#bytes);
    while (this.#at < end) {
      const sample = this.#samples[0];
      const stop = sample === undefined ? end : Math.min(end, sample);
      this.#hash.update(bytes.subarray(this.#at - begin, stop - begin));
      this.#at = stop;
      if (stop !== sample) continue;
      this.#samples.shift();
      this.#sums += fragmentSum(this.#hash.copy().digest(), this.#digits);
    }
  }

  /** Call once, after the last byte. */
  finish(): MediaChecksum {
    return { md5: this.#hash.digest('hex'), fragmentSums: this.#sums };
  }

  /** Blanks stood where the checksum is now when it was taken. */
  #blanked(chunk: Uint8Array): Uint8Array {
    const start = Math.max(0, this.#blank.start - this.#at);
    const end = Math.min(chunk.length, this.#blank.end - this.#at);
    if (start >= end) return chunk;
    const copy = Uint8Array.from(chunk);
    copy.fill(0x20, start, end);
    return copy;
  }
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
