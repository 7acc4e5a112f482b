import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Md5 } from '../../src/media/image/md5.ts';

const byNode = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
/** Around the ends of blocks, of the last one with the length in it, and of what is digested at once. */
const LENGTHS = [0, 1, 55, 56, 63, 64, 65, 119, 120, 65_535, 65_536, 65_537, 200_000];

describe('MD5 that can be taken up again', () => {
  it('is what Node computes, however the bytes come', () => {
    for (const length of LENGTHS) {
      const bytes = randomBytes(length);
      for (const size of [1 + length, 777]) {
        const md5 = new Md5();
        for (let at = 0; at < length; at += size) md5.update(bytes.subarray(at, at + size));
        assert.equal(md5.digest(), byNode(bytes), `${length} bytes, ${size} at once`);
      }
    }
  });

  it('tells the digest on the way, and goes on', () => {
    const bytes = randomBytes(1000);
    const md5 = new Md5().update(bytes.subarray(0, 300));
    assert.equal(md5.digest(), byNode(bytes.subarray(0, 300)));
    assert.equal(md5.update(bytes.subarray(300)).digest(), byNode(bytes));
  });

  it('goes on from a state that was written down', () => {
    const bytes = randomBytes(100_000);
    const written = JSON.stringify(new Md5().update(bytes.subarray(0, 64 * 1111)).state());
    assert.equal(new Md5(JSON.parse(written)).update(bytes.subarray(64 * 1111)).digest(), byNode(bytes));
  });

  it('has no state in the middle of a block', () => {
    assert.throws(() => new Md5().update(Buffer.alloc(65)).state(), RangeError);
  });
});
