import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { FatError, fatTreeHash, openFat } from '../../src/storage/fat.ts';
import { identifyFileSystem, SIGNATURE_BYTES } from '../../src/storage/file-system.ts';
import { readGpt, readGptCopies } from '../../src/storage/gpt.ts';
import { readMdSuperblock } from '../../src/storage/md-superblock.ts';
import {
  ARRAY_UUID,
  DISK_BYTES,
  fatImage,
  MEMBER_SECTORS,
  partitionedDisk,
  START,
  writeMdSuperblock,
} from '../helpers/disk-images.ts';
import { fakeMachine } from '../helpers/fake-machine.ts';

const MIB = 1 << 20;

describe('a partition table made by sfdisk', () => {
  let disk: Buffer;
  const place = { path: '/dev/sda', sizeBytes: DISK_BYTES };
  const copies = (bytes: Buffer) => readGptCopies(fakeMachine({ files: { '/dev/sda': bytes } }), place);
  before(() => {
    disk = partitionedDisk(7);
  });

  it('reads the same from both its copies', async () => {
    const { primary, backup } = await copies(disk);
    assert.ok(primary.ok && backup.ok);
    assert.equal(primary.table.diskGuid, '00000000-0000-4000-8000-000000000007');
    assert.deepEqual(backup.table.partitions, primary.table.partitions);
    assert.deepEqual([primary.table.alternateBlock, backup.table.alternateBlock], [DISK_BYTES / 512 - 1, 1]);
    assert.deepEqual(primary.table.partitions[1], {
      number: 2,
      name: 'slipway-esp',
      partUuid: '00000002-0000-4000-8000-000000000007',
      typeGuid: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
      start: START.esp,
      sectors: MEMBER_SECTORS.esp,
    });
  });

  it('is known as damaged by a single bit, in the header or in an entry, and then read from its backup', async () => {
    for (const [at, why] of [
      [512 + 60, 'the checksum of the header is wrong'],
      [512 + 3, 'there is no signature'],
      [1024 + 130, 'the checksum of the entries is wrong'],
    ] as const) {
      const bytes = Buffer.from(disk);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      const { primary, backup } = await copies(bytes);
      assert.deepEqual([primary, backup.ok], [{ ok: false, why }, true]);
      const table = await readGpt(fakeMachine({ files: { '/dev/sda': bytes } }), place);
      assert.equal(table?.partitions.length, 4);
    }
  });

  it('is absent from an empty disk and from one that is too small', async () => {
    assert.equal((await copies(Buffer.alloc(DISK_BYTES))).primary.ok, false);
    assert.deepEqual((await copies(Buffer.alloc(100))).primary, {
      ok: false,
      why: 'the disk ends before it',
    });
    assert.equal(
      await readGpt(fakeMachine({ files: { '/dev/sda': Buffer.alloc(DISK_BYTES) } }), place),
      undefined,
    );
  });
});

describe('a FAT file system made by mkfs.vfat and mcopy', () => {
  const large = Buffer.alloc(200_000, 'a file of many clusters ');
  const files = {
    'EFI/BOOT/BOOTX64.EFI': large,
    'EFI/a long name that needs several entries.cfg': 'long',
    'EFI/empty': '',
    'lower.txt': 'lower case',
    'Ümläut.txt': 'not ASCII',
  };
  const open = (image: Buffer) => openFat(async (offset, length) => image.subarray(offset, offset + length));

  for (const [bits, mebibytes] of [
    [12, 1],
    [16, 3],
    [32, 36],
  ] as const) {
    it(`is read to the last byte (FAT${bits})`, async () => {
      const volume = await open(fatImage(mebibytes * MIB, bits, files));
      assert.deepEqual([volume.kind, volume.uuid], [`fat${bits}`, '1A2B-3C4D']);
      const found = (await volume.files()).map(({ path, bytes }) => [path, bytes]);
      assert.deepEqual(
        new Map(found.map(([path, bytes]) => [path, bytes])),
        new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content).length])),
      );
      assert.ok(large.equals((await volume.read('efi/boot/bootx64.efi')) ?? Buffer.alloc(0)));
      assert.equal(Buffer.from((await volume.read('EFI/EMPTY')) ?? 'x').length, 0);
      assert.equal(await volume.read('EFI/none'), undefined);
    });
  }

  it('has a hash of its own for every content, name and size, and the same one wherever clusters lie', async () => {
    const hash = async (content: Record<string, string>) =>
      fatTreeHash(await open(fatImage(3 * MIB, 16, content)));
    const one = await hash({ 'a/b': '1', 'a/c': '2' });
    assert.equal(await hash({ 'a/c': '2', 'a/b': '1' }), one);
    const others = [
      { 'a/b': '1', 'a/c': '3' },
      { 'a/b': '1' },
      { 'a/b': '1', 'a/d': '2' },
      { 'a/b': '12', 'a/c': '' },
    ];
    const hashes = new Set([one, ...(await Promise.all(others.map(hash)))]);
    assert.equal(hashes.size, 5);
    assert.equal(one.length, createHash('sha256').digest('hex').length);
  });

  it('is told from what is none, and from a damaged one', async () => {
    await assert.rejects(open(Buffer.alloc(4096)), FatError);
    await assert.rejects(open(Buffer.alloc(10)), FatError);
    const image = fatImage(8 * MIB, 16, { 'EFI/BOOT/BOOTX64.EFI': large });
    const table = image.readUInt16LE(14) * 512;
    // Cluster 2 is the folder EFI; its chain leads back to itself.
    const ring = Buffer.from(image);
    ring.writeUInt16LE(2, table + 4);
    await assert.rejects(async () => (await open(ring)).files(), {
      message: 'EFI: its clusters form a ring',
    });
    // Every other cluster is free: chains lead nowhere.
    const lost = Buffer.from(image);
    for (let cluster = 3; cluster < 400; cluster += 1) lost.writeUInt16LE(0, table + 2 * cluster);
    await assert.rejects(async () => fatTreeHash(await open(lost)), FatError);
  });
});

describe('an md superblock', () => {
  it('is found where its format keeps it, and names array and level', async () => {
    const disk = Buffer.alloc(8 * MIB);
    writeMdSuperblock(disk, 2048, 8192, 'boot', ARRAY_UUID.boot);
    const machine = fakeMachine({ files: { '/dev/sda': disk } });
    assert.deepEqual(await readMdSuperblock(machine, '/dev/sda', 2048, 8192), {
      arrayUuid: ARRAY_UUID.boot,
      arrayName: 'boot',
      metadata: '1.0',
      level: 'raid1',
      raidDisks: 2,
    });
    assert.equal(await readMdSuperblock(machine, '/dev/sda', 4096, 8192), undefined);
  });

  it('is not taken from another place: a partition that was moved still carries its bytes', async () => {
    const disk = Buffer.alloc(8 * MIB);
    writeMdSuperblock(disk, 0, 8192, 'boot', ARRAY_UUID.boot);
    const sector = Math.floor((8192 - 16) / 8) * 8;
    const machine = fakeMachine({ files: { '/dev/sda': disk } });
    assert.equal(await readMdSuperblock(machine, '/dev/sda', sector - 8, 8192), undefined);
  });
});

describe('identifyFileSystem', () => {
  const bytes = (write: (b: Buffer) => void): Buffer => {
    const b = Buffer.alloc(SIGNATURE_BYTES);
    write(b);
    return b;
  };
  const uuid = '00112233-4455-6677-8899-aabbccddeeff';
  const raw = Buffer.from(uuid.replaceAll('-', ''), 'hex');

  it('knows ext2 to ext4, xfs, swap, LUKS and vfat by their bytes, with their labels', () => {
    const ext = (compat: number, incompat: number) =>
      bytes((b) => {
        b.writeUInt16LE(0xef53, 1080);
        b.writeUInt32LE(compat, 1116);
        b.writeUInt32LE(incompat, 1120);
        raw.copy(b, 1128);
        b.write('an ext label', 1144);
      });
    assert.deepEqual(identifyFileSystem(ext(4, 0x40)), { type: 'ext4', uuid, label: 'an ext label' });
    assert.deepEqual(identifyFileSystem(ext(4, 0)), { type: 'ext3', uuid, label: 'an ext label' });
    assert.deepEqual(identifyFileSystem(ext(0, 0)), { type: 'ext2', uuid, label: 'an ext label' });
    assert.deepEqual(
      identifyFileSystem(
        bytes((b) => {
          b.write('XFSB');
          raw.copy(b, 32);
          b.write('exactly12chr', 108);
        }),
      ),
      {
        type: 'xfs',
        uuid,
        label: 'exactly12chr',
      },
    );
    assert.deepEqual(
      identifyFileSystem(
        bytes((b) => {
          b.write('SWAPSPACE2', 4086);
          raw.copy(b, 1036);
          b.write('swap', 1052);
        }),
      ),
      {
        type: 'swap',
        uuid,
        label: 'swap',
      },
    );
    assert.deepEqual(
      identifyFileSystem(
        bytes((b) => {
          b.write('LUKS\xba\xbe', 'latin1');
          b.write(uuid, 168);
        }),
      ),
      { type: 'crypto_LUKS', uuid, label: '' },
    );
    assert.deepEqual(identifyFileSystem(fatImage(36 * MIB, 32, {}).subarray(0, 8192)), {
      type: 'vfat',
      uuid: '1A2B-3C4D',
      label: '',
    });
    assert.deepEqual(identifyFileSystem(fatImage(8 * MIB, 16, {}).subarray(0, 8192)), {
      type: 'vfat',
      uuid: '1A2B-3C4D',
      label: '',
    });
  });

  it('knows nothing of zeros and of too few bytes', () => {
    assert.equal(identifyFileSystem(bytes(() => {})), undefined);
    assert.equal(identifyFileSystem(Buffer.alloc(512)), undefined);
  });
});
