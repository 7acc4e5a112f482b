/**
 * The checksum that install media carry inside themselves, for `rd.live.check` and `checkisomd5`: MD5 over the volume,
 * written into the application use area of its descriptor (isomd5sum, libimplantisomd5.c and utilities.c).
 */
import { readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { FailedError } from '../errors/exit.ts';
import { MediaDigest } from './image/checksum.ts';
import { APPLICATION_USE, findVolume, type ImageVolume, ISO_BLOCK } from './image/volume.ts';

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
    const first = await follow(growing);
    await watched;
    // Sequential writing is what xorriso does, not what it promises.
    const unchanged = first !== undefined && (await growing?.read(0, Buffer.alloc(HEAD)))?.equals(first.head);
    const final = unchanged === true ? first : await follow(growing);
    if (final === undefined) throw new FailedError('what xorriso wrote is no ISO, or not all of one');
    await writeAt(iso, applicationUse(final.digest), areaOf(final.volume));
  } finally {
    await growing?.close();
  }
}

/** Blocks at the end of the volume that are not covered: drives used to fail there. */
const SKIPPED_BLOCKS = 15;

const areaOf = ({ descriptorBlock }: ImageVolume): number =>
  descriptorBlock * ISO_BLOCK + APPLICATION_USE.offset;

/** What isomd5sum writes into the application use area. */
function applicationUse(digest: MediaDigest): Buffer {
  const { md5, fragmentSums } = digest.finish();
  const text = [
    `ISO MD5SUM = ${md5}`,
    `SKIPSECTORS = ${SKIPPED_BLOCKS}`,
    'RHLISOSTATUS=0',
    `FRAGMENT SUMS = ${fragmentSums}`,
    'FRAGMENT COUNT = 20',
    'THIS IS NOT THE SAME AS RUNNING MD5SUM ON THIS ISO!!',
  ].join(';');
  return Buffer.from(text.padEnd(APPLICATION_USE.bytes), 'latin1');
}

interface GrowingFile {
  /** Fills the buffer, waiting for bytes to come, or to the end of what was written. Answers the part that is filled. */
  read(at: number, buffer: Buffer): Promise<Buffer>;
  close(): Promise<void>;
}

async function openGrowing(path: string, over: () => boolean): Promise<GrowingFile | undefined> {
  for (;;) {
    const last = over();
    try {
      const handle = await open(path, 'r');
      return {
        read: (at, buffer) => readGrowing(handle.fd, buffer, at, over),
        close: () => handle.close(),
      };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      if (last) return undefined;
    }
    await pause();
  }
}

/**
 * Reads synchronously: what was just written is in memory, and a busy machine makes a thread of its own for every
 * megabyte wait longer than the copying takes.
 */
async function readGrowing(fd: number, buffer: Buffer, at: number, over: () => boolean): Promise<Buffer> {
  for (let had = 0; ; ) {
    const last = over();
    const bytesRead = readSync(fd, buffer, had, buffer.length - had, at + had);
    had += bytesRead;
    if (had === buffer.length || (last && bytesRead === 0)) return buffer.subarray(0, had);
    await (bytesRead === 0 ? pause() : breathe());
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
/** Lets signals and the output of programs through. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Followed {
  readonly head: Buffer;
  readonly volume: ImageVolume;
  readonly digest: MediaDigest;
}

/** Reads a volume from front to end; undefined when there is none, or it ends early. */
async function follow(file: GrowingFile | undefined): Promise<Followed | undefined> {
  const head = await file?.read(0, Buffer.alloc(HEAD));
  if (file === undefined || head === undefined) return undefined;
  const volume = await findVolume(async (at, length) => head.subarray(at, at + length));
  if (volume === undefined) return undefined;
  const digest = new MediaDigest(volume);
  const end = (volume.blocks - SKIPPED_BLOCKS) * ISO_BLOCK;
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let at = 0; at < end; ) {
    const bytes = await file.read(at, buffer.subarray(0, end - at));
    if (bytes.length === 0) return undefined;
    digest.update(bytes);
    at += bytes.length;
    await breathe();
  }
  return { head, volume, digest };
}

async function writeAt(path: string, bytes: Buffer, at: number): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.write(bytes, 0, bytes.length, at);
  } finally {
    await handle.close();
  }
}
