/** A repository of packages, ours and the user's, as dnf and Anaconda read it. */
import { constants } from 'node:fs';
import { copyFile, link, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Command } from '../engine/command.ts';
import type { Context } from '../host/context.ts';
import { hashJson } from '../host/hash.ts';
import { toolNeeds } from '../host/tools.ts';
import { KEY_FILE } from './key-file.ts';
import { type SigningKey, signatureTime, signRepomd } from './sign.ts';

export const REPOSITORY_TOOLS = toolNeeds('createrepo_c');

export interface Repository {
  /** Absolute; holds the packages, `repodata/` and, when signed, the public key. */
  readonly dir: string;
  readonly id: string;
  readonly reused: boolean;
}

/** A package file and the identity of its content. */
export interface RepositoryRpm {
  readonly file: string;
  readonly id: string;
}

/**
 * The repository of these packages, made by createrepo_c or taken from the cache. `epoch` is in seconds. With a key
 * the metadata are signed; the packages are signed before (`signRpm`).
 */
export async function buildRepository(
  context: Context,
  rpms: readonly RepositoryRpm[],
  epoch: number,
  key?: SigningKey,
): Promise<Repository> {
  const id = hashJson({
    rpms: rpms.map(({ file, id }) => [basename(file), id]).sort(),
    epoch,
    ...(key === undefined ? {} : { key: key.publicKey, time: signatureTime(key, epoch) }),
  });
  const { dir, reused } = await context.cache.obtain('repository', id, async (entry) => {
    for (const { file } of rpms) await place(file, join(entry, basename(file)), context.cache.dir, epoch);
    await context.exec(createrepoCommand(entry, epoch));
    if (key === undefined) return;
    await signRepomd(context.exec, join(entry, 'repodata'), key, epoch);
    await writeFile(join(entry, KEY_FILE), key.publicKey);
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
async function place(from: string, to: string, cache: string, epoch: number): Promise<void> {
  // A link to a file of the user's would give that file our time and mode.
  if (from.startsWith(`${cache}/`)) await link(from, to).catch(() => copyFile(from, to));
  else await copyFile(from, to, constants.COPYFILE_FICLONE);
  await utimes(to, epoch, epoch);
}
