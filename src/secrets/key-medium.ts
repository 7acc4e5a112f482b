/**
 * The key medium: a small ISO with the one secret of a cluster, apart from the install medium, which is copied freely.
 * Whoever holds it can take the place of a node; it is made for its owner alone (mode 0600).
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, open, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command, Exec } from '../engine/command.ts';
import { FailedError } from '../errors/exit.ts';
import { publish, temporaryName, withTempDir } from '../host/atomic.ts';
import { toolNeeds } from '../host/tools.ts';
import { type JoinSecret, KEY_MEDIUM } from '../plan/types.ts';

/** Where the medium of a cluster lies among the results. */
export const keyMediumPath = (folder: string, cluster: string): string => join(folder, `${cluster}.key.iso`);

/** Where its successor lies while the nodes take the new secret; then it takes the place of the other one. */
export const nextKeyMediumPath = (folder: string, cluster: string): string =>
  join(folder, `${cluster}.key.next.iso`);

export const KEY_MEDIUM_TOOLS = toolNeeds('xorriso');

/** 256 random bits. `fencing` are passwords of fence devices by the node they switch off. */
export const newJoinSecret = (cluster: string, fencing: JoinSecret['fencing'] = {}): JoinSecret => ({
  version: 1,
  cluster,
  secret: randomBytes(32).toString('hex'),
  fencing,
});

/** Owner and modes on the medium are fixed, whoever makes it. */
export const writeCommand = (folder: string, iso: string): Command => ({
  file: 'xorriso',
  args: [
    ...['-as', 'mkisofs', '-quiet', '-volid', KEY_MEDIUM.volumeId, '-rational-rock'],
    ...['-uid', '0', '-gid', '0', '-file-mode', '0400', '-dir-mode', '0500', '-output', iso, folder],
  ],
  effect: 'write',
});

export const readCommand = (iso: string, file: string): Command => ({
  file: 'xorriso',
  args: [
    ...['-osirrox', 'on:auto_chmod_off', '-indev', `stdio:${iso}`],
    ...['-extract', `/${KEY_MEDIUM.file}`, file],
  ],
  effect: 'read',
});

/** Writes the medium at `path`, complete or not at all. The secret is in no argument and in no file that others can read. */
export async function writeKeyMedium(exec: Exec, path: string, secret: JoinSecret): Promise<void> {
  const iso = temporaryName(path);
  await withTempDir(async (dir) => {
    await writeFile(join(dir, KEY_MEDIUM.file), `${JSON.stringify(secret)}\n`, { mode: 0o600 });
    try {
      // Made before anything is written into it, so that it is never open to others.
      await (await open(iso, 'wx', 0o600)).close();
      await exec(writeCommand(dir, iso));
      await chmod(iso, 0o600);
      await publish(iso, path);
    } catch (error) {
      await rm(iso, { force: true });
      throw error;
    }
  });
}

/** The secret of a medium; undefined when there is no such file. Rejects with a FailedError when it is another thing. */
export async function readKeyMedium(exec: Exec, path: string): Promise<JoinSecret | undefined> {
  try {
    await (await open(path, 'r')).close();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  return withTempDir(async (dir) => {
    const file = join(dir, KEY_MEDIUM.file);
    const unreadable = (cause?: unknown): FailedError =>
      new FailedError(`${path} is no key medium`, 'move it away; a new one is made then', { cause });
    const text = await exec(readCommand(path, file))
      .then(() => readFile(file, 'utf8'))
      .catch((error: unknown) => {
        throw unreadable(error);
      });
    const secret = parse(text);
    if (secret === undefined) throw unreadable();
    return secret;
  });
}

function parse(text: string): JoinSecret | undefined {
  try {
    const value: JoinSecret = JSON.parse(text);
    const isWhole =
      value.version === 1 && typeof value.cluster === 'string' && /^[0-9a-f]{64}$/.test(value.secret);
    return isWhole ? { ...value, fencing: value.fencing ?? {} } : undefined;
  } catch {
    return undefined;
  }
}

/** Rejects with a FailedError when the medium belongs to another cluster. */
export async function readOwnMedium(
  exec: Exec,
  path: string,
  cluster: string,
): Promise<JoinSecret | undefined> {
  const known = await readKeyMedium(exec, path);
  if (known === undefined || known.cluster === cluster) return known;
  throw new FailedError(
    `${path} is the key medium of cluster '${known.cluster}', not of '${cluster}'`,
    'choose another --out',
  );
}

/**
 * The secret of the medium at `path`, which is made if there is none: a cluster keeps its secret from build to build.
 * Rejects with a FailedError when the medium belongs to another cluster, or is about to be replaced.
 */
export async function obtainKeyMedium(
  exec: Exec,
  path: string,
  cluster: string,
  fencing: JoinSecret['fencing'] = {},
): Promise<{ readonly secret: JoinSecret; readonly made: boolean }> {
  const next = nextKeyMediumPath(dirname(path), cluster);
  if (existsSync(next)) {
    throw new FailedError(
      `${next} is the key medium of a rotation that is not finished`,
      'finish it first: slipway rotate',
    );
  }
  const known = await readOwnMedium(exec, path, cluster);
  const isSame =
    known !== undefined && Object.entries(fencing).every(([node, word]) => known.fencing[node] === word);
  if (known !== undefined && isSame) return { secret: known, made: false };
  const secret =
    known === undefined
      ? newJoinSecret(cluster, fencing)
      : { ...known, fencing: { ...known.fencing, ...fencing } };
  await writeKeyMedium(exec, path, secret);
  return { secret, made: true };
}
