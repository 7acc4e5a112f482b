/** A medium with signed packages: the embedded installer checks each of them before it touches a disk. */
import assert from 'node:assert/strict';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createExec } from '../../src/host/exec.ts';
import { readMedium, readMediumFile } from '../../src/media/image/medium.ts';
import { withImage } from '../../src/media/image/source.ts';
import { ISO_BLOCK } from '../../src/media/image/volume.ts';
import { MEDIUM } from '../../src/media/types.ts';
import { type Keyring, withKeyring } from '../helpers/gpg.ts';
import { flipBit } from '../helpers/patched-image.ts';
import { Bench, buildExampleIso, choose, install, LIMIT } from '../helpers/qemu.ts';
import { makeTempDir } from '../helpers/tmp.ts';

const NODE = 'single';
const exec = createExec();

describe('a signed medium', function () {
  this.timeout(LIMIT.installed + LIMIT.settled);
  let out: string;
  let iso: string;
  let key: string;

  before('build the ISO', async function () {
    this.timeout(LIMIT.build);
    out = makeTempDir('slipway-signed-');
    await withKeyring(exec, async (keyring: Keyring) => {
      key = await keyring.publicKey();
      iso = await buildExampleIso('one-disk', out, {
        args: ['--sign', keyring.key],
        env: { GNUPGHOME: keyring.home },
      });
    });
  });
  after(() => rm(out, { recursive: true, force: true }));

  it('carries the key, and a kickstart that checks every package', async () => {
    const [onMedium = '', kickstart = ''] = await withImage(iso, async (image) => {
      const medium = await readMedium(image);
      const texts = [MEDIUM.signingKey, MEDIUM.kickstart(NODE)].map((path) => readMediumFile(medium, path));
      return (await Promise.all(texts)).map((bytes) => Buffer.from(bytes ?? []).toString());
    });
    assert.equal(onMedium.trim(), key.trim());
    assert.match(kickstart, /rpmkeys .*--define '_pkgverify_level all' --checksig/);
  });

  it('installs', async () => {
    const bench = await Bench.create({ disks: 1, firmware: 'uefi' });
    try {
      await install(bench, { kind: 'cd', file: iso }, '1', NODE);
    } finally {
      await bench.clear(false);
    }
  });

  it('is refused when a byte of a package was changed', async () => {
    const changed = join(out, 'changed.iso');
    await copyFile(iso, changed);
    await spoilPackage(changed);
    const bench = await Bench.create({ disks: 1, firmware: 'bios' });
    try {
      const machine = await bench.start({ medium: { kind: 'cd', file: changed } });
      await choose(machine, '1');
      const line = await machine.waitForLine(/slipway: (?:failed|installed) /, LIMIT.boot);
      assert.match(
        line,
        /failed single: verify-failed: signatures: a package in .* is not as its key signed it/,
      );
    } finally {
      await bench.clear(false);
    }
  });
});

/** Flips a bit in the middle of the postinstall package. */
async function spoilPackage(iso: string): Promise<void> {
  const at = await withImage(iso, async (image) => {
    const { tree } = await readMedium(image);
    const entry = [...tree.entries.values()].find(({ path }) => /slipway-postinstall-.*\.rpm$/.test(path));
    const extent = entry?.extents[0];
    assert.ok(extent !== undefined, 'no slipway-postinstall on the medium');
    return extent.block * ISO_BLOCK + Math.floor(extent.bytes / 2);
  });
  await flipBit(at)(iso);
}
