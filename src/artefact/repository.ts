/** A repository of our packages, as dnf and Anaconda read it. */
import { copyFile, link, mkdir, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Command } from '../engine/command.ts';
import type { Context } from '../host/context.ts';
import { hashJson } from '../host/hash.ts';
import { toolNeeds } from '../host/tools.ts';
import type { Rpm } from './rpm.ts';

export const REPOSITORY_TOOLS = toolNeeds('createrepo_c');

export interface Repository {
  /** Absolute; holds the packages and `repodata/`. */
  readonly dir: string;
  readonly id: string;
  readonly reused: boolean;
}

/** The repository of these packages, made by createrepo_c or taken from the cache. `epoch` is in seconds. */
export async function buildRepository(
  context: Context,
  rpms: readonly Rpm[],
  epoch: number,
): Promise<Repository> {
  const id = hashJson({ rpms: rpms.map((rpm) => rpm.id).sort(), epoch });
  const { dir, reused } = await context.cache.obtain('repository', id, async (entry) => {
    await mkdir(entry, { recursive: true });
    for (const { file } of rpms) await place(file, join(entry, basename(file)), epoch);
    await context.exec(createrepoCommand(entry, epoch));
  });
  return { dir, id, reused };
}

/** The call of createrepo_c; pure. */
export function createrepoCommand(dir: string, epoch: number): Command {
  return {
    file: 'createrepo_c',
    args: [
      '--quiet',
      '--no-database',
      '--simple-md-filenames',
      '--general-compress-type=gz',
      '--revision',
      String(epoch),
      '--set-timestamp-to-revision',
      dir,
    ],
    effect: 'write',
    env: { SOURCE_DATE_EPOCH: String(epoch) },
  };
}

/** The metadata hold each package's modification time. */
async function place(from: string, to: string, epoch: number): Promise<void> {
  // Both lie in the cache, so a link does; a cache put together from several file systems gets a copy.
  await link(from, to).catch(() => copyFile(from, to));
  await utimes(to, epoch, epoch);
}
