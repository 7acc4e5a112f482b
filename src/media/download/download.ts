/** A large file from the net, resumed where it was cut off, and nobody's before its sum is right. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { FailedError, MissingError } from '../../errors/exit.ts';
import { type HttpOptions, RefusedError, type Reply, requestFrom } from './http.ts';

export interface DownloadOptions extends HttpOptions {
  readonly say: (line: string) => void;
  /** Waits for so many milliseconds; tests do not. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** Attempts in a row that may end without one new byte. */
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 500;
const SAY_EVERY_MS = 1000;

/** What lies in the part file so far. */
interface Received {
  readonly hash: Hash;
  readonly bytes: number;
}

/**
 * Downloads `url` into the file `part` and returns when its SHA-256 is `sha256` (hex). A part that is there already,
 * from a run that was ended, is continued. A file with another sum is removed.
 * @throws {FailedError} when the server refuses, the connection does not last or the sum is another.
 * @throws {MissingError} when the file does not fit.
 */
export async function download(
  url: string,
  sha256: string,
  part: string,
  options: DownloadOptions,
): Promise<void> {
  const left = await readPart(part);
  if (left.bytes > 0) options.say(`continuing after ${amount(left.bytes)}`);
  if ((await fetchAll(url, part, left, options)) === sha256) return;
  await rm(part);
  // The part may have been of another version of the file; the whole of it may not.
  const sum = left.bytes === 0 ? undefined : await startOver(url, part, options);
  if (sum === sha256) return;
  await rm(part, { force: true });
  throw new FailedError(
    `${url} is not the file that was asked for: its SHA-256 is not ${sha256}`,
    'compare the sum in the spec with the one its maker publishes; what was downloaded is removed',
  );
}

function startOver(url: string, part: string, options: DownloadOptions): Promise<string> {
  options.say('the sum is wrong, starting over');
  return fetchAll(url, part, { hash: createHash('sha256'), bytes: 0 }, options);
}

async function readPart(part: string): Promise<Received> {
  const hash = createHash('sha256');
  const bytes = (await stat(part).catch(() => undefined))?.size ?? 0;
  if (bytes > 0)
    for await (const chunk of createReadStream(part, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return { hash, bytes };
}

/** Asks until the last byte is there; answers the SHA-256 of it all. */
async function fetchAll(
  url: string,
  part: string,
  start: Received,
  options: DownloadOptions,
): Promise<string> {
  const file = await open(part, start.bytes === 0 ? 'w' : 'r+');
  const pause = options.pause ?? ((ms, signal) => wait(ms, undefined, { signal }));
  try {
    let received = start;
    for (let failures = 0; ; ) {
      const { now, lost } = await fetchRest(url, file, part, received, options);
      if (lost === undefined) {
        await file.sync();
        return now.hash.digest('hex');
      }
      failures = now.bytes > received.bytes ? 1 : failures + 1;
      if (failures >= ATTEMPTS) throw gaveUp(url, now.bytes, lost);
      received = now;
      options.say(`${lost.message}; trying again${now.bytes > 0 ? ` after ${amount(now.bytes)}` : ''}`);
      await pause(FIRST_PAUSE_MS * 2 ** (failures - 1), options.signal);
    }
  } finally {
    await file.close();
  }
}

const gaveUp = (url: string, bytes: number, cause: Error): FailedError =>
  new FailedError(
    `${url} could not be downloaded: ${cause.message}`,
    bytes > 0
      ? `run it again: it goes on after ${amount(bytes)}`
      : 'look whether this machine reaches the server',
    { cause },
  );

/** One request. `lost` says why it ended before the last byte, if it did. */
async function fetchRest(
  url: string,
  file: FileHandle,
  part: string,
  before: Received,
  options: DownloadOptions,
): Promise<{ readonly now: Received; readonly lost?: Error }> {
  let now = before;
  let reply: Reply | undefined;
  try {
    reply = await requestFrom(url, before.bytes, options);
    // Nothing after what is there: the sum will tell whether that is all.
    if (reply.status === 416) return { now };
    if (reply.start !== before.bytes) {
      options.say('the server does not continue downloads: from the beginning');
      await file.truncate(0);
      now = { hash: createHash('sha256'), bytes: 0 };
    }
    await checkRoom(part, now.bytes, reply.total);
    const show = progress(reply.total, options.say);
    for await (const chunk of reply.body) {
      await file.write(chunk, 0, chunk.length, now.bytes);
      now = { hash: now.hash.update(chunk), bytes: now.bytes + chunk.length };
      show(now.bytes);
    }
    const cut = reply.total !== undefined && now.bytes < reply.total;
    return cut ? { now, lost: new Error('the connection was cut') } : { now };
  } catch (error) {
    if (options.signal.aborted || isFinal(error)) throw error;
    return { now, lost: error instanceof Error ? error : new Error(String(error)) };
  } finally {
    reply?.body.destroy();
  }
}

/** Codes of a disk that does not take more; asking the server again does not help there. */
const DISK = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO', 'EROFS'];

const isFinal = (error: unknown): boolean =>
  error instanceof RefusedError ||
  error instanceof MissingError ||
  (error instanceof Error && 'code' in error && DISK.includes(String(error.code)));

async function checkRoom(part: string, have: number, total: number | undefined): Promise<void> {
  if (total === undefined) return;
  const { bavail, bsize } = await statfs(dirname(part));
  if (bavail * bsize >= total - have) return;
  throw new MissingError(
    `${dirname(part)} has ${amount(bavail * bsize)} free, and ${amount(total - have)} are to come`,
    'make room, or name another folder in SLIPWAY_CACHE',
  );
}

/** Tells how far it is, at most once a second. */
function progress(total: number | undefined, say: (line: string) => void): (bytes: number) => void {
  const of = total === undefined ? '' : ` of ${amount(total)}`;
  let last = performance.now();
  let before: number | undefined;
  return (bytes) => {
    before ??= bytes;
    const now = performance.now();
    if (now - last < SAY_EVERY_MS && bytes !== total) return;
    const speed = ((bytes - before) / Math.max(1, now - last)) * 1000;
    say(`${amount(bytes)}${of}, ${amount(speed)}/s`);
    last = now;
    before = bytes;
  };
}

/** Decimal, as downloads are told everywhere. */
function amount(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.ceil(bytes / 1e3)} kB`;
}
