import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashText } from '../../src/host/hash.ts';
import { clipped, readShared, sha256Aside } from '../../src/media/image/aside.ts';
import type { BootCatalog } from '../../src/media/image/el-torito.ts';
import { withImage } from '../../src/media/image/source.ts';
import type { ImageEntry } from '../../src/media/image/tree.ts';
import { ISO_BLOCK } from '../../src/media/image/volume.ts';
import { isAsDrafted, skeletonOf, spanBytes, writeSkeleton } from '../../src/media/remaster/draft.ts';
import { inTempDir } from '../helpers/tmp.ts';

const file = (
  path: string,
  ...extents: readonly (readonly [block: number, bytes: number])[]
): ImageEntry => ({
  ...{ path, kind: 'file', mode: undefined, target: undefined },
  bytes: extents.reduce((sum, [, bytes]) => sum + bytes, 0),
  extents: extents.map(([block, bytes]) => ({ block, bytes })),
});
const folder = (path: string, block: number): ImageEntry => ({
  ...file(path, [block, ISO_BLOCK]),
  kind: 'folder',
});

const catalog: BootCatalog = {
  ...{ block: 20, valid: true },
  entries: [{ platform: 'bios', bootable: true, noEmulation: true, sectors: 4, block: 30 }],
};

/** Of an image of 100 blocks, in blocks. */
function spansOf(entries: readonly ImageEntry[], head = 4): readonly (readonly [from: number, to: number])[] {
  const image = { path: 'x', bytes: 100 * ISO_BLOCK, read: async () => new Uint8Array() };
  const tree = { naming: 'rock-ridge', entries: new Map(entries.map((each) => [each.path, each])) } as const;
  return skeletonOf({ image, tree, catalog }, head * ISO_BLOCK).map(
    ({ from, to }) => [from / ISO_BLOCK, to / ISO_BLOCK] as const,
  );
}

describe('the skeleton of a medium', () => {
  it('has all but what lies in files, to the end of their last block', () => {
    assert.deepEqual(spansOf([file('a', [40, 1]), folder('b', 50), file('c', [60, 2 * ISO_BLOCK + 1])]), [
      [0, 40],
      [41, 60],
      [63, 100],
    ]);
  });

  it('has the boot catalogue and the images that it names', () => {
    assert.deepEqual(spansOf([file('boot.cat', [20, ISO_BLOCK]), file('loader', [30, 9000])]), [[0, 100]]);
  });

  it('leaves nothing between files beside each other, wherever their pieces lie', () => {
    assert.deepEqual(
      spansOf([
        ...[
          file('second', [51, 3000]),
          file('first', [50, 100]),
          file('link', [50, 100]),
          file('none', [70, 0]),
        ],
        file('large', [10, 2 * ISO_BLOCK], [12, ISO_BLOCK]),
      ]),
      [
        [0, 10],
        [13, 50],
        [53, 70],
        [70, 100],
      ],
    );
  });

  it('has everything at the beginning, and ends where the image does', () => {
    assert.deepEqual(spansOf([file('early', [2, 4 * ISO_BLOCK]), file('late', [90, 20 * ISO_BLOCK])]), [
      [0, 4],
      [6, 90],
    ]);
    assert.deepEqual(spansOf([file('beyond', [200, 1])]), [[0, 100]]);
  });

  it('is written at the places of the image, with holes between', () =>
    inTempDir(async (dir) => {
      const [whole, skeleton] = [join(dir, 'whole'), join(dir, 'skeleton')];
      const bytes = Buffer.alloc(3_000_000, 'abcdefg');
      await writeFile(whole, bytes);
      const spans = [
        { from: 0, to: 5 },
        { from: 500_000, to: 2_000_000 },
      ];
      await withImage(whole, (image) => writeSkeleton(image, spans, skeleton));
      const expected = Buffer.alloc(bytes.length);
      for (const { from, to } of spans) bytes.copy(expected, from, from, to);
      assert.ok(expected.equals(await readFile(skeleton)));
      assert.equal(spanBytes(spans), 1_500_005);
      assert.ok((await stat(skeleton)).blocks * 512 < 2_000_000);
    }));
});

describe('an ISO beside its draft', () => {
  const BASE = Buffer.alloc(1000, 'b');
  const shared = (dir: string) => ({ file: join(dir, 'base'), from: 100, to: 900 });
  const spans = [
    { from: 0, to: 200 },
    { from: 800, to: 1000 },
  ];
  /** Changes bytes at places of the ISO and of the draft. */
  const compare = (iso: readonly number[], draft: readonly number[], longer = 0): Promise<boolean> =>
    inTempDir(async (dir) => {
      const put = async (name: string, places: readonly number[], more = 0): Promise<string> => {
        const bytes = Buffer.concat([BASE, Buffer.alloc(200 + more, 'o')]);
        for (const place of places) bytes[place] = 0;
        await writeFile(join(dir, name), bytes);
        return join(dir, name);
      };
      await writeFile(join(dir, 'base'), BASE);
      return isAsDrafted(await put('iso', iso, longer), await put('draft', draft), shared(dir), spans);
    });

  it('is the draft with the base put in', async () => {
    assert.equal(await compare([], []), true);
    assert.equal(await compare([5, 1100], [5, 1100]), true, 'head and end are the draft\u2019s');
    assert.equal(await compare([], [500]), true, 'a hole in the draft');
  });

  it('is another when its beginning, its end or its length is', async () => {
    assert.equal(await compare([99], []), false);
    assert.equal(await compare([900], []), false);
    assert.equal(await compare([], [1199]), false);
    assert.equal(await compare([], [], 1), false);
  });

  it('is another when it is not as the base where xorriso knows its way, even if the draft is the same', async () => {
    assert.equal(await compare([150], []), false);
    assert.equal(await compare([850], [850]), false);
  });

  it('has the digest of both in one', () =>
    inTempDir(async (dir) => {
      const iso = Buffer.concat([Buffer.alloc(100, 'h'), BASE.subarray(100, 900), Buffer.alloc(50, 't')]);
      const draft = Buffer.from(iso).fill(0, 100, 900);
      await writeFile(join(dir, 'draft'), draft);
      await writeFile(join(dir, 'base'), BASE);
      assert.equal(await sha256Aside(join(dir, 'draft'), iso.length, shared(dir)), hashText(iso));
      await assert.rejects(sha256Aside(join(dir, 'draft'), iso.length + 1), /draft ends at byte 950/);
    }));
});

describe('stretches of which a part lies in another file', () => {
  const stretches = [
    { at: 0, bytes: 10, sampled: true },
    { at: 10, bytes: 5, blank: true },
    { at: 15, bytes: 85, sampled: true },
  ] as const;

  it('are cut where it begins and ends, and sampled where they were', () => {
    assert.deepEqual(readShared(stretches, { file: 'f', from: 5, to: 20 }), [
      { at: 0, bytes: 5 },
      { at: 5, bytes: 5, sampled: true, file: 'f' },
      { at: 10, bytes: 5, blank: true, file: 'f' },
      { at: 15, bytes: 5, file: 'f' },
      { at: 20, bytes: 80, sampled: true },
    ]);
  });

  it('stay as they are without one', () => {
    assert.deepEqual(readShared(stretches), stretches);
    assert.deepEqual(clipped(stretches, 0, 100), stretches);
  });
});
