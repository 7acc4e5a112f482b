import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { atExit } from './at-exit.ts';

/** The holder touches its lock this often … */
const BEAT_MS = 2_000;
/** … and one that was not touched for this long belongs to nobody: its holder was killed or lost its power. */
const STALE_MS = 20_000;
const POLL_MS = 100;

/**
 * Runs `use` while holding the lock file `path`, waiting for other processes to let go of it.
 *
 * Life is told by the file's modification time and not by a pid, which means nothing to a process in another container
 * that shares the cache. Taking over a stale lock can, in the worst race, admit two holders; callers publish by rename,
 * so that costs work and breaks nothing.
 */
export async function withLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  use: () => Promise<T>,
): Promise<T> {
  const token = randomUUID();
  while (!(await acquire(path, token))) {
    if (await isStale(path)) await discard(path);
    else await pause(POLL_MS, undefined, signal === undefined ? {} : { signal });
  }
  const forget = atExit(() => rmSync(path, { force: true }));
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), BEAT_MS);
  try {
    return await use();
  } finally {
    clearInterval(beat);
    forget();
    if ((await readFile(path, 'utf8').catch(() => '')) === token) await rm(path, { force: true });
  }
}

async function acquire(path: string, token: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(token);
    await file.close();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs > STALE_MS;
}

/** Renamed before removal, so that two waiters cannot remove one after the other, the second one a fresh lock. */
async function discard(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}.lock`;
  try {
    await rename(path, aside);
    await rm(aside, { force: true });
  } catch {
    // Another waiter was quicker.
  }
}
