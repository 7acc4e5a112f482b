import assert from 'node:assert/strict';
import { InputError } from '../../src/errors/problem.ts';
import { createExec } from '../../src/host/exec.ts';
import { readMedium } from '../../src/media/image/medium.ts';
import { withImage } from '../../src/media/image/source.ts';
import { ISO_BLOCK } from '../../src/media/image/volume.ts';
import { inspectVendorMedium } from '../../src/media/vendor/medium.ts';
import { patchedImage, putBytes } from '../helpers/patched-image.ts';
import { inTempDir } from '../helpers/tmp.ts';
import { vendorBase } from '../helpers/vendor-bases.ts';

describe("a vendor's medium whose EFI image is damaged", function () {
  this.timeout(60_000);

  it('is refused with the reason, as any other damaged one', async () => {
    await inTempDir(async (dir) => {
      const base = await vendorBase(dir, { layout: 'el9' }, createExec());
      const fat = await withImage(base, async (image) => {
        const { tree } = await readMedium(image);
        return (tree.entries.get('images/efiboot.img')?.extents[0]?.block ?? 0) * ISO_BLOCK;
      });
      assert.ok(fat > 0);
      // The allocation table, behind the boot sector: every folder ends where it begins to be read.
      const damaged = await patchedImage(dir, base, putBytes(fat + 2048, Buffer.alloc(2048)));
      await assert.rejects(
        withImage(damaged, async (image) => inspectVendorMedium(await readMedium(image))),
        (error) =>
          error instanceof InputError &&
          error.problems[0]?.rule === 'damaged-image' &&
          error.problems[0].message.startsWith('its EFI image cannot be read: '),
      );
    });
  });
});
