import assert from 'node:assert/strict';
import { closeSync, openSync, readSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../../src/engine/machine.ts';
import { readExisting } from '../../src/installer/existing.ts';
import type { ModelDisk, ModelPartition } from '../../src/installer/model.ts';
import { partitionCommands, tableDifference } from '../../src/installer/steps/partition-disks.ts';
import { readEfiEntries } from '../../src/storage/efi-entries.ts';
import { readMbr } from '../../src/storage/mbr.ts';
import { sfdisk } from '../helpers/disk-images.ts';
import { fakeMachine } from '../helpers/fake-machine.ts';
import { makeTempDir } from '../helpers/tmp.ts';

const SIZE = 64 * 1024 ** 2;
const place = { file: 'test.ks', line: 1, column: 1 };

const partition = (
  number: number,
  mib: number,
  size: number,
  change: Partial<ModelPartition> = {},
): ModelPartition => ({
  device: `/dev/vda${number}`,
  number,
  role: 'primary',
  start: mib * 2048,
  sectors: size * 2048,
  typeGuid: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
  typeByte: '83',
  gptName: `slipway-${number}`,
  place,
  ...change,
});

const disk = (change: Partial<ModelDisk>): ModelDisk => ({
  name: 'vda',
  sizeBytes: SIZE,
  sectorBytes: 512,
  label: 'gpt',
  fresh: true,
  removed: [],
  kept: [],
  partitions: [],
  ...change,
});

describe('partition tables that the real sfdisk writes', () => {
  let dir: string;
  let image: string;
  beforeEach(() => {
    dir = makeTempDir('slipway-tables-');
    image = join(dir, 'vda');
    writeFileSync(image, '');
    truncateSync(image, SIZE);
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  /** Carries the commands out on the image, and lets the step read it back. */
  async function made(wanted: ModelDisk): Promise<unknown> {
    for (const { file, args, stdin = '' } of partitionCommands(wanted)) {
      assert.equal(file, 'sfdisk');
      sfdisk(
        args.map((word) => (word === '/dev/vda' ? image : word)),
        stdin,
      );
    }
    return checked(wanted);
  }
  const checked = async (wanted: ModelDisk): Promise<string> =>
    (await tableDifference(machine(), wanted)) ?? 'as the model says';
  const machine = (files: Readonly<Record<string, string>> = {}): Machine => ({
    ...fakeMachine({ files: { '/dev/vda': '', ...files } }),
    readBytes: async (_, offset, length) => bytesAt(offset, length),
  });
  /** The image is large and mostly holes: only what is asked for is read. */
  function bytesAt(offset: number, length: number): Buffer {
    const file = openSync(image, 'r');
    try {
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, SIZE - offset)));
      readSync(file, bytes, 0, bytes.length, offset);
      return bytes;
    } finally {
      closeSync(file);
    }
  }
  function write(bytes: string | Buffer, offset: number): void {
    const file = openSync(image, 'r+');
    try {
      writeSync(file, Buffer.from(bytes), 0, bytes.length, offset);
    } finally {
      closeSync(file);
    }
  }

  it('has logical partitions behind primary ones', async () => {
    const wanted = disk({
      label: 'mbr',
      partitions: [
        partition(1, 1, 10),
        partition(2, 11, 5, { typeByte: '82' }),
        partition(3, 16, 5, { typeByte: 'fd' }),
        partition(4, 21, 43, { role: 'extended', typeByte: '05' }),
        partition(5, 22, 10, { role: 'logical', typeByte: '8e' }),
        partition(6, 33, 20, { role: 'logical' }),
      ],
    });
    assert.equal(await made(wanted), 'as the model says');
    const table = await readMbr(machine(), '/dev/vda');
    assert.deepEqual(table?.partitions.map(({ number, role, type }) => [number, role, type]).slice(3), [
      [4, 'extended', '05'],
      [5, 'logical', '8e'],
      [6, 'logical', '83'],
    ]);
  });

  for (const label of ['gpt', 'mbr'] as const) {
    it(`keeps what stays in a table, removes and adds: ${label}`, async () => {
      const old = [partition(1, 1, 8), partition(2, 9, 8), partition(3, 17, 8)];
      await made(disk({ label, partitions: old }));
      const first = 1024 ** 2;
      const before = bytesAt(first, 8 * first);
      const kept = [old[0], old[2]]
        .flatMap((one) => one ?? [])
        .map((one) => ({
          ...one,
          type: label === 'gpt' ? one.typeGuid : one.typeByte,
        }));
      const wanted = disk({
        label,
        fresh: false,
        removed: [2],
        kept,
        partitions: [partition(2, 30, 10, { gptName: 'slipway-new' }), partition(4, 40, 5)],
      });
      assert.equal(await made(wanted), 'as the model says');
      assert.ok(before.equals(bytesAt(first, 8 * first)));
    });
  }

  it('is told from one that lost a partition which stays', async () => {
    const old = [partition(1, 1, 8), partition(2, 9, 8)];
    await made(disk({ partitions: old }));
    const kept = [{ ...partition(1, 1, 9), type: partition(1, 1, 9).typeGuid }];
    assert.equal(
      await checked(disk({ fresh: false, kept, partitions: [partition(2, 9, 8)] })),
      '/dev/vda1, which stays, is no longer of type 0FC63DAF-8483-4772-8E79-3D69D8477DE4 and 18432 sectors at 2048',
    );
  });

  it('is read back into the model with what lies in it', async () => {
    await made(
      disk({ label: 'mbr', partitions: [partition(1, 1, 20), partition(2, 21, 20, { typeByte: '8e' })] }),
    );
    // An ext4 superblock, and the label of a physical volume.
    write(Buffer.of(0x53, 0xef), 1024 ** 2 + 1024 + 56);
    write(Buffer.of(0x40), 1024 ** 2 + 1024 + 96);
    write('LABELONE', 21 * 1024 ** 2 + 512);
    const files = {
      '/sys/block/vda/size': String(SIZE / 512),
      '/sys/block/vda/queue/logical_block_size': '512',
      '/proc/meminfo': 'MemTotal:        2097152 kB\n',
      '/proc/cmdline': 'inst.disklabel=mbr\n',
    };
    const { facts } = await readExisting(machine(files), [], false);
    assert.deepEqual([facts.memoryMiB, facts.label, facts.firmware], [2048, 'mbr', 'bios']);
    assert.deepEqual(
      facts.disks.map(({ name, table }) => [
        name,
        table?.label,
        table?.partitions.map(({ device, type, content }) => [device, type, content]),
      ]),
      [
        [
          'vda',
          'mbr',
          [
            ['/dev/vda1', '83', 'ext4'],
            ['/dev/vda2', '8e', 'LVM2_member'],
          ],
        ],
      ],
    );
  });

  for (const label of ['OEMDRV', 'SLIPWAYLOG']) {
    it(`is not seen in the boot sector of a file system, and a volume ${label} stays`, async () => {
      write('FAT32', 82);
      write(label.padEnd(11), 71);
      write(Buffer.of(0x55, 0xaa), 510);
      const { facts } = await readExisting(machine({ '/sys/block/vda/size': String(SIZE / 512) }), [], false);
      assert.deepEqual(
        facts.disks.map(({ table, content, unusable }) => [table, content, unusable]),
        [[undefined, 'vfat', `it holds the volume ${label}`]],
      );
    });
  }
});

describe('a boot entry of the firmware', () => {
  it('names a partition of an MBR as its PARTUUID does', async () => {
    const path = Buffer.alloc(46);
    path.set([4, 1, 42, 0], 0);
    path.writeUInt32LE(2, 4);
    path.writeUInt32LE(0x1a2b3c4d, 24);
    path.set([1, 1], 40);
    path.set([0x7f, 0xff, 4, 0], 42);
    const label = Buffer.from('disk\0', 'utf16le');
    // Attributes of the variable and of the entry, the length of the path.
    const entry = Buffer.concat([Buffer.from([7, 0, 0, 0, 1, 0, 0, 0, path.length, 0]), label, path]);
    const folder = '/sys/firmware/efi/efivars';
    const guid = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
    const machine = fakeMachine({
      files: {
        [`${folder}/BootOrder-${guid}`]: Buffer.from([7, 0, 0, 0, 3, 0]),
        [`${folder}/Boot0003-${guid}`]: entry,
      },
    });
    assert.deepEqual(await readEfiEntries(machine), [
      { number: '0003', inOrder: true, label: 'disk', partUuid: '1a2b3c4d-02' },
    ]);
  });
});
