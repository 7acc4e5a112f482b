import assert from 'node:assert/strict';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireSound } from '../../src/commands/audit-iso.ts';
import { createExec } from '../../src/host/exec.ts';
import { type Medium, openFatAt, readMedium, readMediumFile } from '../../src/media/image/medium.ts';
import { tableInForce } from '../../src/media/image/partitions.ts';
import { type ImageSource, withImage } from '../../src/media/image/source.ts';
import { findFile, findIgnoringCase } from '../../src/media/image/tree.ts';
import { findVolume, ISO_BLOCK } from '../../src/media/image/volume.ts';
import { assembleIso } from '../../src/media/iso.ts';
import { examplePlan, standInBase, tinyInputs } from '../helpers/tiny-base.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const exec = createExec();
const LONG = `${'a name that does not fit into one directory record '.repeat(4)}.txt`;
const FILES = {
  'EFI/BOOT/grub.cfg': 'menuentry x {}\n',
  'isolinux/isolinux.cfg': 'default linux\n',
  [`deep/b/c/d/e/f/g/h/i/${LONG}`]: 'deep\n',
  'Ümläut.txt': 'not ASCII\n',
  empty: '',
};

/** An ISO of {@link FILES} with two links, made by xorriso with the given options of mkisofs. */
const withIso = (options: readonly string[], use: (medium: Medium) => Promise<void>): Promise<void> =>
  inTempDir(async (dir) => {
    const tree = join(dir, 'tree');
    await writeFiles(tree, FILES);
    await symlink('BOOT/grub.cfg', join(tree, 'EFI', 'link.cfg'));
    await symlink('/EFI', join(tree, 'loaders'));
    const iso = join(dir, 'image.iso');
    await exec({
      file: 'xorriso',
      args: ['-as', 'mkisofs', '-quiet', '-o', iso, '-V', 'A LABEL', ...options, tree],
      effect: 'write',
    });
    await withImage(iso, async (image) => use(await readMedium(image)));
  });

const textOf = async (medium: Medium, path: string): Promise<string> =>
  Buffer.from((await readMediumFile(medium, path)) ?? 'none').toString('utf8');

describe('an image made by xorriso', function () {
  this.timeout(60_000);

  it('is read by Rock Ridge names, with links, modes and names over several records', () =>
    withIso(['-R'], async (medium) => {
      assert.equal(medium.volume.volumeId, 'A LABEL');
      assert.equal(medium.tree.naming, 'rock-ridge');
      for (const [path, text] of Object.entries(FILES)) assert.equal(await textOf(medium, path), text);
      const files = [...medium.tree.entries.values()].filter(({ kind }) => kind === 'file');
      assert.equal(files.length, Object.keys(FILES).length);
      assert.equal(medium.tree.entries.get('loaders')?.target, '/EFI');
      assert.equal(findFile(medium.tree, 'loaders/link.cfg')?.path, 'EFI/BOOT/grub.cfg');
      assert.equal(findFile(medium.tree, 'EFI'), undefined);
      assert.equal(medium.tree.entries.get('empty')?.mode, 0o644);
      assert.equal(medium.catalog, undefined);
      assert.equal(medium.partitions.gpt, undefined);
    }));

  it('is read by Joliet names beside them', () =>
    withIso(['-R', '-J', '-joliet-long'], async ({ joliet, image }) => {
      assert.equal(joliet?.naming, 'joliet');
      const entry = joliet?.entries.get('Ümläut.txt');
      assert.equal(entry?.bytes, 10);
      assert.equal(entry?.mode, undefined);
      const bytes = await image.read((entry?.extents[0]?.block ?? 0) * ISO_BLOCK, 10);
      assert.equal(Buffer.from(bytes).toString('utf8'), 'not ASCII\n');
    }));

  it('is read by plain names without either, where case does not count', () =>
    withIso(['--norock'], async ({ tree }) => {
      assert.equal(tree.naming, 'iso9660');
      assert.equal(findIgnoringCase(tree, 'isolinux/isolinux.cfg')?.bytes, 14);
      assert.equal(tree.entries.get('EMPTY')?.bytes, 0);
    }));

  it('lies where xorriso says it does', () =>
    withIso(['-R'], async ({ tree, image }) => {
      const { stdout } = await exec({
        file: 'xorriso',
        args: ['-indev', `stdio:${image.path}`, '-find', '/', '-type', 'f', '-exec', 'report_lba', '--'],
        effect: 'read',
      });
      const lines = [
        ...stdout.matchAll(/^File data lba:\s+\d+\s*,\s+(\d+)\s*,\s+\d+\s*,\s+(\d+)\s*, '\/(.*)'$/gm),
      ];
      const told = new Map(
        lines.map(([, block, bytes, path]) => [path ?? '', [Number(block), Number(bytes)]]),
      );
      assert.equal(told.size, Object.keys(FILES).length);
      for (const [path, place] of told) {
        const entry = tree.entries.get(path);
        assert.deepEqual([entry?.extents[0]?.block, entry?.bytes], place, path);
      }
    }));
});

describe('the boot set-up of our own medium', function () {
  this.timeout(60_000);

  const withOwn = (use: (image: ImageSource, medium: Medium) => Promise<void>): Promise<void> =>
    inTempDir(async (dir) => {
      const inputs = await tinyInputs(
        dir,
        await examplePlan('ha-pair'),
        await standInBase(join(dir, 'base')),
      );
      const { iso } = await assembleIso(inputs, { exec, version: '0.0.0', audit: requireSound });
      await withImage(iso, async (image) => use(image, await readMedium(image)));
    });

  it('is two El Torito entries, an MBR with code, two equal partition tables, and one FAT file system', () =>
    withOwn(async (image, { catalog, partitions, tree }) => {
      assert.deepEqual(
        catalog?.entries.map(({ platform, bootable, noEmulation }) => [platform, bootable, noEmulation]),
        [
          ['bios', true, true],
          ['uefi', true, true],
        ],
      );
      assert.equal(catalog?.valid, true);
      assert.equal(catalog?.entries[0]?.block, tree.entries.get('boot/eltorito.img')?.extents[0]?.block);
      assert.equal(partitions.mbr?.hasCode, true);
      assert.deepEqual(
        partitions.mbr?.entries.map(({ type }) => type),
        ['ee'],
      );
      assert.ok(partitions.gpt?.primary.ok && partitions.gpt.backup.ok);
      const { primary, backup } = partitions.gpt;
      assert.deepEqual(primary.table.partitions, backup.table.partitions);
      const esp = tableInForce(partitions.gpt)?.partitions.find(({ name }) => name === 'Appended2');
      assert.equal((esp?.start ?? 0) * 512, (catalog?.entries[1]?.block ?? 0) * ISO_BLOCK);
      const fat = await openFatAt(image, (esp?.start ?? 0) * 512);
      const config = Buffer.from((await fat?.read('boot/grub/grub.cfg')) ?? '').toString('utf8');
      assert.match(config, /^configfile/m);
    }));

  it('is a volume from its first partition on, too', () =>
    withOwn(async (image, { partitions, volume }) => {
      const start = (tableInForce(partitions.gpt)?.partitions[0]?.start ?? 0) * 512;
      const inside = await findVolume((offset, length) => image.read(start + offset, length));
      assert.equal(inside?.volumeId, volume.volumeId);
    }));
});

describe('what is no image', () => {
  it('is told with its place, not with a stack trace', () =>
    inTempDir(async (dir) => {
      const file = join(dir, 'no.iso');
      await assert.rejects(withImage(file, readMedium), { message: `${file}:1:1: there is no such file` });
      await writeFile(file, Buffer.alloc(100_000));
      await assert.rejects(withImage(file, readMedium), {
        message: `${file}:1:1: this is no ISO 9660 image`,
      });
      await mkdir(join(dir, 'folder'));
      await assert.rejects(withImage(join(dir, 'folder'), readMedium), /neither a file nor a block device/);
      assert.equal((await readFile(file)).length, 100_000);
    }));
});
