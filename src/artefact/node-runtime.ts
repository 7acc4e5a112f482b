/**
 * The Node that runs on the target. It comes from npm like everything else, but is no dependency in package.json: the
 * package's `bin` would shadow the user's own node in every npm script.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError } from '../engine/command.ts';
import { FailedError } from '../errors/exit.ts';
import { withTempDir } from '../host/atomic.ts';
import type { Context } from '../host/context.ts';
import { hashJson } from '../host/hash.ts';
import pin from './node-runtime.json' with { type: 'json' };

export interface NodeRuntime {
  readonly version: string;
  /** Identity of the content: hash of the pin. */
  readonly id: string;
  /** Absolute paths of the executable and of the licences of Node and all it bundles. */
  readonly node: string;
  readonly license: string;
  readonly reused: boolean;
}

const DOWNLOAD_TIMEOUT_MS = 600_000;

/**
 * The pinned Node, downloaded by npm once and kept in the cache.
 * @throws {FailedError} when it cannot be had or is not what was pinned.
 */
export async function obtainNodeRuntime(
  context: Context,
  say: (line: string) => void = () => {},
): Promise<NodeRuntime> {
  const id = hashJson(pin);
  const { dir, reused } = await context.cache.obtain('node-runtime', id, async (entry) => {
    say(`downloading Node ${pin.version} (${pin.lts}), about 50 MB`);
    await withTempDir(
      async (tmp) => {
        const archive = await download(context, tmp);
        await verify(archive);
        await unpack(context, archive, tmp);
        await rename(join(tmp, 'package', 'bin', 'node'), join(entry, 'node'));
        await rename(join(tmp, 'package', 'LICENSE'), join(entry, 'LICENSE'));
        await chmod(join(entry, 'node'), 0o755);
      },
      { parent: join(context.cache.dir, 'tmp') },
    );
  });
  return { version: pin.version, id, node: join(dir, 'node'), license: join(dir, 'LICENSE'), reused };
}

async function download({ exec }: Context, dir: string): Promise<string> {
  try {
    await exec({
      file: 'npm',
      args: ['pack', `${pin.package}@${pin.version}`, '--pack-destination', dir, '--loglevel', 'error'],
      effect: 'write',
      cwd: dir,
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
    });
  } catch (error) {
    if (!(error instanceof CommandError) || error.reason === 'aborted') throw error;
    throw new FailedError(
      `Node ${pin.version} for the target could not be downloaded: ${error.message}`,
      `try: npm view ${pin.package}@${pin.version}`,
      { cause: error },
    );
  }
  return join(dir, `${pin.package}-${pin.version}.tgz`);
}

async function verify(archive: string): Promise<void> {
  const actual = `sha512-${createHash('sha512')
    .update(await readFile(archive))
    .digest('base64')}`;
  if (actual !== pin.integrity) {
    throw new FailedError(
      `${pin.package}@${pin.version} is not the package that was pinned: ${actual} instead of ${pin.integrity}`,
      'do not use it; ask whoever runs your package registry',
    );
  }
}

async function unpack({ exec }: Context, archive: string, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await exec({
    file: 'tar',
    args: ['-xzf', archive, '-C', dir, '--no-same-owner', 'package/bin/node', 'package/LICENSE'],
    effect: 'write',
  });
}
