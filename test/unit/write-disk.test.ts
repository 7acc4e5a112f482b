import assert from 'node:assert/strict';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localMachine } from '../../src/engine/local-machine.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { withImage } from '../../src/media/image/source.ts';
import { burnCommand, discProblem } from '../../src/media/write/disc.ts';
import { type WriteDeps, writeToDisk } from '../../src/media/write/disk.ts';
import type { ReleasedDisk } from '../../src/media/write/guard.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const MIB = 1 << 20;
/** Longer than two pieces, and no multiple of a block. */
const IMAGE = Buffer.alloc(9 * MIB + 123, 'an image ');

interface Bench {
  readonly target: ReleasedDisk;
  readonly machine: Machine;
  readonly disk: string;
  write(more?: Partial<WriteDeps>): Promise<void>;
}

/** A file in the place of a disk, 16 MiB of x, below a root of its own. */
const onBench = (use: (bench: Bench) => Promise<void>): Promise<void> =>
  inTempDir(async (dir) => {
    await writeFiles(dir, { 'sys/block/sdb/diskseq': '4\n', 'sys/block/sdb/size': '32768\n' });
    await writeFiles(dir, { 'dev/empty': '' });
    const disk = join(dir, 'dev/sdb');
    await writeFile(disk, Buffer.alloc(16 * MIB, 'x'));
    await writeFile(join(dir, 'image.iso'), IMAGE);
    const machine = localMachine({ root: dir });
    const target: ReleasedDisk = {
      ...{ kind: 'disk', path: '/dev/sdb', name: 'sdb', sizeBytes: 16 * MIB, description: '' },
      incarnation: '4|32768|',
    };
    await use({
      target,
      machine,
      disk,
      write: (more = {}) =>
        withImage(join(dir, 'image.iso'), (image) =>
          writeToDisk(image, target, {
            machine,
            signal: new AbortController().signal,
            onProgress: () => undefined,
            open: (path) => open(join(dir, path), 'r+'),
            ...more,
          }),
        ),
    });
  });

describe('writing an image to a disk', () => {
  it('puts the image there byte for byte, leaves the rest, and tells how far it is', () =>
    onBench(async ({ disk, write }) => {
      const told: string[] = [];
      await write({
        onProgress: (phase, done, total) => void told.push(`${phase} ${Math.floor((done * 100) / total)}`),
      });
      const content = await readFile(disk);
      assert.ok(content.subarray(0, IMAGE.length).equals(IMAGE));
      assert.ok(content.subarray(IMAGE.length).equals(Buffer.alloc(16 * MIB - IMAGE.length, 'x')));
      assert.deepEqual(told, [
        'writing 44',
        'writing 88',
        'writing 100',
        'comparing 44',
        'comparing 88',
        'comparing 100',
      ]);
    }));

  it('fails on a disk that gives back something else, with the place', () =>
    onBench(async ({ machine, write }) => {
      const forgetful: Machine = {
        ...machine,
        async readBytes(path, offset, length, direct) {
          const bytes = Uint8Array.from(await machine.readBytes(path, offset, length, direct));
          if (offset > 0) bytes[7] = (bytes[7] ?? 0) ^ 1;
          return bytes;
        },
      };
      await assert.rejects(write({ machine: forgetful }), {
        message: `/dev/sdb does not give back what was written: it differs at byte ${4 * MIB + 7}`,
      });
    }));

  it('fails on a disk that ends before the image does', () =>
    onBench(async ({ machine, write }) => {
      const short: Machine = {
        ...machine,
        readBytes: (path, offset, length) =>
          machine.readBytes(path, offset, Math.min(length, 8 * MIB - offset)),
      };
      await assert.rejects(write({ machine: short }), /differs at byte 8388608/);
    }));

  it('writes nothing when another device has taken the name', () =>
    onBench(async ({ disk, machine, write }) => {
      await machine.writeFile('/sys/block/sdb/diskseq', '5\n');
      await assert.rejects(write(), /another device has taken its name/);
      assert.ok((await readFile(disk)).equals(Buffer.alloc(16 * MIB, 'x')));
    }));

  it('writes nothing when that happens while it is being opened', () =>
    onBench(async ({ disk, machine, write }) => {
      const swap = async () => {
        await machine.writeFile('/sys/block/sdb/diskseq', '5\n');
        return open(disk, 'r+');
      };
      await assert.rejects(write({ open: swap }), /another device has taken its name/);
      assert.ok((await readFile(disk)).equals(Buffer.alloc(16 * MIB, 'x')));
    }));

  it('says how far it came on a disk that takes no more', () =>
    onBench(async ({ write }) => {
      await assert.rejects(write({ open: () => open('/dev/full', 'r+') }), {
        name: 'FailedError',
        message: 'the disk takes nothing more after 0 bytes (ENOSPC)',
      });
    }));

  it('stops when it is told to', () =>
    onBench(async ({ disk, write }) => {
      const controller = new AbortController();
      const onProgress = () => controller.abort(new Error('interrupted'));
      await assert.rejects(write({ signal: controller.signal, onProgress }), /interrupted/);
      assert.equal((await readFile(disk)).subarray(8 * MIB).indexOf('image'), -1);
    }));

  it('opens block devices only, and makes no file where there is no device', () =>
    inTempDir(async (dir) => {
      const name = join(dir, 'sdb');
      const target: ReleasedDisk = {
        ...{ kind: 'disk', path: name, name: 'sdb', sizeBytes: 1, description: '', incarnation: '||' },
      };
      await writeFile(join(dir, 'image.iso'), IMAGE);
      const deps = {
        machine: localMachine({ root: dir }),
        signal: new AbortController().signal,
        onProgress: () => undefined,
      };
      const write = () => withImage(join(dir, 'image.iso'), (image) => writeToDisk(image, target, deps));
      await assert.rejects(write(), { code: 'ENOENT' });
      await writeFile(name, 'precious');
      await assert.rejects(write(), /is no block device/);
      assert.equal(await readFile(name, 'utf8'), 'precious');
    }));
});

describe('burning a disc', () => {
  it('asks xorriso for it as cdrecord would be asked', () => {
    assert.deepEqual(burnCommand('/dev/sr0', '/tmp/a.iso').args, [
      '-as',
      'cdrecord',
      '-v',
      'dev=/dev/sr0',
      'padsize=300k',
      '/tmp/a.iso',
    ]);
  });

  it('wants a blank disc with room', () => {
    const toc = (status: string, blocks = 1000) =>
      `Media current: DVD+R\nMedia status : ${status}\nMedia blocks : 0 readable , ${blocks} writable , ${blocks} overall\n`;
    assert.equal(discProblem(toc('is blank'), 1000 * 2048), undefined);
    assert.match(discProblem(toc('is blank'), 1000 * 2048 + 1)?.message ?? '', /holds 2048000 bytes/);
    assert.match(discProblem(toc('is written , is appendable'), 1)?.message ?? '', /not blank/);
    assert.match(discProblem(toc('is written , is closed'), 1)?.message ?? '', /not blank/);
    assert.match(discProblem('Media current: is not recognizable\n', 1)?.message ?? '', /no disc/);
  });
});
