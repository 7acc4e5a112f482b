import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { withTempDir } from './atomic.ts';

/**
 * Lends a name for a folder that every program can bear: of letters, digits and `. / + - _` only. rpmbuild and
 * mmdebstrap hand their folders to shells without quotes, and rpmbuild reads a `%` as a macro, so a blank in the name of
 * the user's cache would end a build. A folder with a plain name goes by its own, any other by a link.
 */
export async function withPlainName<T>(dir: string, use: (name: string) => Promise<T>): Promise<T> {
  if (/^[\w./+-]+$/.test(dir)) return use(dir);
  return withTempDir(async (place) => {
    const link = join(place, 'dir');
    await symlink(dir, link);
    return use(link);
  });
}
