/**
 * Files that are either the old ones or the new ones, whatever the instant of a power cut: a temporary name in the
 * same folder, fsync, rename, fsync of the folder.
 */
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from './make-folder.ts';

/** The operations an atomic write consists of, in the order it calls them; a test may stop between any two. */
export interface FileOperations {
  /** Creates a folder and its parents; the topmost one that was missing, if any. */
  makeFolder(path: string): Promise<string | undefined>;
  /** Creates a file that must not exist yet. */
  create(path: string, content: string | Uint8Array, mode: number): Promise<void>;
  /** Makes a file's content, or a folder's names, survive a power cut. */
  sync(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
}

let counter = 0;

/** Replaces `path`. `mode` is the file's mode whatever the umask; rejects with the system's error. */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  mode = 0o644,
  operations: FileOperations = nodeOperations,
): Promise<void> {
  const folder = dirname(path);
  const created = await operations.makeFolder(folder);
  counter += 1;
  const temporary = join(folder, `.${basename(path)}.${process.pid}-${counter}.tmp`);
  try {
    await operations.create(temporary, content, mode);
    await operations.sync(temporary);
    await operations.rename(temporary, path);
  } catch (error) {
    await operations.remove(temporary).catch(() => {});
    throw error;
  }
  await operations.sync(folder);
  for (const parent of parentsUpTo(folder, created)) await operations.sync(parent);
}

/** The folders that hold the names of newly created folders: from `folder`'s parent up to that of `topmost`. */
function parentsUpTo(folder: string, topmost: string | undefined): readonly string[] {
  if (topmost === undefined) return [];
  const parents: string[] = [];
  for (let path = folder; path.length >= topmost.length; path = dirname(path)) parents.push(dirname(path));
  return parents;
}

const nodeOperations: FileOperations = {
  makeFolder,
  create: (path, content, mode) =>
    withFile(path, 'wx', async (file) => {
      await file.chmod(mode);
      await file.writeFile(content);
    }),
  sync: (path) => withFile(path, 'r', (file) => file.sync()),
  rename,
  remove: unlink,
};

async function withFile(
  path: string,
  flags: string,
  use: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
