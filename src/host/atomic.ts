/** Files that are either the old ones or the new ones, whatever happens in between. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chmod, copyFile, mkdtemp, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeFolder } from '../engine/make-folder.ts';
import { atExit } from './at-exit.ts';

export { writeFileAtomically } from '../engine/atomic-file.ts';

/**
 * Gives a finished file or folder its real name and makes that last: fsync, rename, fsync of the folder.
 * Both names must lie on one file system. A folder can only take the place of an empty one.
 */
export async function publish(finished: string, path: string): Promise<void> {
  await syncPath(finished);
  await rename(finished, path);
  await syncPath(dirname(path));
}

/** Gives a finished file its real name, also on another file system: then it is copied beside that name first. */
export async function moveFile(finished: string, path: string): Promise<void> {
  try {
    await rename(finished, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EXDEV')) throw error;
    const beside = temporaryName(path);
    try {
      await copyFile(finished, beside);
      await rename(beside, path);
    } finally {
      await rm(beside, { force: true });
    }
    await rm(finished);
  }
}

/** A name beside `path`, on the same file system, that no other process chooses. */
export const temporaryName = (path: string): string => `${path}.${randomBytes(6).toString('hex')}.tmp`;

/**
 * Lends a fresh folder and removes it afterwards, also when `use` throws or the process is ended by a signal.
 * It is made in `parent` (created if missing), by default in the system's folder for temporary files.
 */
export async function withTempDir<T>(
  use: (dir: string) => Promise<T>,
  options: { readonly parent?: string; readonly prefix?: string } = {},
): Promise<T> {
  const parent = options.parent ?? tmpdir();
  await makeFolder(parent);
  const dir = await mkdtemp(join(parent, options.prefix ?? 'slipway-'));
  const forget = atExit(() => rmSync(dir, { recursive: true, force: true }));
  try {
    return await use(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
    forget();
  }
}

/**
 * Makes a folder's content final: modes as git knows them (0755 for folders and what is executable, else 0644), so that
 * the umask of whoever made it leaves no trace, and fsync of everything.
 */
export async function settleTree(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await settleTree(path);
    else if (entry.isFile()) {
      const { mode } = await stat(path);
      await chmod(path, (mode & 0o100) === 0 ? 0o644 : 0o755);
      await syncPath(path);
    }
  }
  await chmod(dir, 0o755);
  await syncPath(dir);
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
