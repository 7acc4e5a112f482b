import assert from 'node:assert/strict';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createExec } from '../../src/host/exec.ts';
import { hashTree } from '../../src/host/hash.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const exec = createExec();
const root = packageRoot();

describe('the build', () => {
  /** A copy of the project without its results; dependencies are linked. */
  async function withCopy<T>(use: (copy: string, build: () => Promise<string>) => Promise<T>): Promise<T> {
    return inTempDir(async (dir) => {
      const copy = join(dir, 'copy');
      await mkdir(copy);
      for (const name of [
        'src',
        'postinstall',
        'scripts',
        'package.json',
        'package-lock.json',
        'tsconfig.json',
      ]) {
        await cp(join(root, name), join(copy, name), { recursive: true });
      }
      await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
      const build = async () =>
        (await exec({ file: process.execPath, args: ['scripts/build.mjs'], effect: 'write', cwd: copy }))
          .stdout;
      return use(copy, build);
    });
  }

  it('gives the same bytes twice, does nothing when nothing changed, and repairs what was touched', async () => {
    const first = await withCopy(async (copy, build) => {
      assert.match(await build(), /wrote lib/);
      const hash = await hashTree(join(copy, 'lib'));
      assert.equal(await build(), '');
      await writeFile(join(copy, 'lib/agent.mjs'), 'torn');
      await writeFiles(copy, { 'lib/chunks/stale.js': '' });
      assert.match(await build(), /wrote lib/);
      assert.equal(await hashTree(join(copy, 'lib')), hash);
      return hash;
    });
    await withCopy(async (copy, build) => {
      await build();
      assert.equal(await hashTree(join(copy, 'lib')), first);
    });
  });

  it('loads nothing but commander for the help', async () => {
    await withCopy(async (copy, build) => {
      await build();
      // Whatever is imported statically, from cli.js on, is loaded before the first argument is looked at.
      const packages = new Set<string>();
      const visit = async (file: string, seen: Set<string>): Promise<void> => {
        if (seen.has(file)) return;
        seen.add(file);
        const text = await readFile(file, 'utf8');
        for (const [, target = ''] of text.matchAll(/^(?:import|export)\b[^;'"]*["']([^"']+)["'];$/gm)) {
          if (target.startsWith('.')) await visit(join(file, '..', target), seen);
          else if (!target.startsWith('node:')) packages.add(target);
        }
      };
      await visit(join(copy, 'lib/cli.js'), new Set());
      assert.deepEqual([...packages], ['commander']);
    });
  });
});

describe('the code', function () {
  this.timeout(120_000);

  for (const [name, file, args] of [
    ['its types', 'tsc', ['--noEmit', '-p', '.']],
    ['its linter', 'biome', ['ci', '--colors=off', '.']],
  ] as const) {
    it(`passes ${name}`, async () => {
      const { exitCode, stdout, stderr } = await exec({
        file: join(root, 'node_modules/.bin', file),
        args,
        effect: 'read',
        cwd: root,
        accept: [0, 1, 2],
      });
      assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
    });
  }
});
