import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { requireSound } from '../../src/commands/audit-iso.ts';
import { createExec } from '../../src/host/exec.ts';
import { hashFile } from '../../src/host/hash.ts';
import { assembleIso } from '../../src/media/iso.ts';
import type { BaseArtefact, IsoInputs } from '../../src/media/types.ts';
import { examplePlan, standInBase, tinyInputs } from '../helpers/tiny-base.ts';
import { inTempDir } from '../helpers/tmp.ts';

const exec = createExec();
const deps = { exec, version: '0.0.0', audit: requireSound };

const assemble = async (dir: string, change: Partial<IsoInputs> = {}, base?: BaseArtefact) => {
  const inputs = await tinyInputs(
    dir,
    await examplePlan('ha-pair'),
    base ?? (await standInBase(join(dir, 'base'))),
  );
  return assembleIso({ ...inputs, ...change }, deps);
};

/** Copies a file from the ISO into `dir`; answers where it is. */
const extract = async (iso: string, path: string, dir: string): Promise<string> => {
  const out = join(dir, basename(path));
  await exec({
    file: 'xorriso',
    args: ['-osirrox', 'on', '-indev', `stdio:${iso}`, '-extract_single', `/${path}`, out],
    effect: 'write',
  });
  return out;
};
const onMedium = async (iso: string, path: string, dir: string): Promise<string> =>
  readFile(await extract(iso, path, dir), 'utf8');
/** The text of a file inside the EFI system partition. */
const inEsp = async (iso: string, path: string): Promise<string> => {
  const { stdout } = await exec({ file: 'sfdisk', args: ['--json', iso], effect: 'read' });
  const esp = JSON.parse(stdout).partitiontable.partitions.find(
    ({ type }: { type: string }) => type === 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  );
  return (
    await exec({ file: 'mtype', args: ['-i', `${iso}@@${esp.start * 512}`, `::/${path}`], effect: 'read' })
  ).stdout;
};

describe('assembling an ISO', function () {
  this.timeout(60_000);

  it('leaves an ISO, its manifest and its checksum, and nothing else', () =>
    inTempDir(async (dir) => {
      const result = await assemble(dir);
      const { stdout } = await exec({ file: 'ls', args: ['-A', join(dir, 'out')], effect: 'read' });
      assert.deepEqual(stdout.trim().split('\n'), ['ha-pair.iso', 'ha-pair.manifest.json', 'ha-pair.sha256']);
      assert.equal(result.sha256, await hashFile(result.iso));
      assert.equal(result.bytes, (await stat(result.iso)).size);
      await exec({
        file: 'sha256sum',
        args: ['--check', result.checksum],
        effect: 'read',
        cwd: join(dir, 'out'),
      });
    }));

  it('implants a checksum that the media check accepts and a flipped byte breaks', () =>
    inTempDir(async (dir) => {
      const { iso } = await assemble(dir);
      const check = () => exec({ file: 'checkisomd5', args: [iso], effect: 'read', accept: [0, 1] });
      assert.equal((await check()).exitCode, 0);
      const bytes = await readFile(iso);
      const middle = Math.floor(bytes.length / 2);
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      await writeFile(iso, bytes);
      assert.equal((await check()).exitCode, 1);
    }));

  it('describes in the manifest what is on the medium', () =>
    inTempDir(async (dir) => {
      const result = await assemble(dir);
      const manifest = JSON.parse(await readFile(result.manifest, 'utf8'));
      assert.equal(manifest.cluster, 'ha-pair');
      assert.equal(manifest.buildId, result.buildId);
      assert.equal(manifest.volumeId, (await examplePlan('ha-pair')).media.volumeId);
      assert.deepEqual(manifest.iso, { file: 'ha-pair.iso', bytes: result.bytes, sha256: result.sha256 });
      const paths = manifest.files.map(({ path }: { path: string }) => path);
      assert.deepEqual(paths, [
        'boot/disk.bin',
        'boot/grub/grub.cfg',
        'boot/grub/i386-pc/normal.mod',
        'boot/installer.img',
        'boot/vmlinuz',
        'slipway/base.squashfs',
        `slipway/id/${result.buildId}`,
        'slipway/installer.mjs',
        'slipway/ks/node-a.ks',
        'slipway/ks/node-b.ks',
        'slipway/nodes/node-a.json',
        'slipway/nodes/node-b.json',
        'slipway/plan.json',
        'slipway/repo/repodata/repomd.xml',
      ]);
      const { iso: _, contents, ...onTheMedium } = manifest;
      assert.deepEqual(JSON.parse(await onMedium(result.iso, 'slipway/manifest.json', dir)), onTheMedium);
      const made = ['boot/boot.cat', 'boot/eltorito.img', 'slipway/manifest.json'];
      assert.deepEqual(
        contents.map(({ path }: { path: string }) => path),
        [...paths, ...made].sort(),
      );
      for (const { path, sha256 } of [...manifest.files, ...contents]) {
        assert.equal(await hashFile(await extract(result.iso, path, dir)), sha256, path);
      }
    }));

  it('puts no path of this machine on the medium', () =>
    inTempDir(async (dir) => {
      const { iso } = await assemble(dir);
      assert.doesNotMatch(await onMedium(iso, 'slipway/plan.json', dir), /stepsDir/);
    }));

  it('has one boot menu, to which the EFI image leads', () =>
    inTempDir(async (dir) => {
      const { iso, buildId } = await assemble(dir);
      const menu = await onMedium(iso, 'boot/grub/grub.cfg', dir);
      assert.match(menu, new RegExp(`slipway\\.medium=${buildId} `));
      const stub = await inEsp(iso, 'boot/grub/grub.cfg');
      assert.match(stub, new RegExp(`^search .*--set=root /slipway/id/${buildId}$`, 'm'));
      assert.match(stub, /^configfile \(\$root\)\/boot\/grub\/grub\.cfg$/m);
      assert.doesNotMatch(stub, /menuentry|linux/);
      assert.equal((await onMedium(iso, `slipway/id/${buildId}`, dir)).trim(), buildId);
    }));

  it('gives the same bytes for the same inputs, wherever and in whatever order they were made', () =>
    inTempDir(async (dir) => {
      const first = await assemble(join(dir, 'one'));
      // Inode numbers, which xorriso sorts by, follow the order of creation.
      const base = await standInBase(join(dir, 'two', 'scratch'));
      const moved = await reversed(base, join(dir, 'two', 'base'));
      const second = await assemble(join(dir, 'two'), {}, moved);
      assert.equal(second.sha256, first.sha256);
    }));

  it('gives other bytes and another id for another input', () =>
    inTempDir(async (dir) => {
      const first = await assemble(join(dir, 'one'));
      const second = await assemble(join(dir, 'two'), {
        kickstarts: ['node-a', 'node-b'].map((node) => ({ node, text: '# new\n' })),
      });
      assert.notEqual(second.buildId, first.buildId);
      assert.notEqual(second.sha256, first.sha256);
    }));

  it('keeps an ISO made from the same inputs, and only if it is whole', () =>
    inTempDir(async (dir) => {
      const first = await assemble(dir);
      assert.equal(first.reused, false);
      const again = await assemble(dir);
      assert.deepEqual(again, { ...first, reused: true });
      await truncate(first.iso, first.bytes - 1);
      assert.equal((await assemble(dir)).reused, false);
      await writeFile(first.checksum, 'nonsense\n');
      assert.equal((await assemble(dir)).reused, false);
    }));

  it('gives no name to an ISO that does not pass its audit', () =>
    inTempDir(async (dir) => {
      const kickstarts = [
        { node: 'node-a', text: 'no-such-command\n' },
        { node: 'node-b', text: '# fine\n' },
      ];
      await assert.rejects(
        assemble(dir, { kickstarts }),
        /slipway\/ks\/node-a\.ks: line 1: .*no-such-command/,
      );
      assert.deepEqual(await readdir(join(dir, 'out')), []);
    }));

  it('leaves the last good ISO and no temporary file when a build fails', () =>
    inTempDir(async (dir) => {
      const good = await assemble(dir);
      const base = await standInBase(join(dir, 'base'));
      await assert.rejects(
        assemble(dir, { base: { ...base, id: 'b'.repeat(64), kernel: join(dir, 'missing') } }),
        /missing/,
      );
      assert.equal(await hashFile(good.iso), good.sha256);
      const { stdout } = await exec({ file: 'ls', args: ['-A', join(dir, 'out')], effect: 'read' });
      assert.deepEqual(stdout.trim().split('\n'), ['ha-pair.iso', 'ha-pair.manifest.json', 'ha-pair.sha256']);
    }));
});

/** The same base with its files copied elsewhere, last one first. */
async function reversed(base: BaseArtefact, dir: string): Promise<BaseArtefact> {
  await mkdir(dir, { recursive: true });
  const copy = async (source: string): Promise<string> => {
    const target = join(dir, basename(source));
    await copyFile(source, target);
    return target;
  };
  const installerInitrd = await copy(base.installerInitrd);
  const grubEfi = await copy(base.boot.grubEfi);
  const mokManager = await copy(base.boot.mokManager);
  const shim = await copy(base.boot.shim);
  const eltorito = await copy(base.boot.eltorito);
  const kernel = await copy(base.kernel);
  const squashfs = await copy(base.squashfs);
  return {
    ...base,
    dir,
    installerInitrd,
    kernel,
    squashfs,
    boot: { ...base.boot, grubEfi, mokManager, shim, eltorito },
  };
}
