/** Folders with all that lead to them. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it; fine when it is there. Returns the topmost one that was made, as Node's recursive
 * mkdir does, and rejects as `mkdir` does.
 *
 * That one never returns where a file system answers ENOENT for a folder whose parent exists, as /proc does (seen with
 * Node 20.20).
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  try {
    return (await makeOne(path)) ? path : undefined;
  } catch (error) {
    const parent = dirname(path);
    if (codeOf(error) !== 'ENOENT' || parent === path) throw error;
    const topmost = await makeFolder(parent);
    const made = await makeOne(path);
    return topmost ?? (made ? path : undefined);
  }
}

/** Whether it had to be made. */
async function makeOne(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    // A read-only file system may say so before it says that the folder is there.
    const isThere = (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
    if (!isThere) throw error;
    return false;
  }
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;
