import assert from 'node:assert/strict';
import { chmod, copyFile, readdir, stat, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { unmetRequirements } from '../../src/artefact/closure.ts';
import { buildRepository } from '../../src/artefact/repository.ts';
import { compareVersions } from '../../src/artefact/rpm-version.ts';
import { readUserRpms } from '../../src/artefact/user-rpms.ts';
import { InputError } from '../../src/errors/problem.ts';
import { openCache } from '../../src/host/cache.ts';
import { createExec } from '../../src/host/exec.ts';
import { type TinyRpm, tinyRpm } from '../helpers/tiny-rpm.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const EPOCH = 1_767_225_600;
const exec = createExec();

/** A repository of packages made to order. */
async function repositoryOf(dir: string, rpms: readonly TinyRpm[]): Promise<string> {
  const files = await Promise.all(rpms.map((rpm) => tinyRpm(join(dir, rpm.name), exec, rpm)));
  const context = { exec, cache: openCache(join(dir, 'cache')), signal: new AbortController().signal };
  return (await buildRepository(context, await readUserRpms(files, exec), EPOCH)).dir;
}

describe('the requirements of packages', () => {
  it('are looked for in the repository itself, by name, version, file and expression; what lacks is named', async function () {
    this.timeout(60_000);
    await inTempDir(async (dir) => {
      const repository = await repositoryOf(dir, [
        {
          name: 'app',
          requires: [
            'lib >= 2',
            'lib >= 3',
            '/usr/bin/tool',
            '/opt/data/file',
            '/opt/data/other',
            '(lib or nothing)',
          ],
        },
        {
          name: 'lib',
          version: '2.5',
          requires: ['gone', 'config(lib) = 7'],
          provides: ['soname.so.1()(64bit)'],
        },
        { name: 'tool', requires: ['soname.so.1()(64bit)'], files: ['/usr/bin/tool', '/opt/data/file'] },
      ]);
      assert.deepEqual(await unmetRequirements(repository, [], exec), [
        { file: 'app-1-1.noarch.rpm', requirement: '/opt/data/other' },
        { file: 'app-1-1.noarch.rpm', requirement: 'lib >= 3' },
        { file: 'lib-2.5-1.noarch.rpm', requirement: 'config(lib) = 7' },
        { file: 'lib-2.5-1.noarch.rpm', requirement: 'gone' },
      ]);
    });
  });

  it('are looked for in the repositories of a medium as well, however their metadata are packed', async function () {
    this.timeout(60_000);
    await inTempDir(async (dir) => {
      const own = await repositoryOf(join(dir, 'own'), [{ name: 'app', requires: ['lib', '/opt/file'] }]);
      const vendor = join(dir, 'vendor');
      const lib = await tinyRpm(join(dir, 'lib'), exec, { name: 'lib', files: ['/opt/file'] });
      await writeFiles(vendor, {});
      for (const compression of ['xz', 'zstd', 'gz']) {
        const folder = join(vendor, compression);
        await writeFiles(folder, { README: '' });
        await copyFile(lib, join(folder, basename(lib)));
        const args = ['--quiet', '--no-database', `--general-compress-type=${compression}`, folder];
        // createrepo_c of Debian 12 cannot write zstd; what it cannot write need not be read here.
        const { exitCode } = await exec({ file: 'createrepo_c', args, effect: 'write', accept: [0, 1] });
        if (exitCode !== 0) continue;
        assert.deepEqual(await unmetRequirements(own, [folder], exec), [], compression);
      }
      assert.equal((await unmetRequirements(own, [], exec)).length, 2);
    });
  });
});

describe('packages that are brought along', () => {
  it('lie in the repository as copies: the files themselves keep their time and mode', async () => {
    await inTempDir(async (dir) => {
      const file = await tinyRpm(dir, exec, { name: 'app' });
      await chmod(file, 0o600);
      await utimes(file, 1000, 1000);
      const context = { exec, cache: openCache(join(dir, 'cache')), signal: new AbortController().signal };
      const repository = await buildRepository(context, await readUserRpms([file], exec), EPOCH);
      assert.deepEqual(await readdir(repository.dir), ['app-1-1.noarch.rpm', 'repodata']);
      const { mode, mtimeMs } = await stat(file);
      assert.deepEqual([mode & 0o777, mtimeMs], [0o600, 1_000_000]);
    });
  });

  it('are packages for the nodes, and no two of one file name', async () => {
    await inTempDir(async (dir) => {
      await writeFiles(dir, { 'text.rpm': 'no package' });
      const one = await tinyRpm(join(dir, 'one'), exec, { name: 'app' });
      const two = await tinyRpm(join(dir, 'two'), exec, { name: 'app', provides: ['more'] });
      const arm = await tinyRpm(join(dir, 'arm'), exec, { name: 'app', arch: 'aarch64' });
      const error: unknown = await readUserRpms([join(dir, 'text.rpm'), one, two, arm], exec).catch(
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof InputError);
      assert.deepEqual(
        error.problems.map(({ file, rule }) => [file, rule]),
        [
          [join(dir, 'text.rpm'), 'no-rpm'],
          [arm, 'rpm-arch'],
          [two, 'duplicate-rpm'],
        ],
      );
      assert.equal((await readUserRpms([one], exec)).length, 1);
    });
  });
});

describe('the order of versions', () => {
  it('is that of rpm itself', async () => {
    const part = fc.string({
      unit: fc.constantFrom('0', '1', '9', 'a', 'B', '.', '~', '^', '_', '10'),
      minLength: 1,
      maxLength: 6,
    });
    const pairs = fc.sample(fc.tuple(part, part), { numRuns: 400, seed: 7 });
    const calls = pairs.map(([a, b]) => `io.write(rpm.vercmp([==[${a}]==], [==[${b}]==]), "\\n")`);
    const { stdout } = await exec({
      file: 'rpm',
      args: ['--eval', `%{lua:${calls.join('\n')}}`],
      effect: 'read',
    });
    assert.deepEqual(
      pairs.map(([a, b]) => [a, b, Math.sign(compareVersions(a, b))]),
      pairs.map(([a, b], i) => [a, b, Number(stdout.split('\n')[i])]),
    );
  });
});
