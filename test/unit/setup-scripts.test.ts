import assert from 'node:assert/strict';
import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const exec = createExec();
const root = packageRoot();

interface SetupScript {
  needsInstall(root: string): boolean;
  missingTools(
    table: Readonly<
      Record<string, { package: string; why: string; for: readonly string[]; unlessRoot?: boolean }>
    >,
    purpose: string,
    options: { root: boolean; find: (tool: string) => boolean },
  ): readonly { tool: string; package: string; why: string }[];
  installCommand(packages: readonly string[], root: boolean): string;
}

const setup = async (): Promise<SetupScript> => import(pathToFileURL(join(root, 'scripts/setup.mjs')).href);

describe('the set-up', () => {
  it('installs npm packages when there are none or the lock file is newer, and never inside an installed package', async () => {
    const { needsInstall } = await setup();
    await inTempDir(async (dir) => {
      assert.equal(needsInstall(dir), false);
      await writeFiles(dir, { 'package-lock.json': '{}' });
      assert.equal(needsInstall(dir), true);
      await writeFiles(dir, { 'node_modules/.package-lock.json': '{}' });
      await utimes(join(dir, 'package-lock.json'), 1000, 1000);
      assert.equal(needsInstall(dir), false);
      await utimes(join(dir, 'node_modules/.package-lock.json'), 999, 999);
      assert.equal(needsInstall(dir), true);
    });
  });

  it('looks for the tools of its purpose only', async () => {
    const { missingTools } = await setup();
    const table = {
      a: { package: 'a-deb', why: 'does a', for: ['iso', 'test'] },
      b: { package: 'b-deb', why: 'does b', for: ['test'] },
      c: { package: 'c-deb', why: 'does c', for: ['iso'], unlessRoot: true },
      there: { package: 'd-deb', why: 'does d', for: ['iso'] },
    };
    const find = (tool: string): boolean => tool === 'there';
    const names = (purpose: string, asRoot: boolean) =>
      missingTools(table, purpose, { root: asRoot, find }).map(({ tool }) => tool);
    assert.deepEqual(names('iso', false), ['a', 'c']);
    assert.deepEqual(names('iso', true), ['a']);
    assert.deepEqual(names('test', true), ['a', 'b']);
  });

  it('prints one command to paste', async () => {
    const { installCommand } = await setup();
    assert.equal(installCommand(['a', 'b'], false), 'sudo apt-get install --no-install-recommends -y a b');
    assert.equal(installCommand(['a'], true), 'apt-get install --no-install-recommends -y a');
  });

  it('refuses a purpose it does not know', async () => {
    const { exitCode, stderr } = await exec({
      file: process.execPath,
      args: [join(root, 'scripts/setup.mjs'), '--for', 'fun'],
      effect: 'read',
      accept: [1],
    });
    assert.equal(exitCode, 1);
    assert.match(stderr, /iso or test, not fun/);
  });
});

describe('the last line of a CI run', () => {
  const summary = (counts: string | undefined, status: number) =>
    inTempDir(async (dir) => {
      const file = join(dir, 'counts');
      if (counts !== undefined) await writeFile(file, counts);
      const { stdout, exitCode } = await exec({
        file: process.execPath,
        args: [join(root, 'scripts/ci-summary.mjs'), file, String(status)],
        effect: 'read',
        accept: [0, 1],
      });
      return [stdout, exitCode];
    });

  for (const [name, counts, status, expected] of [
    ['all is well', '{"passes":3,"failures":0,"pending":1}', 0, ['3 passed, 0 failed, 1 skipped\n', 0]],
    ['a test failed', '{"passes":3,"failures":2,"pending":0}', 2, ['3 passed, 2 failed, 0 skipped\n', 1]],
    ['the tests never ran', undefined, 2, ['0 passed, 1 failed, 0 skipped\n', 1]],
    ['the time was up', '', 124, ['0 passed, 1 failed, 0 skipped\n', 1]],
    [
      'the process died after its tests',
      '{"passes":3,"failures":0,"pending":0}',
      1,
      ['3 passed, 1 failed, 0 skipped\n', 1],
    ],
  ] as const) {
    it(`is honest when ${name}`, async () => assert.deepEqual(await summary(counts, status), expected));
  }

  it('takes its counts from mocha', async () => {
    await inTempDir(async (dir) => {
      await writeFiles(dir, {
        'x.test.cjs': "it('a', () => {}); it('b', () => { throw 1; }); it('c');",
        '.mocharc.json': '{}',
      });
      await exec({
        file: process.execPath,
        args: [
          join(root, 'node_modules/mocha/bin/mocha.js'),
          '--no-config',
          '--reporter',
          join(root, 'test/helpers/count-reporter.cjs'),
          join(dir, 'x.test.cjs'),
        ],
        effect: 'read',
        env: { SLIPWAY_TEST_COUNTS: join(dir, 'counts') },
        accept: [1],
      });
      assert.deepEqual(JSON.parse(await readFile(join(dir, 'counts'), 'utf8')), {
        passes: 1,
        failures: 1,
        pending: 1,
      });
    });
  });
});
