/** The embedded base twice from nothing: other folders, another time of day, another umask and time zone, same bytes. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { openCache } from '../../src/host/cache.ts';
import { createExec } from '../../src/host/exec.ts';
import { listTree } from '../../src/host/hash.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { obtainBase } from '../../src/media/base/base.ts';
import { spdxProblems } from '../helpers/spdx.ts';
import { tinyRpm } from '../helpers/tiny-rpm.ts';
import { inTempDir } from '../helpers/tmp.ts';

const EPOCH = 1_767_225_600;

/** Name → SHA-256 of all that a base consists of, and of each file in its root. */
async function buildBase(dir: string, rpm: string, surroundings: { umask: number; zone: string }) {
  const before = { umask: process.umask(surroundings.umask), zone: process.env['TZ'] };
  process.env['TZ'] = surroundings.zone;
  try {
    const exec = createExec();
    const context = { exec, cache: openCache(join(dir, 'cache')), signal: new AbortController().signal };
    const recipeFolder = join(packageRoot(), 'iso', 'base');
    const lines: string[] = [];
    const inputs = { recipeFolder, rpms: [rpm], sourceDateEpoch: EPOCH };
    const base = await obtainBase(inputs, context, (line) => void lines.push(line)).catch(
      (error: unknown) => {
        throw new Error(lines.slice(-20).join('\n'), { cause: error });
      },
    );
    const files = (await listTree(base.dir)).map(({ path, content }) => [path, content] as const);
    const root = join(dir, 'root');
    await exec({
      file: 'unsquashfs',
      args: ['-quiet', '-no-progress', '-no-xattrs', '-dest', root, base.squashfs],
      effect: 'write',
      timeoutMs: 600_000,
      // Without root, devices cannot be made; there are none that matter.
      accept: [0, 2],
    });
    const { stdout: listing } = await exec({
      file: 'unsquashfs',
      args: ['-lln', base.squashfs],
      effect: 'read',
      timeoutMs: 600_000,
      // Times are listed as they are here.
      env: { TZ: 'UTC' },
    });
    const inside = (await listTree(root).catch(() => [])).map(({ path, content }) => `${path} ${content}`);
    assert.deepEqual(spdxProblems(JSON.parse(await readFile(base.sbom, 'utf8'))), []);
    return { id: basename(base.dir), files: Object.fromEntries(files), inside, listing: listing.split('\n') };
  } finally {
    process.umask(before.umask);
    if (before.zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = before.zone;
  }
}

const missingFrom = (one: readonly string[], other: readonly string[]): readonly string[] => {
  const there = new Set(other);
  return one.filter((line) => !there.has(line)).slice(0, 40);
};

describe('the embedded base', () => {
  it('is the same bytes when it is built again elsewhere', async function () {
    this.timeout(30 * 60_000);
    await inTempDir(async (dir) => {
      const rpm = await tinyRpm(join(dir, 'rpm'), createExec(), { name: 'slipway-runtime', arch: 'x86_64' });
      const one = await inTempDir((place) => buildBase(place, rpm, { umask: 0o022, zone: 'UTC' }));
      const two = await inTempDir((place) =>
        buildBase(join(place, 'a longer path'), rpm, { umask: 0o077, zone: 'Pacific/Kiritimati' }),
      );
      assert.equal(two.id, one.id);
      // The smallest difference first: what a person can act on.
      assert.deepEqual(missingFrom(two.inside, one.inside), missingFrom(one.inside, two.inside));
      assert.deepEqual(missingFrom(two.listing, one.listing), missingFrom(one.listing, two.listing));
      assert.deepEqual(two.files, one.files);
    });
  });
});
