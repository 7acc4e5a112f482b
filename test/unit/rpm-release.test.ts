import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sourceDateEpoch } from '../../src/artefact/epoch.ts';
import {
  readLedger,
  recordContent,
  releaseOf,
  rpmVersion,
  updateLedger,
} from '../../src/artefact/release.ts';
import { InputError } from '../../src/errors/problem.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

describe('the version of a package', () => {
  for (const [semantic, rpm] of [
    ['1.2.3', '1.2.3'],
    ['1.0.0-rc.1', '1.0.0~rc.1'],
    ['1.0.0-alpha-2', '1.0.0~alpha.2'],
    ['1.0.0+build.5', '1.0.0'],
  ] as const) {
    it(`${semantic} is ${rpm} for rpm`, () => assert.equal(rpmVersion(semantic), rpm));
  }

  it('must be a semantic one', () => assert.throws(() => rpmVersion('1.2'), /not a semantic version/));
});

describe('the release of a package', () => {
  it('counts what was seen and names what it is', () => {
    const first = recordContent({}, 'x', A);
    const second = recordContent(first, 'x', B);
    assert.equal(releaseOf(second, 'x', A), '1.aaaaaaaaaaaa');
    assert.equal(releaseOf(second, 'x', B), '2.bbbbbbbbbbbb');
  });

  it('stays what it was when old content returns', () => {
    const ledger = recordContent(recordContent({}, 'x', A), 'x', B);
    assert.equal(recordContent(ledger, 'x', A), ledger);
  });

  it('counts each package by itself', () => {
    const ledger = recordContent(recordContent({}, 'x', A), 'y', B);
    assert.equal(releaseOf(ledger, 'y', B), '1.bbbbbbbbbbbb');
  });

  it('is remembered in a file', async () => {
    await inTempDir(async (dir) => {
      const path = join(dir, 'releases.json');
      assert.deepEqual(await readLedger(path), {});
      const signal = new AbortController().signal;
      await updateLedger(path, signal, () => ({ x: [A, B] }));
      assert.deepEqual(await readLedger(path), { x: [A, B] });
      assert.deepEqual(await readdir(dir), ['releases.json']);
    });
  });

  it('counts what two builds record at the same time', async () => {
    await inTempDir(async (dir) => {
      const path = join(dir, 'releases.json');
      const record = (name: string) =>
        updateLedger(path, new AbortController().signal, (ledger) => recordContent(ledger, name, A));
      await Promise.all([record('x'), record('y'), record('z')]);
      assert.deepEqual(Object.keys(await readLedger(path)).sort(), ['x', 'y', 'z']);
    });
  });

  for (const text of ['{', '[]', '{"x": "y"}', '{"x": ["short"]}']) {
    it(`is not guessed from a ledger that reads ${text}`, async () => {
      await inTempDir(async (dir) => {
        await writeFiles(dir, { 'releases.json': text });
        await assert.rejects(readLedger(join(dir, 'releases.json')), (error) => {
          assert.ok(error instanceof InputError);
          assert.deepEqual(
            error.problems.map(({ rule }) => rule),
            ['bad-ledger'],
          );
          return true;
        });
      });
    });
  }
});

describe('the time stamp of what is built', () => {
  it('is a fixed day unless the environment gives another', () => {
    assert.equal(sourceDateEpoch({}), Date.UTC(2026, 0, 1) / 1000);
    assert.equal(sourceDateEpoch({ SOURCE_DATE_EPOCH: '1700000000' }), 1_700_000_000);
    assert.equal(sourceDateEpoch({ SOURCE_DATE_EPOCH: 'soon' }), sourceDateEpoch({}));
  });
});
