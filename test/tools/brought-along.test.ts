import assert from 'node:assert/strict';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildArtefacts } from '../../src/artefact/artefacts.ts';
import { broughtAlong } from '../../src/commands/iso-tasks.ts';
import { InputError } from '../../src/errors/problem.ts';
import { openCache } from '../../src/host/cache.ts';
import type { Context } from '../../src/host/context.ts';
import { createExec } from '../../src/host/exec.ts';
import { hashEntries } from '../../src/media/build-id.ts';
import { assembleIso } from '../../src/media/iso.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { smallSpec } from '../helpers/small-spec.ts';
import { examplePlan, standInBase, tinyInputs } from '../helpers/tiny-base.ts';
import { tinyRpm } from '../helpers/tiny-rpm.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const EPOCH = 1_767_225_600;
const exec = createExec();

const SPEC = smallSpec(`release: rhel9
repositories: [{ name: site, url: "https://mirror.example.org/site", gpgKey: site.asc }]
media:
  files: [{ from: firmware, to: site/firmware }, { from: note.txt, to: note.txt }]
`);

describe('files that are brought along', () => {
  it('lie on the medium where the spec says, with the keys of repositories', async () => {
    await inTempDir(async (dir) => {
      await writeFiles(dir, {
        'cluster.yaml': SPEC,
        'site.asc': 'a key\n',
        'firmware/card/a.bin': 'firmware\n',
        'note.txt': 'a note\n',
      });
      const { media } = await loadSpec(join(dir, 'cluster.yaml'));
      const inputs = await tinyInputs(
        dir,
        await examplePlan('ha-pair'),
        await standInBase(join(dir, 'base')),
      );
      const { iso, manifest } = await assembleIso(
        { ...inputs, files: broughtAlong(media) },
        { exec, version: '0.0.0', audit: async () => {} },
      );
      const out = join(dir, 'extracted');
      await exec({
        file: 'xorriso',
        args: ['-osirrox', 'on', '-indev', iso, '-extract', '/', out],
        effect: 'write',
      });
      for (const [path, text] of [
        ['site/firmware/card/a.bin', 'firmware\n'],
        ['note.txt', 'a note\n'],
        ['slipway/keys/site.asc', 'a key\n'],
      ] as const) {
        assert.equal(await readFile(join(out, path), 'utf8'), text);
        assert.ok(
          (await readFile(manifest, 'utf8')).includes(`"path": "${path}"`),
          `${path} is in the manifest`,
        );
      }
    });
  });

  it('make another medium when a byte, a name or whether one can be executed is another', async () => {
    await inTempDir(async (dir) => {
      const sum = async (): Promise<string> => {
        const hashes = await hashEntries([
          { path: 'tree', source: join(dir, 'tree') },
          { path: 'file', source: join(dir, 'tree/a') },
        ]);
        return Object.values(hashes).join();
      };
      await writeFiles(dir, { 'tree/a': 'a' });
      const sums = [await sum()];
      await chmod(join(dir, 'tree/a'), 0o600);
      assert.equal(await sum(), sums[0]);
      await chmod(join(dir, 'tree/a'), 0o755);
      sums.push(await sum());
      await writeFiles(dir, { 'tree/b': '' });
      sums.push(await sum());
      await writeFiles(dir, { 'tree/a': 'b' });
      sums.push(await sum());
      assert.equal(new Set(sums).size, 4);
    });
  });
});

describe('packages that are brought along', function () {
  this.timeout(120_000);

  it('lie in the repository when all they require is there; what is not is told with the package', async () => {
    await inTempDir(async (dir) => {
      // The pinned Node comes from the user's own cache.
      const context: Context = { exec, cache: openCache(), signal: new AbortController().signal };
      const app = await tinyRpm(join(dir, 'a'), exec, {
        name: 'app',
        requires: ['lib >= 2', 'slipway-runtime'],
      });
      const lib = await tinyRpm(join(dir, 'b'), exec, { name: 'lib', version: '2' });
      const lines: string[] = [];
      const build = (rpms: readonly string[], elsewhere: readonly string[] = []) =>
        buildArtefacts(
          context,
          {
            ...{ steps: [], rpms, ledger: join(dir, 'releases.json'), cluster: 'demo', epoch: EPOCH },
            offers: { repositories: [], elsewhere },
          },
          (line) => lines.push(line),
        );
      const { repository } = await build([app, lib]);
      const found = await exec({ file: 'ls', args: [repository.dir], effect: 'read' });
      assert.match(found.stdout, /^app-1-1\.noarch\.rpm\nlib-2-1\.noarch\.rpm\nrepodata\n/);
      const error: unknown = await build([app]).catch((reason: unknown) => reason);
      assert.ok(error instanceof InputError);
      assert.equal(
        error.message,
        `${app}:1:1: the package requires lib >= 2, which nothing on the medium offers`,
      );
      lines.length = 0;
      await build([app], ['site']);
      assert.deepEqual(lines, ['app-1-1.noarch.rpm: lib >= 2 is left to site']);
    });
  });
});
