import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Request, share } from '../../src/installer/grow.ts';

const grow = (size: number, max?: number): Request => ({
  size,
  grow: true,
  ...(max === undefined ? {} : { max }),
});
const fixed = (size: number): Request => ({ size, grow: false });
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

describe('the shares of growing partitions', () => {
  for (const [title, requests, room, sizes] of [
    ['all that is left to one', [fixed(600), grow(256)], 8000, [600, 7400]],
    ['in proportion to the least sizes', [grow(1000), grow(3000)], 8000, [2000, 6000]],
    ['equally to equals', [grow(500), grow(500)], 3000, [1500, 1500]],
    [
      'a maximum, and the rest to the others',
      [grow(1000, 1500), grow(1000), fixed(100)],
      6100,
      [1500, 4500, 100],
    ],
    ['no more than the maxima', [grow(100, 200), grow(100, 300)], 5000, [200, 300]],
    ['a maximum below the least size as the least size', [grow(500, 300), grow(500)], 2000, [500, 1500]],
    ['equal parts to requests of no size', [grow(0), grow(0)], 100, [50, 50]],
    ['rounding to the last', [grow(1), grow(1), grow(1)], 11, [3, 3, 5]],
    ['rounding to the last that may take it', [grow(10, 14), grow(10), grow(10, 14)], 41, [13, 14, 14]],
    ['nothing when it just fits', [grow(40), fixed(60)], 100, [40, 60]],
    ['nothing to those that do not grow', [fixed(10)], 100, [10]],
    ['nothing to nobody', [], 100, []],
  ] as const) {
    it(`gives ${title}`, () => assert.deepEqual(share(requests, room), sizes));
  }

  it('says when even the least sizes do not fit', () => {
    assert.equal(share([fixed(60), grow(41)], 100), undefined);
    assert.equal(share([fixed(1)], -1), undefined);
  });

  const requests = fc.array(
    fc.record(
      { size: fc.nat(5000), grow: fc.boolean(), max: fc.nat(9000) },
      { requiredKeys: ['size', 'grow'] },
    ),
    { maxLength: 8 },
  );

  it('keeps least sizes and maxima, never exceeds the room and leaves none while one may grow', () => {
    fc.assert(
      fc.property(requests, fc.nat(60_000), (given, room) => {
        const sizes = share(given, room);
        const least = sum(given.map(({ size }) => size));
        assert.equal(sizes === undefined, least > room);
        if (sizes === undefined) return;
        const most = given.map(({ size, grow: grows, max = Number.POSITIVE_INFINITY }) =>
          grows ? Math.max(size, max) : size,
        );
        sizes.forEach((size, i) => {
          assert.ok(Number.isInteger(size) && size >= (given[i]?.size ?? 0) && size <= (most[i] ?? 0));
        });
        assert.equal(sum(sizes), Math.min(room, Math.max(least, sum(most))));
      }),
    );
  });

  it('gives equal requests equal sizes up to rounding, wherever they stand', () => {
    fc.assert(
      fc.property(requests, fc.nat(60_000), (given, room) => {
        const sizes = share(given, room);
        const turned = share(given.toReversed(), room)?.toReversed();
        if (sizes === undefined || turned === undefined) return assert.equal(sizes, turned);
        sizes.forEach((size, i) => {
          assert.ok(Math.abs(size - (turned[i] ?? 0)) <= given.length, `${sizes} against ${turned}`);
        });
      }),
    );
  });
});
