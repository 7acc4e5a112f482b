/**
 * `slipway iso --dry-run`: the same tasks, but commands that write are printed and nothing is kept. Where a task needs
 * what such a command would have made, the preview ends.
 */
import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError } from '../engine/command.ts';
import { withTempDir } from '../host/atomic.ts';
import type { Cache } from '../host/cache.ts';
import { TaskFailure } from '../task/failure.ts';

/** A cache that finds what is there, and answers with a folder that does not exist for what is not. */
export function previewCache(cache: Cache): Cache {
  return {
    dir: cache.dir,
    find: (kind, key) => cache.find(kind, key),
    async obtain(kind, key, make) {
      const found = cache.find(kind, key);
      if (found !== undefined) return { dir: found, reused: true };
      return withTempDir(async (dir) => {
        await make(dir).catch((error: unknown) => {
          if (!isUnmade(error)) throw error;
        });
        return { dir: join(dir, 'not-made'), reused: false };
      });
    },
  };
}

/** Places that may be written in the place of those that may not: a copy of the ledger, and the results if new. */
export async function withPreviewPlaces<T>(
  out: string,
  use: (places: { readonly ledger: string; readonly out: string }) => Promise<T>,
): Promise<T> {
  return withTempDir(async (dir) => {
    const ledger = join(dir, 'releases.json');
    if (existsSync(join(out, 'releases.json'))) await copyFile(join(out, 'releases.json'), ledger);
    return use({ ledger, out: existsSync(out) ? out : join(dir, 'out') });
  });
}

/** Whether a task failed only because a command before it was not run. */
export const isPreviewEnd = (error: unknown): error is TaskFailure =>
  error instanceof TaskFailure && isUnmade(error.cause);

function isUnmade(error: unknown): boolean {
  if (error instanceof CommandError) return error.command.effect === 'read' && error.reason === 'exit';
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
