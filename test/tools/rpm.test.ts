import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type NodeRuntime, obtainNodeRuntime } from '../../src/artefact/node-runtime.ts';
import {
  describePostinstall,
  describeRuntime,
  INSTALLED,
  type OwnFiles,
} from '../../src/artefact/packages.ts';
import { textEntry } from '../../src/artefact/payload.ts';
import { buildRepository } from '../../src/artefact/repository.ts';
import { buildRpm, contentHash, type Rpm, type RpmDescription } from '../../src/artefact/rpm.ts';
import { openCache } from '../../src/host/cache.ts';
import type { Context } from '../../src/host/context.ts';
import { createExec } from '../../src/host/exec.ts';
import { hashFile, hashTree, listTree } from '../../src/host/hash.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { findProgram } from '../../src/host/search-path.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const EPOCH = 1_767_225_600;
const exec = createExec();
const signal = new AbortController().signal;
const inCache = (dir: string): Context => ({ exec, cache: openCache(dir), signal });

/** A stand-in for the 126 MB of Node: the runtime package around it is the real one. */
async function fakeRuntime(dir: string) {
  await writeFiles(dir, { node: '#!/bin/sh\necho node "$@"\n', LICENSE: 'licence' });
  return {
    version: '24.21.0',
    id: 'fake',
    node: join(dir, 'node'),
    license: join(dir, 'LICENSE'),
    reused: false,
  };
}

async function fakeOwn(dir: string): Promise<OwnFiles> {
  const unit =
    '[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n';
  await writeFiles(dir, { 'own/agent.mjs': 'agent', 'own/unit': unit });
  return { agent: join(dir, 'own/agent.mjs'), unit: join(dir, 'own/unit') };
}

/** Both packages, made from files below `dir`; `serial` stands for what the ledger would count. */
async function packages(dir: string, serial = 1, node?: NodeRuntime): Promise<readonly [Rpm, Rpm]> {
  const runtime = node ?? (await fakeRuntime(join(dir, 'runtime')));
  return [
    await build(dir, await describeRuntime(runtime), serial),
    await build(dir, await postinstall(dir), serial),
  ];
}

async function postinstall(dir: string): Promise<RpmDescription> {
  const step = { id: 'motd', dir: join(dir, 'steps/motd'), title: 'motd', after: [] };
  return describePostinstall([step], { version: '24.21.0' }, await fakeOwn(dir));
}

function build(dir: string, description: RpmDescription, serial: number): Promise<Rpm> {
  const release = `${serial}.${contentHash(description).slice(0, 12)}`;
  return buildRpm(inCache(join(dir, 'cache')), description, release, EPOCH);
}

async function writeStep(dir: string, files: Readonly<Record<string, string>>): Promise<void> {
  await writeFiles(join(dir, 'steps/motd'), { check: '#!/bin/sh\n', apply: '#!/bin/sh\necho\n', ...files });
  // A mode is content; what a test's umask makes of a new file is not meant.
  for (const name of Object.keys(files)) await chmod(join(dir, 'steps/motd', name), 0o644);
  for (const name of ['check', 'apply']) await chmod(join(dir, 'steps/motd', name), 0o755);
}

/** A root folder for `rpm --root`, which needs root's chroot or a user namespace. */
function scratchRoot(root: string) {
  const rpm = async (...args: readonly string[]): Promise<string> => {
    const words = ['rpm', '--root', root, '--dbpath', '/var/lib/rpm', ...args];
    const [file, ...rest] =
      process.geteuid?.() === 0 ? words : ['unshare', '--user', '--map-root-user', ...words];
    const { stdout } = await exec({ file: file ?? 'rpm', args: rest, effect: 'write' });
    return stdout;
  };
  return {
    rpm,
    query: async () => (await rpm('-qa')).trim().split('\n').filter(Boolean).sort(),
    /** Files of ours, relative to the root. */
    files: async () =>
      (await listTree(root))
        .filter(({ path, kind }) => kind !== 'folder' && !path.startsWith('var/lib/rpm'))
        .map(({ path }) => path),
  };
}

describe('the RPMs', () => {
  it('are the same bytes wherever, whenever and by whomever they are built', async () => {
    const build = (umask: number) =>
      inTempDir(async (dir) => {
        const before = process.umask(umask);
        try {
          await writeStep(dir, { 'data.txt': 'some data' });
          const rpms = await packages(dir);
          const { dir: repository } = await buildRepository(inCache(join(dir, 'cache')), rpms, EPOCH);
          const texts = await Promise.all(rpms.map(({ file }) => readFile(file, 'latin1')));
          for (const trace of [dir, packageRoot()]) {
            assert.deepEqual(
              texts.map((text) => text.includes(trace)),
              [false, false],
              trace,
            );
          }
          const query = ['-qp', '--qf', '%{BUILDHOST} %{BUILDTIME}\\n', ...rpms.map(({ file }) => file)];
          const { stdout } = await exec({ file: 'rpm', args: query, effect: 'read' });
          assert.equal(stdout, `slipway ${EPOCH}\n`.repeat(2));
          return { names: await readdir(repository), hash: await hashTree(repository) };
        } finally {
          process.umask(before);
        }
      });
    const [one, two] = [await build(0o022), await build(0o077)];
    assert.deepEqual(two.names, one.names);
    assert.equal(two.hash, one.hash);
  });

  it('depend on each other and on nothing a foreign rpm database would not know', async () => {
    await inTempDir(async (dir) => {
      await writeStep(dir, {});
      for (const { file, name } of await packages(dir)) {
        const { stdout } = await exec({ file: 'rpm', args: ['-qp', '--requires', file], effect: 'read' });
        const needs = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('rpmlib('));
        assert.deepEqual(needs, name === 'slipway-postinstall' ? ['slipway-runtime >= 24'] : []);
      }
    });
  });

  it('install, upgrade when a step has changed, reinstall and go, leaving nothing', async () => {
    await inTempDir(async (dir) => {
      const root = join(dir, 'root');
      await mkdir(root);
      const { rpm, query, files } = scratchRoot(root);
      const motd = join(root, 'usr/lib/slipway/steps/motd');

      await writeStep(dir, { old: 'old' });
      const [runtime, first] = await packages(dir, 1);
      await assert.rejects(rpm('-U', first.file), /slipway-runtime/);
      await rpm('-U', runtime.file, first.file);
      assert.deepEqual(await query(), [
        `slipway-postinstall-${first.version}-${first.release}.noarch`,
        `slipway-runtime-24.21.0-${runtime.release}.x86_64`,
      ]);
      assert.deepEqual(await readdir(motd), ['apply', 'check', 'old', 'step.json']);
      assert.equal((await stat(join(motd, 'check'))).mode & 0o777, 0o755);
      assert.match(
        await readFile(join(root, 'usr/bin/slipway-agent'), 'utf8'),
        /^#!\/bin\/sh\nset -a\n.*\nset \+a\nexec \/usr\/lib\/slipway\/runtime\/bin\/node \/usr\/lib\/slipway\/agent\.mjs "\$@"\n$/,
      );
      assert.equal(await rpm('-V', 'slipway-postinstall', 'slipway-runtime'), '');

      await inTempDir(async (other) => {
        await writeStep(other, { new: 'new' });
        const [, second] = await packages(other, 2);
        await rpm('-U', second.file);
        assert.deepEqual(await readdir(motd), ['apply', 'check', 'new', 'step.json']);
        await rpm('-U', '--replacepkgs', second.file);
        assert.equal(await rpm('-V', 'slipway-postinstall'), '');
        await assert.rejects(rpm('-U', first.file), /newer than|already installed/);
        assert.deepEqual(
          (await query())[0],
          `slipway-postinstall-${second.version}-${second.release}.noarch`,
        );
        await rpm('-U', '--oldpackage', first.file);
        assert.deepEqual(await readdir(motd), ['apply', 'check', 'old', 'step.json']);
        assert.equal(await rpm('-V', 'slipway-postinstall'), '');
        // Gone and there again: no scriptlet counts on a first time.
        await rpm('-e', 'slipway-postinstall');
        await rpm('-U', second.file);
        assert.equal(await rpm('-V', 'slipway-postinstall'), '');
      });

      await rpm('-e', 'slipway-postinstall', 'slipway-runtime');
      assert.deepEqual(await query(), []);
      assert.deepEqual(await files(), []);
    });
  });

  it('leave what an operator has written into the environment file, through upgrades and beyond', async () => {
    await inTempDir(async (dir) => {
      const root = join(dir, 'root');
      await mkdir(root);
      const { rpm } = scratchRoot(root);
      const file = join(root, INSTALLED.environment);
      await writeStep(dir, {});
      const [runtime, first] = await packages(dir, 1);
      await rpm('-U', runtime.file, first.file);
      assert.match(await readFile(file, 'utf8'), /^# /);
      const proxy = 'https_proxy=http://proxy.example.org:3128\n';
      await writeFile(file, proxy);
      const { payload, ...description } = await postinstall(dir);
      const changed = payload.map((entry) =>
        entry.path === INSTALLED.environment ? textEntry(entry.path, 0o644, '# new words\n') : entry,
      );
      const second = await build(dir, { ...description, payload: changed }, 2);
      await rpm('-U', second.file);
      assert.equal(await readFile(file, 'utf8'), proxy);
      assert.equal(await readFile(`${file}.rpmnew`, 'utf8'), '# new words\n');
      await rpm('-e', 'slipway-postinstall');
      assert.equal(await readFile(`${file}.rpmsave`, 'utf8'), proxy);
    });
  });

  it('tell what is new, and hold no path of the machine that built them', async () => {
    await inTempDir(async (dir) => {
      await writeStep(dir, {});
      for (const { file, version, release } of await packages(dir)) {
        const query = ['-qp', '--changelog', file];
        const { stdout } = await exec({ file: 'rpm', args: query, effect: 'read' });
        assert.match(stdout, new RegExp(`^\\* Thu Jan 01 2026 Slipway - ${version}-${release}\\n- `));
        const all = await exec({
          file: 'sh',
          args: ['-c', 'rpm2cpio "$1" | grep -acF -e "$2" -e "$3"', 'sh', file, dir, packageRoot()],
          effect: 'read',
          accept: [1],
        });
        assert.equal(all.stdout, '0\n');
      }
    });
  });

  it('do not fail where systemd refuses', async () => {
    await inTempDir(async (dir) => {
      const root = join(dir, 'root');
      await writeFiles(root, { 'usr/bin/systemctl': 'no program at all' });
      const { rpm, query } = scratchRoot(root);
      await writeStep(dir, {});
      const [runtime, first] = await packages(dir, 1);
      await rpm('-U', runtime.file, first.file);
      await rpm('-U', '--replacepkgs', first.file);
      await rpm('-e', 'slipway-postinstall', 'slipway-runtime');
      assert.deepEqual(await query(), []);
    });
  });

  it('enable the agent once, restart it after an upgrade and disable it at the end', async () => {
    await inTempDir(async (dir) => {
      const root = join(dir, 'root');
      const busybox = findProgram('busybox');
      assert.ok(busybox !== undefined);
      await writeFiles(root, {
        'usr/bin/systemctl': '#!/bin/sh\necho "$@" >>/calls\ntest "$2" = is-enabled -a -e /enabled\n',
        calls: '',
      });
      await mkdir(join(root, 'run/systemd/system'), { recursive: true });
      await copyFile(busybox, join(root, 'usr/bin/busybox'));
      await symlink('busybox', join(root, 'usr/bin/sh'));
      await symlink('usr/bin', join(root, 'bin'));
      for (const name of ['busybox', 'systemctl']) await chmod(join(root, 'usr/bin', name), 0o755);
      const { rpm } = scratchRoot(root);
      const callsOf = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
        await writeFile(join(root, 'calls'), '');
        await work();
        return (await readFile(join(root, 'calls'), 'utf8')).split('\n').filter(Boolean);
      };
      await writeStep(dir, {});
      const [runtime, first] = await packages(dir, 1);
      const [, second] = await packages(dir, 2);
      const restart = [
        '--quiet daemon-reload',
        '--quiet is-enabled slipway-agent.service',
        '--quiet --no-block restart slipway-agent.service',
      ];
      assert.deepEqual(await callsOf(() => rpm('-U', runtime.file, first.file)), [
        '--quiet --no-reload preset slipway-agent.service',
      ]);
      await writeFile(join(root, 'enabled'), '');
      assert.deepEqual(await callsOf(() => rpm('-U', second.file)), restart);
      assert.deepEqual(await callsOf(() => rpm('-U', '--replacepkgs', second.file)), restart);
      await rm(join(root, 'enabled'));
      assert.deepEqual(await callsOf(() => rpm('-U', '--replacepkgs', second.file)), restart.slice(0, 2));
      assert.deepEqual(await callsOf(() => rpm('-e', 'slipway-postinstall')), [
        '--quiet --no-reload disable --now slipway-agent.service',
        '--quiet daemon-reload',
      ]);
    });
  });

  it('please rpmlint but for what rpm-spec/rpmlint.toml explains', async function () {
    this.timeout(300_000);
    await inTempDir(async (dir) => {
      await writeStep(dir, {});
      const rpms = await packages(dir, 1, await obtainNodeRuntime({ exec, cache: openCache(), signal }));
      const { stdout } = await exec({
        file: 'rpmlint',
        args: ['--config', join(packageRoot(), 'rpm-spec/rpmlint.toml'), ...rpms.map(({ file }) => file)],
        effect: 'read',
        accept: [0, 64],
      });
      assert.match(stdout, / 0 errors, 0 warnings/, stdout);
    });
  });

  it('are built once', async () => {
    await inTempDir(async (dir) => {
      await writeStep(dir, {});
      const first = await packages(dir);
      const second = await packages(dir);
      assert.deepEqual(
        [...first, ...second].map(({ reused }) => reused),
        [false, false, true, true],
      );
      assert.deepEqual(
        second.map(({ file }) => file),
        first.map(({ file }) => file),
      );
    });
  });
});

describe('the repository', () => {
  it('holds both packages and metadata that match them', async () => {
    await inTempDir(async (dir) => {
      await writeStep(dir, {});
      const rpms = await packages(dir);
      const context = inCache(join(dir, 'cache'));
      const { dir: repository, reused } = await buildRepository(context, rpms, EPOCH);
      assert.equal(reused, false);
      assert.equal((await buildRepository(context, rpms, EPOCH)).reused, true);
      const { stdout } = await exec({
        file: 'sh',
        args: ['-c', 'gzip -dc "$1"/repodata/primary.xml.gz', 'sh', repository],
        effect: 'read',
      });
      for (const { file, name } of rpms) {
        assert.match(stdout, new RegExp(`<name>${name}</name>`));
        assert.ok(
          stdout.includes(await hashFile(file)),
          `${relative(dir, file)} has its checksum in the metadata`,
        );
      }
    });
  });
});

describe('the Node for the target', () => {
  it('is the pinned one and a long-term release', async function () {
    this.timeout(300_000);
    const { node, version, license } = await obtainNodeRuntime({ exec, cache: openCache(), signal });
    const { stdout } = await exec({
      file: node,
      args: ['-p', '[process.version, typeof process.release.lts].join()'],
      effect: 'read',
    });
    assert.equal(stdout, `v${version},string\n`);
    assert.match(await readFile(license, 'utf8'), /Node\.js is licensed/);
  });
});
