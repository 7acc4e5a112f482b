import assert from 'node:assert/strict';
import { chmod, readlink, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describePostinstall } from '../../src/artefact/packages.ts';
import { stagePayload, textEntry, treeEntries } from '../../src/artefact/payload.ts';
import { createrepoCommand } from '../../src/artefact/repository.ts';
import { contentHash, type RpmDescription, rpmbuildCommand } from '../../src/artefact/rpm.ts';
import { renderTemplate } from '../../src/host/template.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const EPOCH = 1_767_225_600;

async function withStep<T>(
  use: (describe: () => Promise<RpmDescription>, dir: string) => Promise<T>,
): Promise<T> {
  return inTempDir(async (dir) => {
    await writeFiles(dir, {
      agent: 'agent',
      unit: 'unit',
      'motd/check': '#!/bin/sh\n',
      'motd/apply': '#!/bin/sh\n',
    });
    await chmod(join(dir, 'motd/check'), 0o775);
    const own = { agent: join(dir, 'agent'), unit: join(dir, 'unit') };
    const step = {
      id: 'motd',
      dir: join(dir, 'motd'),
      title: 'Say hello',
      after: ['identity'],
      timeoutSeconds: 20,
    };
    return use(() => describePostinstall([step], { version: '24.21.0' }, own), dir);
  });
}

describe('the post-install package', () => {
  it('holds the agent, its unit and preset, and the step with what its step.yaml says', async () => {
    await withStep(async (describe) => {
      const { payload, values, arch } = await describe();
      const files = payload
        .filter(({ kind }) => kind === 'file')
        .map(({ path, mode }) => `${mode.toString(8)} ${path}`);
      assert.deepEqual(files, [
        '644 /usr/lib/slipway/agent.mjs',
        '755 /usr/bin/slipway-agent',
        '644 /etc/slipway/agent.env',
        '644 /usr/lib/systemd/system/slipway-agent.service',
        '644 /usr/lib/systemd/system-preset/50-slipway.preset',
        '644 /usr/share/licenses/slipway-postinstall/LICENSE',
        '644 /usr/lib/slipway/steps/motd/apply',
        '755 /usr/lib/slipway/steps/motd/check',
        '644 /usr/lib/slipway/steps/motd/step.json',
      ]);
      const facts = payload.find(({ path }) => path.endsWith('/step.json'));
      assert.ok(facts?.kind === 'file' && 'text' in facts.from);
      assert.deepEqual(JSON.parse(facts.from.text), {
        title: 'Say hello',
        after: ['identity'],
        timeoutSeconds: 20,
      });
      assert.deepEqual([arch, values], ['noarch', { nodeMajor: '24' }]);
    });
  });

  it('is another one as soon as a step’s content, name or mode is another', async () => {
    await withStep(async (describe, dir) => {
      const hashes = [contentHash(await describe())];
      await writeFiles(dir, { 'motd/apply': '#!/bin/sh\necho\n' });
      hashes.push(contentHash(await describe()));
      await writeFiles(dir, { 'motd/data': '' });
      hashes.push(contentHash(await describe()));
      await chmod(join(dir, 'motd/apply'), 0o755);
      hashes.push(contentHash(await describe()));
      assert.equal(new Set(hashes).size, hashes.length);
    });
  });

  it('is the same one wherever its files lie and whatever the umask was', async () => {
    const hashes: string[] = [];
    for (const mode of [0o755, 0o775]) {
      await withStep(async (describe, dir) => {
        await chmod(join(dir, 'motd'), mode);
        await chmod(join(dir, 'motd/check'), mode);
        hashes.push(contentHash(await describe()));
      });
    }
    assert.equal(hashes[0], hashes[1]);
  });
});

describe('a payload', () => {
  it('is laid out with its modes, links and one time', async () => {
    await inTempDir(async (dir) => {
      await writeFiles(dir, { 'tree/sub/file': 'x' });
      await symlink('sub/file', join(dir, 'tree/link'));
      await chmod(join(dir, 'tree/sub/file'), 0o4700);
      const payload = [
        ...(await treeEntries('/opt/tree', join(dir, 'tree'))),
        textEntry('/etc/text', 0o600, 'y'),
      ];
      const root = join(dir, 'root');
      await stagePayload(payload, root, EPOCH);
      const facts = async (path: string) => {
        const { mode, mtimeMs } = await stat(join(root, path));
        return [(mode & 0o7777).toString(8), mtimeMs / 1000];
      };
      assert.deepEqual(await facts('opt/tree/sub/file'), ['4700', EPOCH]);
      assert.deepEqual(await facts('opt/tree/sub'), ['755', EPOCH]);
      assert.deepEqual(await facts('etc/text'), ['600', EPOCH]);
      assert.equal(await readlink(join(root, 'opt/tree/link')), 'sub/file');
    });
  });
});

describe('the calls of the RPM tools', () => {
  it('tell rpmbuild neither the time, the host nor the user’s macros', () => {
    const { args, env, effect } = rpmbuildCommand({
      top: '/t',
      stage: '/t/stage',
      specFile: '/t/x.spec',
      arch: 'noarch',
      epoch: EPOCH,
    });
    assert.deepEqual(args.slice(0, 6), ['-bb', '--quiet', '--target', 'noarch', '--define', '_topdir /t']);
    assert.equal(args.at(-1), '/t/x.spec');
    for (const define of ['_buildhost slipway', 'use_source_date_epoch_as_buildtime 1', 'stage /t/stage']) {
      assert.equal(args[args.indexOf(define) - 1], '--define', define);
    }
    assert.deepEqual(env, { SOURCE_DATE_EPOCH: String(EPOCH), HOME: '/t' });
    assert.equal(effect, 'write');
  });

  it('tell createrepo_c which time to write', () => {
    const { args } = createrepoCommand('/repo', EPOCH);
    assert.deepEqual(args.slice(-4), ['--revision', String(EPOCH), '--set-timestamp-to-revision', '/repo']);
  });
});

describe('a template', () => {
  it('refuses a value that is not there, naming its line', async () => {
    await inTempDir(async (dir) => {
      await writeFiles(dir, { 't.ejs': 'one\n<%= it.there %>\n<%= it.absent %>\n' });
      assert.throws(() => renderTemplate(join(dir, 't.ejs'), { there: 'x' }), /t\.ejs:3[\s\S]*got undefined/);
    });
  });

  it('prints text as it is', async () => {
    await inTempDir(async (dir) => {
      await writeFiles(dir, { 't.ejs': '<%= it.a %> <%= it.n %>' });
      assert.equal(renderTemplate(join(dir, 't.ejs'), { a: `<&"'>`, n: 5 }), `<&"'> 5`);
    });
  });
});
