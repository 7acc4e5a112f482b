import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localMachine } from '../../src/engine/local-machine.ts';
import { createExec } from '../../src/host/exec.ts';
import { withImage } from '../../src/media/image/source.ts';
import { burnDisc } from '../../src/media/write/disc.ts';
import { writeToDisk } from '../../src/media/write/disk.ts';
import { releaseTarget } from '../../src/media/write/guard.ts';
import { incarnation } from '../../src/storage/block-devices.ts';
import { onLoopDevice } from '../helpers/loop-device.ts';
import { inTempDir } from '../helpers/tmp.ts';

const exec = createExec();
const machine = localMachine();
const MIB = 1 << 20;

/** An ISO with one file that is no multiple of anything. */
async function smallIso(dir: string): Promise<string> {
  const tree = join(dir, 'tree');
  const iso = join(dir, 'image.iso');
  await mkdir(tree);
  await writeFile(join(tree, 'file'), Buffer.alloc(5 * MIB + 17, 'content '));
  await exec({
    file: 'xorriso',
    args: ['-as', 'mkisofs', '-quiet', '-o', iso, '-V', 'SMALL', tree],
    effect: 'write',
  });
  return iso;
}

describe('writing to a block device', function () {
  this.timeout(60_000);

  it('is exclusive, reaches the device and is read back from it', function () {
    return inTempDir(async (dir) => {
      const iso = await smallIso(dir);
      const there = await onLoopDevice(dir, 32 * MIB, async (device, backing) => {
        const name = device.slice('/dev/'.length);
        // The guard takes no loop device for a disk: this is what it would have said of a stick.
        await assert.rejects(releaseTarget(machine, { device, imageBytes: 1, meant: undefined }), /no disk/);
        const target = {
          ...{ kind: 'disk' as const, path: device, name, sizeBytes: 32 * MIB, description: name },
          incarnation: await incarnation(machine, name),
        };
        const deps = { machine, signal: new AbortController().signal, onProgress: () => undefined };
        const write = () => withImage(iso, (image) => writeToDisk(image, target, deps));
        await write();
        const image = await readFile(iso);
        assert.ok((await readFile(backing)).subarray(0, image.length).equals(image));
        // As a mount holds it.
        const held = await open(device, constants.O_RDONLY | constants.O_EXCL);
        await assert.rejects(write(), { message: `${device} is in use` });
        await held.close();
      });
      if (!there) this.skip();
    });
  });
});

describe('burning, by xorriso onto a file that it takes for a blank disc', function () {
  this.timeout(60_000);

  it('gives back the image, and refuses the disc the second time', () =>
    inTempDir(async (dir) => {
      const iso = await smallIso(dir);
      const disc = join(dir, 'disc.img');
      const drive = { kind: 'drive' as const, path: `stdio:${disc}`, description: 'a file' };
      const said: string[] = [];
      const burn = () =>
        withImage(iso, (image) =>
          burnDisc(image, drive, {
            exec,
            // A drive is read by its own name; of this one only xorriso knows.
            machine: {
              ...machine,
              readBytes: (_path, offset, length) => machine.readBytes(disc, offset, length),
            },
            say: (line) => void said.push(line),
          }),
        );
      await burn();
      const image = await readFile(iso);
      assert.ok((await readFile(disc)).subarray(0, image.length).equals(image));
      await assert.rejects(burn(), { message: `stdio:${disc}: the disc in it is not blank` });
    }));

  it('says so when the drive is none', () =>
    inTempDir(async (dir) => {
      const iso = await smallIso(dir);
      const drive = { kind: 'drive' as const, path: '/dev/sr99', description: 'none' };
      const burn = withImage(iso, (image) => burnDisc(image, drive, { exec, machine, say: () => undefined }));
      await assert.rejects(burn, /^FailedError: \/dev\/sr99 cannot be written: .*sr99/);
    }));

  it('fails when the disc gives back something else', () =>
    inTempDir(async (dir) => {
      const iso = await smallIso(dir);
      const drive = { kind: 'drive' as const, path: `stdio:${join(dir, 'disc.img')}`, description: 'a file' };
      const scratched = {
        ...machine,
        readBytes: async (_: string, __: number, length: number) => Buffer.alloc(length),
      };
      const burn = withImage(iso, (image) =>
        burnDisc(image, drive, { exec, machine: scratched, say: () => undefined }),
      );
      await assert.rejects(burn, /does not give back what was burned, from byte 0 on/);
    }));
});
