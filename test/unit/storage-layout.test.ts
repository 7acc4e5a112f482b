import assert from 'node:assert/strict';
import type { Machine } from '../../src/engine/machine.ts';
import {
  compareLayout,
  type LayoutComparison,
  recordedBootMembers,
} from '../../src/storage/compare-layout.ts';
import type { LayoutRecord } from '../../src/storage/layout-record.ts';
import { observe } from '../../src/storage/observe.ts';
import { recordLayout } from '../../src/storage/record-layout.ts';
import { MEMBER_SECTORS, partitionedDisk, START, writeMdSuperblock } from '../helpers/disk-images.ts';
import { ARRAY_UUID, type InstalledNode, installedNode, PLAN } from '../helpers/installed-node.ts';

const compare = async (machine: Machine, record: LayoutRecord): Promise<LayoutComparison> =>
  compareLayout(machine, record, await observe(machine));

describe('recordLayout', () => {
  it('reads every identity from the disks and writes nothing where all labels are right', async () => {
    const machine = installedNode();
    const record = await recordLayout(machine, PLAN);
    assert.deepEqual([machine.ran, machine.written], [[], []]);
    assert.deepEqual(
      [record.version, record.node, record.kind, record.firmware],
      [1, 'node-a', 'raid1', 'bios'],
    );
    assert.deepEqual(
      record.disks.map(({ ids, serial, tableUuid }) => [ids, serial, tableUuid]),
      [
        [['ata-one'], 'SERIAL-sda', '00000000-0000-4000-8000-000000000001'],
        [['ata-two'], 'SERIAL-sdb', '00000000-0000-4000-8000-000000000002'],
      ],
    );
    assert.deepEqual(record.disks[1]?.partitions[2], {
      role: 'boot',
      number: 3,
      gptName: 'slipway-boot',
      partUuid: '00000003-0000-4000-8000-000000000002',
      typeGuid: 'A19D880F-05FC-4D3B-A006-743F0F84911E',
      start: START.boot,
      sectors: MEMBER_SECTORS.boot,
    });
    assert.deepEqual(record.arrays[1], {
      role: 'boot',
      name: 'boot',
      uuid: ARRAY_UUID.boot,
      level: 'raid1',
      metadata: '1.0',
      raidDisks: 2,
      members: ['00000003-0000-4000-8000-000000000001', '00000003-0000-4000-8000-000000000002'],
    });
    assert.deepEqual(record.fileSystems, [
      { role: 'root', uuid: '02020202-0202-0202-0202-020202020202', type: 'ext4', mountPoint: '/' },
      { role: 'boot', uuid: '01010101-0101-0101-0101-010101010101', type: 'ext4', mountPoint: '/boot' },
      { role: 'esp', uuid: '1A2B-3C4D', type: 'vfat', mountPoint: '/boot/efi' },
    ]);
  });

  it('gives partitions their names, and the ESP its type, where an installer left its own', async () => {
    const named = {
      ...PLAN.layout,
      partitions: PLAN.layout.partitions.map((p) => ({ ...p, gptName: `x-${p.gptName}` })),
    };
    const machine = installedNode({ commands: { sfdisk: () => '' } });
    await assert.rejects(recordLayout(machine, { ...PLAN, layout: named }), {
      failureClass: 'verify-failed',
      message: /^the partition table did not take: --part-label \/dev\/sda 1 x-slipway-biosboot; /,
    });
    assert.deepEqual(machine.ran[0], {
      file: 'sfdisk',
      args: [
        '--quiet',
        '--no-reread',
        '--no-tell-kernel',
        '--part-label',
        '/dev/sda',
        '1',
        'x-slipway-biosboot',
      ],
      effect: 'write',
    });
    assert.equal(machine.ran.length, 8);
  });

  it('tells a partition by what uses it, whatever its name and number', async () => {
    const names = ['slipway-root', 'EFI System Partition', '', 'whatever'];
    const machine = installedNode({ commands: { sfdisk: () => '' } });
    const odd = {
      ...PLAN,
      layout: {
        ...PLAN.layout,
        partitions: PLAN.layout.partitions.map((p, i) => ({ ...p, gptName: names[i] ?? '' })),
      },
    };
    await assert.rejects(recordLayout(machine, odd), /did not take/);
    assert.deepEqual(
      machine.ran.filter(({ args }) => args[4] === '/dev/sda').map(({ args }) => args.slice(5).join(' ')),
      ['1 slipway-root', '2 EFI System Partition', '3 ', '4 whatever'],
    );
  });

  it('refuses a machine that does not hold the planned layout, with all that is wrong', async () => {
    const machine = installedNode();
    machine.pull('sdb');
    await assert.rejects(recordLayout(machine, PLAN), {
      message: 'the layout is on 1 disks, the plan says 2',
    });
    const more = { ...PLAN.layout, arrays: [...PLAN.layout.arrays, { role: 'data', name: 'data' }] };
    await assert.rejects(recordLayout(installedNode(), { ...PLAN, layout: more }), {
      message: 'array data is not assembled',
    });
  });

  it('records a single disk by its mounts and its swap', async () => {
    const machine = installedNode({
      files: {
        '/proc/self/mountinfo':
          '29 1 8:4 / / rw,relatime shared:1 - ext4 /dev/sda4 rw\n30 29 8:2 / /boot/efi rw - vfat /dev/sda2 rw\n31 29 0:5 / /proc rw - proc proc rw\n',
        '/proc/swaps': 'Filename Type Size Used Priority\n/dev/sda3 partition 1 0 -2\n',
      },
    });
    for (const path of [...machine.files.keys()])
      if (path.startsWith('/sys/block/md')) machine.files.delete(path);
    machine.disk('sda').writeUInt16LE(0xef53, START.root * 512 + 1080);
    machine.disk('sda').write('SWAPSPACE2', START.boot * 512 + 4086);
    const single = {
      name: 'node-a',
      layout: {
        ...PLAN.layout,
        kind: 'single',
        diskCount: 1,
        arrays: [],
        partitions: PLAN.layout.partitions.map((p) => (p.role === 'boot' ? { ...p, role: 'swap' } : p)),
        volumes: [
          { role: 'root', fileSystem: 'ext4', mountPoint: '/', on: 'partition' },
          { role: 'esp', fileSystem: 'vfat', mountPoint: '/boot/efi', on: 'partition' },
          { role: 'swap', fileSystem: 'swap', on: 'partition' },
        ],
      },
    } as const;
    const record = await recordLayout(machine, single);
    assert.deepEqual(
      record.disks[0]?.partitions.map(({ role }) => role),
      ['biosboot', 'esp', 'swap', 'root'],
    );
    assert.deepEqual(
      record.fileSystems.map(({ type }) => type),
      ['ext2', 'vfat', 'swap'],
    );
    assert.deepEqual((await compare(machine, record)).different, []);
  });
});

describe('compareLayout', () => {
  let record: LayoutRecord;
  before(async () => {
    record = await recordLayout(installedNode(), PLAN);
  });

  const differences = async (change: (machine: InstalledNode) => void): Promise<readonly string[]> => {
    const machine = installedNode();
    change(machine);
    return (await compare(machine, record)).different;
  };

  it('finds everything on the machine it was recorded on', async () => {
    const { present, absent, different } = await compare(installedNode(), record);
    assert.deepEqual([present.length, absent, different], [8, [], []]);
  });

  it('tells a pulled disk from a changed one', async () => {
    const machine = installedNode();
    machine.pull('sdb');
    const { absent, different } = await compare(machine, record);
    assert.deepEqual(different, []);
    assert.deepEqual(absent, [
      'disk SERIAL-sdb',
      '1 of 2 members of array esp',
      '1 of 2 members of array boot',
      '1 of 2 members of array root',
    ]);
  });

  it('knows a disk by its content when it moves to the port, and so to the serial number, of another', async () => {
    const machine = installedNode();
    machine.pull('sda');
    machine.files.set('/run/udev/data/b8:16', 'E:ID_SERIAL_SHORT=SERIAL-sda\n');
    const { absent, different } = await compare(machine, record);
    assert.deepEqual([absent[0], different], ['disk SERIAL-sda', []]);
    assert.deepEqual(
      recordedBootMembers(record, await observe(machine)).map(({ disk }) => disk),
      ['/dev/sdb'],
    );
  });

  it('names what differs on a disk that got another table', async () => {
    const found = await differences((machine) => partitionedDisk(9).copy(machine.disk('sdb')));
    assert.match(
      found[0] ?? '',
      /^sdb: partition table 00000000-0000-4000-8000-000000000009, recorded 0.*2$/,
    );
    assert.match(found[1] ?? '', /^sdb slipway-biosboot: PARTUUID '00000001.*9', recorded '00000001.*2'$/);
  });

  it('sees a disk that was emptied', async () => {
    const found = await differences((machine) => machine.disk('sdb').fill(0));
    assert.equal(found[0], 'sdb: partition table none, recorded 00000000-0000-4000-8000-000000000002');
    assert.match(
      found.join('\n'),
      /sdb slipway-esp: no partition has PARTUUID 00000002-0000-4000-8000-000000000002/,
    );
  });

  it('sees a member that belongs to another array, or to none', async () => {
    const other = 'ffffffff:00000000:00000000:00000009';
    assert.deepEqual(
      await differences((m) =>
        writeMdSuperblock(m.disk('sdb'), START.boot, MEMBER_SECTORS.boot, 'boot', other),
      ),
      [`array boot: member sdb3 belongs to ${other}, recorded ${ARRAY_UUID.boot}`],
    );
    const end = (START.boot + MEMBER_SECTORS.boot) * 512;
    assert.deepEqual(await differences((m) => m.disk('sda').fill(0, end - 16_384, end)), [
      `array boot: member sda3 belongs to no array, recorded ${ARRAY_UUID.boot}`,
    ]);
  });

  it('sees a file system that was made anew', async () => {
    const found = await differences((machine) => {
      const bytes = machine.files.get('/dev/md126');
      if (bytes instanceof Uint8Array) bytes.fill(9, 1128, 1144);
    });
    assert.deepEqual(found, [
      'file system /boot: ext4 09090909-0909-0909-0909-090909090909, recorded ext4 01010101-0101-0101-0101-010101010101',
    ]);
  });

  it('names the disk that cannot be read', async () => {
    const machine = installedNode();
    const readBytes: Machine['readBytes'] = async (path, ...rest) => {
      if (path === '/dev/sdb') throw new Error('EIO: i/o error, read');
      return machine.readBytes(path, ...rest);
    };
    await assert.rejects(observe({ ...machine, readBytes }), {
      message: '/dev/sdb cannot be read: EIO: i/o error, read',
    });
  });
});
