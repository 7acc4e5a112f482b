import assert from 'node:assert/strict';
import type { FileRecord } from '../../src/media/manifest.ts';
import { requireContents } from '../../src/media/publish.ts';
import { together } from '../../src/media/together.ts';

const record = (path: string, bytes = 3, sha256 = 'a'): FileRecord => ({ path, bytes, sha256 });

describe('what lies on a finished ISO', () => {
  it('may be more than what was put there', () => {
    requireContents([record('a'), record('b/c')], [record('b/c'), record('boot.cat'), record('a')]);
  });

  it('is refused with everything that is missing, of another size, or of other bytes', () => {
    assert.throws(
      () => requireContents([record('a'), record('b'), record('c')], [record('b', 4), record('c', 3, 'b')]),
      {
        message:
          'the ISO read back is not what was written: a is not there; b has 4 bytes, not 3; c has another content',
      },
    );
  });
});

describe('work done together', () => {
  it('answers in the order it was given', async () => {
    assert.deepEqual(await together([Promise.resolve(1), Promise.resolve('two')]), [1, 'two']);
  });

  it('has come to its end everywhere when one part fails', async () => {
    let ended = false;
    const slow = new Promise<void>((resolve) => setTimeout(resolve, 20)).then(() => {
      ended = true;
    });
    await assert.rejects(together([slow, Promise.reject(new Error('first'))]), /first/);
    assert.equal(ended, true);
  });
});
