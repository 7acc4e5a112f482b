import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../src/engine/make-folder.ts';
import { withTempDir } from '../../src/host/atomic.ts';

describe('making a folder', () => {
  it('makes those above it as well', () =>
    withTempDir(async (dir) => {
      assert.equal(await makeFolder(join(dir, 'a/b/c')), join(dir, 'a'));
      assert.ok((await stat(join(dir, 'a/b/c'))).isDirectory());
    }));

  it('is content with one that is there, however often at once', () =>
    withTempDir(async (dir) => {
      await Promise.all([1, 2, 3, 4].map(() => makeFolder(join(dir, 'a/b'))));
      assert.equal(await makeFolder(join(dir, 'a/b')), undefined);
      assert.equal(await makeFolder('/'), undefined);
      assert.ok((await stat(join(dir, 'a/b'))).isDirectory());
    }));

  it('does not take a file for one', () =>
    withTempDir(async (dir) => {
      await writeFile(join(dir, 'file'), '');
      await assert.rejects(makeFolder(join(dir, 'file')), { code: 'EEXIST' });
      await assert.rejects(makeFolder(join(dir, 'file/below')), { code: 'ENOTDIR' });
    }));

  it('gives up where the file system makes none', async () => {
    await assert.rejects(makeFolder('/proc/slipway'), { code: 'ENOENT' });
    await assert.rejects(makeFolder('/proc/slipway/below'), { code: 'ENOENT' });
  });
});
