import assert from 'node:assert/strict';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireSound } from '../../src/commands/audit-iso.ts';
import { createExec } from '../../src/host/exec.ts';
import { implantedChecksum, MediaDigest } from '../../src/media/image/checksum.ts';
import { digestImage } from '../../src/media/image/digest.ts';
import { readMedium } from '../../src/media/image/medium.ts';
import { withImage } from '../../src/media/image/source.ts';
import { ISO_BLOCK } from '../../src/media/image/volume.ts';
import { assembleIso } from '../../src/media/iso.ts';
import { diffImages, diffText } from '../../src/media/iso-diff.ts';
import type { IsoInputs, IsoResult } from '../../src/media/types.ts';
import { verifyImage } from '../../src/media/verify.ts';
import { flipBit, putBytes, resize } from '../helpers/patched-image.ts';
import { examplePlan, standInBase, tinyInputs } from '../helpers/tiny-base.ts';
import { inTempDir } from '../helpers/tmp.ts';

const exec = createExec();

async function build(dir: string, change: Partial<IsoInputs> = {}): Promise<IsoResult> {
  const inputs = await tinyInputs(dir, await examplePlan('ha-pair'), await standInBase(join(dir, 'base')));
  return assembleIso({ ...inputs, ...change }, { exec, version: '0.0.0', audit: requireSound });
}

const offsetOf = (iso: string, path: string): Promise<number> =>
  withImage(iso, async (image) => {
    const { tree } = await readMedium(image);
    return (tree.entries.get(path)?.extents[0]?.block ?? 0) * ISO_BLOCK;
  });

const problems = async (iso: string, manifest?: string) =>
  (await verifyImage(iso, manifest === undefined ? {} : { manifest })).problems.map(
    ({ path, kind }) => `${kind} ${path}`,
  );

describe('the checksum of the medium, taken while its bytes pass', function () {
  this.timeout(60_000);

  it('is the one that implantisomd5 writes, samples included, in pieces of any size', () =>
    inTempDir(async (dir) => {
      const { iso } = await build(dir);
      const bytes = await readFile(iso);
      await withImage(iso, async (image) => {
        const { volume } = await readMedium(image);
        const implanted = implantedChecksum(volume);
        for (const size of [ISO_BLOCK * 3, 100_001, bytes.length]) {
          const digest = new MediaDigest(volume);
          for (let at = 0; at < bytes.length; at += size) digest.update(bytes.subarray(at, at + size));
          const { md5, fragmentSums } = digest.finish();
          assert.deepEqual([md5, fragmentSums], [implanted?.md5, implanted?.fragmentSums]);
          assert.equal(fragmentSums.length, 60);
        }
      });
      assert.ok(bytes.equals(await readFile(iso)));
    }));
});

describe('verifying an ISO', function () {
  this.timeout(60_000);

  it('finds every byte as built, by the manifest beside it', () =>
    inTempDir(async (dir) => {
      const { iso, manifest } = await build(dir);
      const { contents } = JSON.parse(await readFile(manifest, 'utf8'));
      assert.deepEqual(await verifyImage(iso), {
        ...{
          file: iso,
          manifest,
          extent: 'whole',
          checked: contents.length,
          checksum: 'right',
          problems: [],
        },
      });
    }));

  it('finds every file as built by the manifest on it, when that is all there is', () =>
    inTempDir(async (dir) => {
      const { iso, manifest } = await build(dir);
      await rm(manifest);
      const report = await verifyImage(iso);
      assert.deepEqual([report.manifest, report.extent], ['/slipway/manifest.json on the medium', 'files']);
      assert.deepEqual(report.problems, []);
    }));

  it('takes a stick, larger than the image, for what was written to it', () =>
    inTempDir(async (dir) => {
      const { iso, manifest } = await build(dir);
      await resize(5_000_000)(iso);
      assert.deepEqual(await problems(iso, manifest), []);
    }));

  it('names the file that one changed bit lies in, wherever the manifest comes from', () =>
    inTempDir(async (dir) => {
      const { iso, manifest } = await build(dir);
      await flipBit((await offsetOf(iso, 'slipway/base.squashfs')) + 1234)(iso);
      assert.deepEqual(await problems(iso), ['image ', 'image ', 'changed slipway/base.squashfs']);
      await rm(manifest);
      assert.deepEqual(await problems(iso), ['image ', 'changed slipway/base.squashfs']);
    }));

  it('notices what lies in no file: the EFI image, and a byte behind everything', () =>
    inTempDir(async (dir) => {
      const { iso } = await build(dir);
      const esp = await withImage(iso, async (image) => {
        const { catalog } = await readMedium(image);
        return (catalog?.entries[1]?.block ?? 0) * ISO_BLOCK;
      });
      await flipBit(esp + 100_000)(iso);
      assert.deepEqual(await problems(iso), ['image ', 'image ']);
      await flipBit(esp + 100_000)(iso);
      await flipBit(-1)(iso);
      assert.deepEqual(await problems(iso), ['image ']);
    }));

  it('tells of files that are missing, resized or unknown', () =>
    inTempDir(async (dir) => {
      const { iso, manifest } = await build(dir);
      const full = JSON.parse(await readFile(manifest, 'utf8'));
      const [first, second, ...rest] = full.contents;
      const claimed = { ...first, path: 'not/there' };
      const resized = { ...second, bytes: second.bytes + 1 };
      await writeFile(manifest, JSON.stringify({ ...full, contents: [claimed, resized, ...rest] }));
      assert.deepEqual(await problems(iso), [
        'missing not/there',
        `changed ${second.path}`,
        `unlisted ${first.path}`,
      ]);
    }));

  it('says what is wrong with the manifest instead of taking it', () =>
    inTempDir(async (dir) => {
      const { iso, manifest } = await build(dir);
      await writeFile(manifest, '{ "files": 1 }');
      await assert.rejects(verifyImage(iso), { message: `${manifest}:1:1: this is no manifest of an ISO` });
      await assert.rejects(verifyImage(iso, { manifest: join(dir, 'none') }), /there is no such manifest/);
      const bare = join(dir, 'bare.iso');
      await exec({
        file: 'xorriso',
        args: ['-as', 'mkisofs', '-quiet', '-o', bare, '-V', 'BARE', join(dir, 'repo')],
        effect: 'write',
      });
      await assert.rejects(verifyImage(bare), /there is no manifest to verify it by/);
    }));
});

describe('the digests of an image', function () {
  this.timeout(60_000);

  it('are those of its files, also of hard links, empty ones, and of those beyond what is read', () =>
    inTempDir(async (dir) => {
      const { iso } = await build(dir);
      await withImage(iso, async (image) => {
        const medium = await readMedium(image);
        const all = await digestImage(medium);
        const half = await digestImage(medium, { bytes: Math.floor(image.bytes / 2) });
        assert.deepEqual(half.files, all.files);
        assert.notEqual(half.sha256, all.sha256);
        assert.equal(half.media, undefined);
        const entry = medium.tree.entries.get('slipway/plan.json');
        assert.ok(entry !== undefined);
        const twice = new Map([...medium.tree.entries, ['link', { ...entry, path: 'link' }]]);
        const linked = await digestImage({ ...medium, tree: { ...medium.tree, entries: twice } });
        assert.equal(linked.files.get('link'), all.files.get('slipway/plan.json'));
      });
    }));
});

describe('comparing two ISOs', function () {
  this.timeout(60_000);

  it('finds equal ones equal, byte for byte', () =>
    inTempDir(async (dir) => {
      const { iso } = await build(dir);
      const copy = join(dir, 'copy.iso');
      await copyFile(iso, copy);
      const diff = await diffImages(iso, copy);
      assert.deepEqual(diff, { a: iso, b: copy, identical: true, structure: [], files: [], paths: [] });
      assert.match(diffText(diff), /the same, byte for byte/);
    }));

  it('names the files that differ, and what that does to each way to boot', () =>
    inTempDir(async (dir) => {
      const before = await build(join(dir, 'one'));
      const plan = await examplePlan('ha-pair', { default: 'node-b', timeoutSeconds: 5 });
      const after = await build(join(dir, 'two'), { plan });
      const diff = await diffImages(before.iso, after.iso);
      const changed = diff.files.map(({ path, change }) => `${change} ${path}`);
      assert.deepEqual(
        new Set(changed),
        new Set([
          'content EFI image:EFI/slipway-medium',
          'content EFI image:boot/grub/grub.cfg',
          'content boot/grub/grub.cfg',
          `removed slipway/id/${before.buildId}`,
          `added slipway/id/${after.buildId}`,
          'content slipway/manifest.json',
          'content slipway/plan.json',
        ]),
      );
      assert.deepEqual(
        diff.paths.map(({ id, change }) => `${id} ${change}`),
        ['bios-cd menu', 'bios-disk menu', 'uefi-cd menu', 'uefi-disk menu'],
      );
      assert.match(diff.paths[0]?.diff ?? '', /^-time-out 60 s\n(.*\n)*\+time-out 5 s$/m);
      assert.match(diff.paths[0]?.diff ?? '', /^\+\* 2 {2}Install node-b/m);
      assert.match(diffText(diff), /BIOS, USB stick has another menu, as above/);
    }));

  it('tells a medium that lost a way to boot', () =>
    inTempDir(async (dir) => {
      const { iso } = await build(dir);
      const bare = join(dir, 'bare.iso');
      await copyFile(iso, bare);
      await putBytes(0, Buffer.alloc(440))(bare);
      const diff = await diffImages(iso, bare);
      assert.deepEqual(diff.paths, [{ id: 'bios-disk', change: 'removed' }]);
      assert.deepEqual(
        diff.structure.map(({ what }) => what),
        ['MBR code'],
      );
      assert.deepEqual(diff.files, []);
    }));
});
