/** File names with `*` and `?`, in any part of a path. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The paths below `root` that match, in bytewise order; a path without wildcards is itself, there or not.
 * `*` stands for any characters and `?` for one, neither for a slash nor for the dot of a hidden file.
 */
export async function expandGlob(root: string, glob: string): Promise<readonly string[]> {
  const parts = glob.split('/').filter((part) => part !== '' && part !== '.');
  const start = glob.startsWith('/') ? '/' : root;
  const paths = await parts.reduce<Promise<readonly string[]>>(
    async (before, part) => (await Promise.all((await before).map((dir) => step(dir, part)))).flat(),
    Promise.resolve([start]),
  );
  return paths.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

async function step(dir: string, part: string): Promise<readonly string[]> {
  if (!/[*?]/.test(part)) return [join(dir, part)];
  const pattern = new RegExp(
    `^(?!\\.)${part.replace(/[.+^]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')}$`,
  );
  const names = await readdir(dir).catch(() => []);
  return names.filter((name) => pattern.test(name)).map((name) => join(dir, name));
}
