import assert from 'node:assert/strict';
import { runStep } from '../../src/engine/run-step.ts';
import { describeModel } from '../../src/installer/describe-model.ts';
import { readExisting } from '../../src/installer/existing.ts';
import { partitionCommands, sleepCommands } from '../../src/installer/steps/partition-disks.ts';
import { resizeFileSystems } from '../../src/installer/steps/resize-file-systems.ts';
import type { StorageFacts } from '../../src/installer/storage-facts.ts';
import { volumeCommands } from '../../src/installer/volume-commands.ts';
import { sizeVolumes } from '../../src/installer/volume-sizes.ts';
import { fakeMachine } from '../helpers/fake-machine.ts';
import { foreign, good, used } from '../helpers/foreign-storage.ts';
import { brief, commandsOf, installationOf, why } from '../helpers/installer.ts';

/** A group on vda3, with a pool; an array over vdb1 and vdc1. */
const FACTS: Partial<StorageFacts> = {
  groups: [
    {
      name: 'old',
      extentKiB: 4096,
      extents: 1000,
      freeExtents: 200,
      spareExtents: 2,
      physicalVolumes: ['/dev/vda3'],
      volumes: [
        { name: 'home', segment: 'linear', extents: 250, content: 'ext4' },
        { name: 'win', segment: 'linear', extents: 25, content: 'ntfs' },
        { name: 'pool', segment: 'thin-pool', extents: 400 },
        { name: 'root', segment: 'thin', extents: 500, pool: 'pool', content: 'xfs' },
        { name: 'mirror', segment: 'raid1', extents: 50, content: 'ext4' },
      ],
    },
  ],
  arrays: [
    {
      name: 'data',
      device: '/dev/md127',
      level: 'raid1',
      metadata: '1.2',
      raidDisks: 2,
      members: ['/dev/vdb1', '/dev/vdc1'],
      sizeMiB: 1000,
      content: 'ext4',
    },
  ],
};
const disks = [
  used(
    'vda',
    'gpt',
    { mib: 600, content: 'vfat' },
    { mib: 1024, content: 'ext4' },
    { mib: 4001, content: 'LVM2_member' },
    { mib: 500, content: 'ntfs' },
  ),
  used('vdb', 'gpt', { content: 'linux_raid_member' }),
  used('vdc', 'gpt', { content: 'linux_raid_member' }),
];
const BOOT = `part /boot/efi --onpart=vda1 --noformat
part /boot --onpart=vda2 --fstype=ext4
`;
const KEPT = `${BOOT}part pv.1 --onpart=vda3 --noformat
raid /data --device=data --noformat
volgroup old --useexisting
logvol /home --vgname=old --name=home --useexisting --noformat
logvol none --vgname=old --name=pool --thinpool --useexisting --noformat
logvol / --vgname=old --name=root --thin --poolname=pool --useexisting --fstype=ext4
logvol swap --vgname=old --name=swap --size=100
logvol /new --vgname=old --name=new --size=100 --grow
`;

describe('arrays and volume groups that stay', () => {
  const model = good(KEPT, disks, FACTS);
  const [group] = model.volumeGroups;
  assert.ok(group);

  it('keep or lose the file system, as the kickstart says, and their disks belong to the installation', () => {
    assert.deepEqual(
      model.fileSystems.map(({ device, type, mountPoint = '-', keep = false }) => [
        device,
        type,
        mountPoint,
        keep,
      ]),
      [
        ['/dev/vda1', 'vfat', '/boot/efi', true],
        ['/dev/vda2', 'ext4', '/boot', false],
        ['/dev/md/data', 'ext4', '/data', true],
        ['/dev/old/home', 'ext4', '/home', true],
        ['/dev/old/root', 'ext4', '/', false],
        ['/dev/old/swap', 'swap', '-', false],
        ['/dev/old/new', 'xfs', '/new', false],
      ],
    );
    assert.deepEqual(
      model.disks.map(({ name, fresh, removed }) => [name, fresh, removed.length]),
      [
        ['vda', false, 0],
        ['vdb', false, 0],
        ['vdc', false, 0],
      ],
    );
    assert.ok(describeModel(model).includes('  /dev/old/root: stays, thin, in pool'));
  });

  it('leave new volumes what is free', () => {
    const sizes = sizeVolumes(group, 1000).volumes?.map(({ extents }) => extents);
    assert.deepEqual(sizes, [250, 400, 500, 25, 175]);
    assert.equal(sizeVolumes(group, 1000).needed, 250 + 400 + 25 + 25);
  });

  it('sleep while the tables of their disks change', () => {
    assert.deepEqual(
      sleepCommands(model).map(({ file, args }) => [file, ...args].join(' ')),
      ['vgchange --quiet --activate n old', 'mdadm --stop --quiet /dev/md/data'],
    );
  });

  for (const [title, text, expected] of [
    [
      'a group that is not there',
      KEPT.replaceAll('old', 'new'),
      '5:10 no-such-group: there is no volume group new on the disks of this machine',
    ],
    [
      'an array that is not there',
      KEPT.replace('--device=data', '--device=date'),
      '4:1 no-such-array: there is no array date on the disks of this machine',
    ],
    [
      'a volume that is not there',
      KEPT.replace('--name=home', '--name=house'),
      '6:1 no-such-volume: there is no logical volume house in old',
    ],
    [
      'a new volume of an old name',
      KEPT.replace('--name=swap', '--name=win'),
      '9:1 duplicate-volume: old has a volume win already',
    ],
    [
      'a group whose partition goes',
      `clearpart --list=vda3\n${KEPT.replace(/^part pv.*\n/m, '')}`,
      '5:1 no-such-group: old lies on /dev/vda3, which the kickstart removes, or its disk is not to be used',
    ],
    [
      'an array whose disk is ignored',
      `ignoredisk --drives=vdc\n${KEPT}`,
      '5:1 no-such-array: data lies on /dev/vdc1, which the kickstart removes, or its disk is not to be used',
    ],
    [
      'a file system that is no swap',
      KEPT.replace('logvol /home', 'logvol swap'),
      '6:1 keeps-existing: there is ext4, which cannot be used as swap',
    ],
    [
      'a kept volume without a file system',
      KEPT.replace('/home --vgname=old --name=home', '/home --vgname=old --name=win'),
      '6:1 keeps-existing: there is ntfs, which cannot be used as /home',
    ],
    [
      'volumes for which there is no room',
      KEPT.replace('--name=new --size=100', '--name=new --size=800'),
      '5:1 too-small: old is too small: its volumes need 3500 MiB, it has room for 3400 MiB',
    ],
    [
      'a boot loader’s array of another level',
      KEPT.replace('raid /data', 'raid /boot').replace('part /boot ', 'part /srv '),
      '4:1 boot-level: /boot on raid5: a boot loader reads one member, so it must be RAID1',
    ],
  ] as const) {
    it(`are refused: ${title}`, () => {
      const facts = title.includes('level')
        ? { ...FACTS, arrays: FACTS.arrays?.map((array) => ({ ...array, level: 'raid5' })) ?? [] }
        : FACTS;
      const found = foreign(text, disks, facts).problems.map(brief);
      assert.ok(found.includes(expected), found.join('\n'));
    });
  }

  it('are refused once, and not again for each of their volumes', () => {
    const found = foreign(KEPT, disks, { arrays: FACTS.arrays ?? [] }).problems.map(brief);
    assert.deepEqual(found, [
      '5:10 no-such-group: there is no volume group old on the disks of this machine',
    ]);
  });

  it('are refused when they are degraded, or mounted', () => {
    const arrays = FACTS.arrays?.map((array) => ({ ...array, members: ['/dev/vdb1'] })) ?? [];
    const groups =
      FACTS.groups?.map((one) => ({ ...one, unusable: '/dev/old/home is mounted at /mnt' })) ?? [];
    assert.deepEqual(foreign(KEPT, disks, { arrays, groups }).problems.map(brief), [
      '4:1 degraded: array data is degraded: 1 of 2 members',
      '5:1 disk-in-use: old cannot be used: /dev/old/home is mounted at /mnt',
    ]);
  });
});

describe('--resize', () => {
  const MOVED = `${BOOT.replace('/boot --onpart=vda2 --fstype=ext4', '/boot --onpart=vda2 --noformat --resize --size=700')}part / --size=300 --ondisk=vda
volgroup old --useexisting
logvol /home --vgname=old --name=home --useexisting --noformat --resize --size=1200
logvol /new --vgname=old --name=win --useexisting --resize --size=40
`;
  // What shrinks is all the room there is.
  const full = disks.map((disk) => (disk.name === 'vda' ? { ...disk, sizeBytes: 6127 * 1024 ** 2 } : disk));
  const model = good(MOVED, full, FACTS);

  it('makes room for what is new, and changes partition and file system', () => {
    const [disk] = model.disks;
    assert.ok(disk);
    assert.deepEqual(
      disk.partitions.map(({ device, start, sectors }) => [device, start / 2048, sectors / 2048]),
      [['/dev/vda5', 1301, 300]],
    );
    assert.deepEqual(
      partitionCommands(disk).map(({ args, stdin }) => [args.join(' '), stdin?.split('\n')[1]]),
      [
        ['--quiet --wipe=never --partno 2 /dev/vda', `start=${601 * 2048}, size=${700 * 2048}`],
        [
          '--quiet --append --wipe=never --wipe-partitions=always /dev/vda',
          `/dev/vda5 : start=${1301 * 2048}, size=${300 * 2048}, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="slipway-root"`,
        ],
      ],
    );
    assert.deepEqual(
      model.resizes.map(({ device, sizeMiB, grows }) => [device, sizeMiB, grows]),
      [
        ['/dev/vda2', 700, false],
        ['/dev/old/home', 1200, true],
      ],
    );
    assert.ok(describeModel(model).includes('  /dev/vda2: 700 MiB, now 1024 MiB, stays: ext4'));
  });

  it('shrinks volumes before others grow', () => {
    const [group] = model.volumeGroups;
    const sizes = group === undefined ? undefined : sizeVolumes(group, 1000).volumes;
    assert.ok(group && sizes);
    const sized = group.volumes.map((volume, index) => ({
      volume,
      ...(sizes[index] ?? { extents: 0, metadata: 0, cache: 0 }),
    }));
    assert.deepEqual(
      volumeCommands(group, sized, new Map()).map(({ file, args }) => [file, ...args.slice(2)].join(' ')),
      ['lvreduce --force --extents 10 old/win', 'lvextend --extents 300 old/home'],
    );
  });

  for (const [title, text, expected] of [
    [
      'NTFS',
      MOVED.replace('/boot --onpart=vda2', '/srv --onpart=vda4'),
      '2:36 resize: vda4 holds ntfs: the image has no program that resizes NTFS',
    ],
    [
      'NTFS on a volume',
      MOVED.replace(
        'logvol /new --vgname=old --name=win --useexisting',
        'logvol none --vgname=old --name=win --useexisting --noformat',
      ),
      '6:62 resize: /dev/old/win holds ntfs: the image has no program that resizes NTFS',
    ],
    [
      'a partition that would grow into the next',
      MOVED.replace('--size=700', '--size=1025'),
      '2:53 too-small: vda2 cannot grow past 1024 MiB: there is no more room behind it',
    ],
    [
      'a mirrored volume',
      MOVED.replace('--name=win', '--name=mirror'),
      '6:1 resize: this installer does not change the size of a volume of type raid1',
    ],
  ] as const) {
    it(`refuses ${title}`, () => {
      const found = foreign(text, disks, FACTS).problems.map(brief);
      assert.ok(found.includes(expected), found.join('\n'));
    });
  }

  /** A superblock of ext with blocks of 4 KiB. */
  function ext4(mib: number): Buffer {
    const bytes = Buffer.alloc(8192);
    bytes.writeUInt16LE(0xef53, 1080);
    bytes.writeUInt32LE(2, 1048);
    bytes.writeUInt32LE(mib * 256, 1028);
    return bytes;
  }
  const machineWith = (before: number, after: number) =>
    fakeMachine({
      files: { '/dev/vda2': ext4(before) },
      commands: {
        e2fsck: () => ({ exitCode: 1 }),
        resize2fs: (_, machine) => {
          machine.files.set('/dev/vda2', ext4(after));
          return '';
        },
      },
    });
  const step = resizeFileSystems('shrink', 'x');

  it('looks a file system through, shrinks it and reads its size back', async () => {
    const machine = machineWith(1024, 700);
    assert.equal((await runStep(step, machine, installationOf(model))).outcome, 'changed');
    assert.deepEqual(
      machine.ran.map(({ file, args }) => [file, ...args].join(' ')),
      ['e2fsck -f -p /dev/vda2', 'resize2fs /dev/vda2 716800K'],
    );
  });

  it('does not believe that it shrank', async () => {
    const report = await runStep(step, machineWith(1024, 701), installationOf(model));
    assert.equal(why(report), 'applied, but still: the file system on /dev/vda2 has 701 MiB, not 700');
  });
});

describe('what is built on the disks', () => {
  const reports: Readonly<Record<string, string>> = {
    vgs: '  4096.00|749|224|/dev/vda1\n',
    lvs: '  big|1024000.00|linear|\n  root|2048000.00|thin|pool\n  pool|409600.00|thin-pool|\n  [lvol0_pmspare]|8192.00|linear|\n',
  };
  const machineWith = (mounts = '') =>
    fakeMachine({
      files: {
        '/dev/vda': Buffer.alloc(4 * 1024 ** 2),
        '/sys/block/vda/size': '8192',
        '/sys/block/vda/vda1/partition': '1',
        '/sys/block/vda/vda1/start': '2048',
        '/sys/block/vda/vda1/size': '2048',
        '/sys/block/vda/vda1/holders/dm-0': '',
        '/sys/block/dm-0/dm/name': 'my--old-big\n',
        '/sys/block/dm-1/dm/name': 'my-old\n',
        '/proc/meminfo': 'MemTotal: 1024 kB\n',
        '/proc/cmdline': '',
        '/proc/self/mounts': mounts,
        '/dev/dm-0': Buffer.concat([Buffer.from('XFSB'), Buffer.alloc(70_000)]),
      },
      links: { '/dev/my-old/big': '/dev/dm-0' },
      commands: {
        udevadm: () => '',
        vgchange: () => '',
        vgs: () => reports.vgs,
        lvs: () => reports.lvs,
      },
    });
  const NAMED = commandsOf('volgroup my-old --useexisting\n');

  it('is woken and read when the kickstart goes on using it, and does not stand in the disk’s way', async () => {
    const machine = machineWith();
    const { facts } = await readExisting(machine, NAMED, false);
    assert.deepEqual(facts.groups, [
      {
        name: 'my-old',
        extentKiB: 4096,
        extents: 749,
        freeExtents: 224,
        spareExtents: 2,
        physicalVolumes: ['/dev/vda1'],
        volumes: [
          { name: 'big', segment: 'linear', extents: 250, content: 'xfs' },
          { name: 'root', segment: 'thin', extents: 500, pool: 'pool' },
          { name: 'pool', segment: 'thin-pool', extents: 100 },
        ],
      },
    ]);
    assert.equal(facts.disks[0]?.unusable, undefined);
  });

  it('stays asleep, and its disk closed, when nobody names it', async () => {
    const machine = machineWith();
    const { facts } = await readExisting(machine, [], false);
    assert.deepEqual(facts.groups, []);
    assert.equal(facts.disks[0]?.unusable, '/dev/vda1 is a part of dm-0');
    assert.deepEqual(machine.ran, []);
  });

  it('cannot be used while it is mounted', async () => {
    const machine = machineWith('/dev/mapper/my--old-big /mnt ext4 rw 0 0\n');
    machine.links.set('/dev/mapper/my--old-big', '/dev/dm-0');
    const { facts } = await readExisting(machine, NAMED, false);
    assert.equal(facts.groups?.[0]?.unusable, '/dev/mapper/my--old-big is mounted at /mnt');
  });
});
