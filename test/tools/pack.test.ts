import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command, CommandResult } from '../../src/engine/command.ts';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const exec = createExec();

/** What npm hands down to its scripts would point the inner npm back to this project. */
const withoutNpm = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => /^npm_(package|lifecycle|config_local_prefix)/.test(name))
    .map((name) => [name, '']),
);

describe('the package', function () {
  // The embedded base is built here if no earlier run left it in the cache.
  this.timeout(1_800_000);

  it('works where it is installed: init, check, plan and the ISO', async () => {
    await inTempDir(async (dir) => {
      const project = join(dir, 'project');
      await mkdir(project);
      await writeFiles(project, { 'package.json': '{"private": true}' });
      const inProject = (
        file: string,
        args: readonly string[],
        more: Partial<Command> = {},
      ): Promise<CommandResult> =>
        exec({ file, args, effect: 'write', cwd: project, timeoutMs: 1_500_000, env: withoutNpm, ...more });
      const slipway = (...args: readonly string[]) => inProject('npx', ['--no-install', 'slipway', ...args]);

      await inProject('npm', ['pack', '--pack-destination', dir, '--loglevel', 'error'], {
        cwd: packageRoot(),
      });
      const archive = (await readdir(dir)).find((name) => name.endsWith('.tgz'));
      assert.ok(archive !== undefined);
      await inProject('npm', ['install', join(dir, archive), '--prefer-offline', '--no-audit', '--no-fund']);
      const installed = join(project, 'node_modules/slipway');
      for (const absent of ['src', 'test', 'node_modules', 'package-lock.json']) {
        assert.equal(existsSync(join(installed, absent)), false, absent);
      }

      await slipway('init', '--yes');
      assert.match((await slipway('check')).stdout, /^cluster\.yaml: /);
      const plan = JSON.parse((await slipway('plan', '--json')).stdout);
      assert.ok(plan.nodes.length > 0);
      const preview = (await slipway('iso', '--dry-run')).stdout;
      assert.match(preview, /^kickstart: done/m);
      assert.equal(existsSync(join(project, 'dist')), false);
      await slipway('iso');
      assert.deepEqual(
        (await readdir(join(project, 'dist'))).sort(),
        [
          `${plan.cluster}.iso`,
          `${plan.cluster}.key.iso`,
          `${plan.cluster}.manifest.json`,
          `${plan.cluster}.sha256`,
          `${plan.cluster}.spdx.json`,
          'releases.json',
        ].sort(),
      );

      const setUp = await inProject(process.execPath, [join(installed, 'scripts/setup.mjs'), '--for', 'iso']);
      assert.deepEqual([setUp.stdout, setUp.stderr], ['', '']);
    });
  });
});
