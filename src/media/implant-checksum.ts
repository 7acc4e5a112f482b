/**
 * The checksum that install media carry inside themselves, for `rd.live.check` and `checkisomd5`: MD5 over the volume,
 * written into the application use area of its descriptor (isomd5sum, libimplantisomd5.c and utilities.c).
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { FailedError } from '../errors/exit.ts';
import { APPLICATION_USE, findVolume, type ImageVolume, ISO_BLOCK } from './image-volume.ts';

/** At the end of the volume, not covered: drives used to fail there. */
const SKIPPED_BLOCKS = 15;
const FRAGMENTS = 20;
const FRAGMENT_DIGITS = 3;
/** isomd5sum looks after each read of this size whether a fragment has ended. */
const STEP = 16 * ISO_BLOCK;

/** Takes the bytes of a volume in order, in pieces of any size. */
export class MediaDigest {
  readonly #hash = createHash('md5');
  readonly #total: number;
  readonly #fragment: number;
  readonly #area: number;
  #sums = '';
  #at = 0;
  #fragments = 0;

  constructor({ blocks, descriptorBlock }: Pick<ImageVolume, 'blocks' | 'descriptorBlock'>) {
    this.#total = (blocks - SKIPPED_BLOCKS) * ISO_BLOCK;
    this.#fragment = Math.floor(this.#total / (FRAGMENTS + 1));
    this.#area = descriptorBlock * ISO_BLOCK + APPLICATION_USE.offset;
  }

  /** Bytes that it wants in all. */
  get total(): number {
    return this.#total;
  }

  /** Where the result goes: the byte at which the application use area begins. */
  get area(): number {
    return this.#area;
  }

  /** Bytes it has had. */
  get at(): number {
    return this.#at;
  }

  /** Blanks the application use area in `bytes` when it passes: that is where the result goes. */
  update(bytes: Buffer): void {
    const wanted = bytes.subarray(0, Math.max(0, this.#total - this.#at));
    this.#blank(wanted);
    for (let from = 0; from < wanted.length; ) {
      const inStep = STEP - (this.#at % STEP);
      const piece = wanted.subarray(from, from + inStep);
      this.#hash.update(piece);
      const stepStart = this.#at - (this.#at % STEP);
      from += piece.length;
      this.#at += piece.length;
      if (this.#at % STEP === 0 || this.#at === this.#total) this.#endStep(stepStart);
    }
  }

  #endStep(start: number): void {
    const fragment = Math.floor(start / this.#fragment);
    if (fragment === this.#fragments) return;
    this.#fragments = fragment;
    // As printf's %x cut to one character: the first digit that is no leading zero.
    const digits = [...this.#hash.copy().digest().subarray(0, FRAGMENT_DIGITS)];
    this.#sums += digits.map((byte) => byte.toString(16)[0]).join('');
  }

  #blank(bytes: Buffer): void {
    const start = Math.max(0, this.#area - this.#at);
    const end = Math.min(bytes.length, this.#area + APPLICATION_USE.bytes - this.#at);
    if (start < end) bytes.fill(' ', start, end);
  }

  /** What the application use area is to hold, 512 bytes. */
  finish(): Buffer {
    const text = [
      `ISO MD5SUM = ${this.#hash.digest('hex')}`,
      `SKIPSECTORS = ${SKIPPED_BLOCKS}`,
      'RHLISOSTATUS=0',
      `FRAGMENT SUMS = ${this.#sums}`,
      `FRAGMENT COUNT = ${FRAGMENTS}`,
      'THIS IS NOT THE SAME AS RUNNING MD5SUM ON THIS ISO!!',
    ].join(';');
    return Buffer.from(text.padEnd(APPLICATION_USE.bytes), 'latin1');
  }
}

const CHUNK = 4 << 20;
/** How long to wait for more of a file that is still being written. */
const PAUSE_MS = 5;
/** The descriptors and what lies around them, which a writer might come back to. */
const HEAD = 64 * ISO_BLOCK;

/**
 * Reads an image while `writing` still writes it from front to end, and implants the checksum when both are done: what
 * was just written is read from memory, and the digest is there as soon as the image is.
 * @throws what `writing` rejects with. @throws {FailedError} when no whole volume came out of it.
 */
export async function implantWhileWriting(iso: string, writing: Promise<unknown>): Promise<void> {
  let over = false;
  const watched = writing.finally(() => {
    over = true;
  });
  // Awaited in the end; until then a rejection must not count as unhandled.
  watched.catch(() => undefined);
  const growing = await openGrowing(iso, () => over);
  try {
    const head = await growing?.read(0, HEAD);
    const digest = head === undefined ? undefined : await follow(growing, head);
    await watched;
    if (growing === undefined || head === undefined || digest === undefined) {
      throw new FailedError(`what was written to ${iso} is no ISO`);
    }
    const unchanged = Buffer.compare(await growing.read(0, HEAD), head) === 0;
    const final = unchanged ? digest : await follow(growing, await growing.read(0, HEAD));
    if (final === undefined || final.at < final.total)
      throw new FailedError(`${iso} was not written to its end`);
    await writeAt(iso, final.finish(), final.area);
  } finally {
    await growing?.close();
  }
}

interface GrowingFile {
  /** Waits for the bytes, or for the end of writing; then there may be fewer. */
  read(at: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

async function openGrowing(path: string, over: () => boolean): Promise<GrowingFile | undefined> {
  for (;;) {
    const last = over();
    try {
      const handle = await open(path, 'r');
      return { read: (at, length) => readGrowing(handle, at, length, over), close: () => handle.close() };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      if (last) return undefined;
    }
    await pause();
  }
}

async function readGrowing(
  handle: FileHandle,
  at: number,
  length: number,
  over: () => boolean,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let had = 0;
  for (;;) {
    const last = over();
    const { bytesRead } = await handle.read(buffer, had, length - had, at + had);
    had += bytesRead;
    if (had === length || (last && bytesRead === 0)) return buffer.subarray(0, had);
    if (bytesRead === 0) await pause();
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** The digest of all that comes; undefined when the head holds no volume. */
async function follow(file: GrowingFile | undefined, head: Buffer): Promise<MediaDigest | undefined> {
  const volume = await findVolume(async (at, length) => head.subarray(at, at + length));
  if (volume === undefined || file === undefined) return undefined;
  const digest = new MediaDigest(volume);
  for (let size = 1; digest.at < digest.total && size > 0; ) {
    const bytes = await file.read(digest.at, Math.min(CHUNK, digest.total - digest.at));
    digest.update(bytes);
    size = bytes.length;
  }
  return digest;
}

async function writeAt(path: string, bytes: Buffer, at: number): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.write(bytes, 0, bytes.length, at);
  } finally {
    await handle.close();
  }
}
