/** Identities of content: SHA-256 in lower-case hex. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileProblem, InputError, type Problem } from '../errors/problem.ts';

export const hashText = (text: string | Uint8Array): string =>
  createHash('sha256').update(text).digest('hex');

/** Hashes a file without holding it in memory. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

export interface TreeEntry {
  /** Relative to the tree's root, with `/`. */
  readonly path: string;
  readonly kind: 'file' | 'link' | 'folder';
  /** Permission bits of a file or folder. */
  readonly mode: number;
  /** SHA-256 of a file, target of a link, empty for a folder. */
  readonly content: string;
}

/**
 * A folder's entries, sorted by path bytewise: what is in it, not when it was written or by whom.
 * @throws {InputError} for sockets, devices and pipes, which have no content to speak of.
 */
export async function listTree(root: string): Promise<readonly TreeEntry[]> {
  const entries: TreeEntry[] = [];
  const walk = async (relative: string): Promise<void> => {
    for (const name of await readdir(join(root, relative))) {
      const path = relative === '' ? name : `${relative}/${name}`;
      const stats = await lstat(join(root, path));
      const mode = stats.mode & 0o7777;
      if (stats.isDirectory()) {
        entries.push({ path, kind: 'folder', mode, content: '' });
        await walk(path);
      } else if (stats.isSymbolicLink()) {
        entries.push({ path, kind: 'link', mode: 0o777, content: await readlink(join(root, path)) });
      } else if (stats.isFile()) {
        entries.push({ path, kind: 'file', mode, content: await hashFile(join(root, path)) });
      } else {
        throw new InputError([unfit(join(root, path))]);
      }
    }
  };
  await walk('');
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

const unfit = (file: string): Problem =>
  fileProblem(
    file,
    'unfit-file',
    'this is neither a file, a folder nor a symbolic link',
    'move it out of the folder',
  );

/** One hash for a whole folder: names, permission bits, contents. */
export async function hashTree(root: string): Promise<string> {
  return hashJson(await listTree(root));
}

/** One hash for a value; the order of an object's keys does not matter. */
export const hashJson = (value: unknown): string => hashText(JSON.stringify(sortKeys(value)));

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sortKeys(each)]),
  );
}
