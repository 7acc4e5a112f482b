import assert from 'node:assert/strict';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { makeTempDir } from '../helpers/tmp.ts';

const exec = createExec();
const ROOT = packageRoot();
const PROGRAM = join(ROOT, 'test/helpers/repeatable-build.ts');
const BUILD = [process.execPath, '--import', join(ROOT, 'node_modules/tsx/dist/esm/index.mjs'), PROGRAM];
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

interface Built {
  /** SHA-256 of packages, repository, manifest and ISO. */
  readonly sums: Readonly<Record<string, string>>;
  /** The day it was, for the build. */
  readonly now: string;
  readonly uid: number;
}

interface Surroundings {
  /** Name of the folder it is built in. */
  readonly folder: string;
  readonly umask?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Put before the command: another user, another day. */
  readonly under?: readonly string[];
}

async function build({ folder, umask = '022', env = {}, under = [] }: Surroundings): Promise<Built> {
  const parent = makeTempDir('slipway-twice-');
  const dir = join(parent, folder);
  try {
    await mkdir(dir);
    for (const path of [parent, dir]) await chmod(path, 0o777);
    const { stdout } = await exec({
      file: 'sh',
      args: ['-c', 'umask "$1"; shift; exec "$@"', 'sh', umask, ...under, ...BUILD, dir],
      effect: 'write',
      cwd: dir,
      env: { HOME: dir, ...env },
    });
    const built: Built = JSON.parse(stdout);
    return built;
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

describe('what is built from the same inputs', function () {
  this.timeout(60_000);
  let first: Built;
  before(async () => {
    first = await build({ folder: 'a' });
    assert.deepEqual(Object.keys(first.sums), ['runtime', 'postinstall', 'repository', 'manifest', 'iso']);
  });

  it('is the same in another folder, time zone, language and with another umask', async () => {
    const env = { TZ: 'Pacific/Kiritimati', LC_ALL: 'de_DE.UTF-8', XDG_CACHE_HOME: '/nowhere' };
    const second = await build({ folder: 'another, longer 100% name', umask: '077', env });
    assert.deepEqual(second.sums, first.sums);
  });

  it('is the same on another day', async () => {
    // The clock alone: by default it moves the times of files as well.
    const env = { FAKETIME_DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1' };
    const second = await build({ folder: 'b', under: ['faketime', '-f', '+40d'], env });
    const days = (Date.parse(second.now) - Date.parse(first.now)) / 86_400_000;
    assert.ok(days > 39 && days < 41, `the clock stood at ${second.now}`);
    assert.deepEqual(second.sums, first.sums);
  });

  it('is the same for another user', async function () {
    const reading = {
      file: 'setpriv',
      args: [...NOBODY.slice(1), 'test', '-r', PROGRAM],
      effect: 'read',
    } as const;
    // Only root can become somebody else, who then must be able to read this checkout.
    if (process.geteuid?.() !== 0 || (await exec({ ...reading, accept: [0, 1] })).exitCode !== 0)
      return this.skip();
    const second = await build({ folder: 'c', under: NOBODY });
    assert.equal(second.uid, 65_534);
    assert.deepEqual(second.sums, first.sums);
  });

  it('is another with another time stamp', async () => {
    const second = await build({ folder: 'd', env: { SLIPWAY_TEST_EPOCH: '1767312000' } });
    for (const [name, sum] of Object.entries(second.sums)) assert.notEqual(sum, first.sums[name], name);
  });
});
