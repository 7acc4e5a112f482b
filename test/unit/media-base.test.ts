import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Command, CommandError, type Exec } from '../../src/engine/command.ts';
import { FailedError } from '../../src/errors/exit.ts';
import { openCache } from '../../src/host/cache.ts';
import type { Context } from '../../src/host/context.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { obtainBase } from '../../src/media/base/base.ts';
import { inTempDir } from '../helpers/tmp.ts';

/** Asks for a base and answers the call of mmdebstrap, which fails with `stderr`, the key in the cache and the error. */
async function attempt(packages: readonly string[] | undefined, stderr: string, folder = 'cache') {
  return inTempDir(async (dir) => {
    const commands: Command[] = [];
    const keys: string[] = [];
    const exec: Exec = async (command) => {
      commands.push(command);
      throw new CommandError(command, 'exit', 25, stderr);
    };
    const cache = openCache(join(dir, folder));
    const context: Context = {
      exec,
      cache: {
        ...cache,
        obtain(kind, key, make) {
          keys.push(key);
          return cache.obtain(kind, key, make);
        },
      },
      signal: new AbortController().signal,
    };
    const inputs = {
      recipeFolder: join(packageRoot(), 'iso/base'),
      rpms: [],
      ...(packages === undefined ? {} : { packages }),
      sourceDateEpoch: 1_767_225_600,
    };
    const error: unknown = await obtainBase(inputs, context, () => {}).catch((reason: unknown) => reason);
    const [command = assert.fail('nothing was run')] = commands;
    return { command, key: keys[0], error };
  });
}

const included = ({ args }: Command): readonly string[] =>
  args
    .find((arg) => arg.startsWith('--include='))
    ?.slice('--include='.length)
    .split(',') ?? [];

describe('packages of the spec in the base', () => {
  it('are collected with those of the recipe, and make another base', async () => {
    const [plain, none, more] = [
      await attempt(undefined, ''),
      await attempt([], ''),
      await attempt(['htop', 'curl'], ''),
    ];
    assert.equal(none.key, plain.key);
    assert.notEqual(more.key, plain.key);
    assert.deepEqual(included(more.command), [...included(plain.command), 'htop'].sort());
    assert.equal((await attempt(['curl', 'htop', 'htop'], '')).key, more.key);
  });

  it('that Debian does not have are told by name', async () => {
    const words = 'E: Unable to locate package htp\nE: Unable to locate package nowhere\nE: apt-get failed\n';
    const { error } = await attempt(['htp', 'nowhere'], words);
    assert.ok(error instanceof FailedError);
    assert.equal(error.message, 'Debian has no package htp, nowhere');
    const other = await attempt(['htop'], 'E: no network\n');
    assert.ok(other.error instanceof CommandError);
  });

  it('are collected in folders whose names shells can bear', async () => {
    const { command } = await attempt([], '', 'a cache');
    assert.deepEqual(
      command.args.filter((arg) => arg.includes('a cache')),
      [],
    );
  });
});
