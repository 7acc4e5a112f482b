import assert from 'node:assert/strict';
import type { ModelDisk, StorageModel } from '../../src/installer/model.ts';
import { brief, goodModel, modelOf, RAID1, RELEASE } from '../helpers/installer.ts';

/** `/dev/vda1 2048+2048 slipway-biosboot BIOS` */
const TYPES: Readonly<Record<string, string>> = {
  '21686148-6449-6E6F-744E-656564454649': 'BIOS',
  'C12A7328-F81F-11D2-BA4B-00A0C93EC93B': 'ESP',
  'A19D880F-05FC-4D3B-A006-743F0F84911E': 'RAID',
  'E6D6D379-F507-44C2-A23C-238F2A3DF928': 'LVM',
  '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F': 'swap',
  '0FC63DAF-8483-4772-8E79-3D69D8477DE4': 'Linux',
};
const tableOf = ({ partitions }: ModelDisk): readonly string[] =>
  partitions.map(
    ({ device, start, sectors, gptName, typeGuid }) =>
      `${device} ${start}+${sectors} ${gptName} ${TYPES[typeGuid]}`,
  );
const tables = ({ disks }: StorageModel): readonly string[] => disks.flatMap(tableOf);
const fileSystems = (model: StorageModel): readonly string[] =>
  model.fileSystems.map(({ device, type, mountPoint = '-' }) => `${device} ${type} ${mountPoint}`);

const SINGLE = `ignoredisk --only-use=vda
clearpart --all --drives=vda --initlabel
`;

describe('the storage model', () => {
  it('lays out RAID1 over two disks: equal tables, boot arrays with the superblock at the end', () => {
    const model = goodModel(RAID1);
    const table = (disk: string): readonly string[] => [
      `/dev/${disk}1 2048+2048 slipway-biosboot BIOS`,
      `/dev/${disk}2 4096+1048576 slipway-boot RAID`,
      `/dev/${disk}3 1052672+15722496 slipway-root RAID`,
    ];
    assert.deepEqual(tables(model), [...table('vda'), ...table('vdb')]);
    assert.deepEqual(model.arrays, [
      {
        name: 'boot',
        device: '/dev/md/boot',
        level: 'raid1',
        metadata: '1.0',
        members: ['/dev/vda2', '/dev/vdb2'],
        spares: 0,
        bitmap: true,
        place: { file: 'test.ks', line: 10, column: 1 },
      },
      {
        name: 'root',
        device: '/dev/md/root',
        level: 'raid1',
        metadata: '1.2',
        members: ['/dev/vda3', '/dev/vdb3'],
        spares: 0,
        bitmap: true,
        place: { file: 'test.ks', line: 11, column: 1 },
      },
    ]);
    assert.deepEqual(model.fileSystems, [
      {
        device: '/dev/md/boot',
        type: 'ext4',
        mountPoint: '/boot',
        label: 'boot',
        mkfsOptions: [],
        place: { file: 'test.ks', line: 10, column: 1 },
      },
      {
        device: '/dev/md/root',
        type: 'ext4',
        mountPoint: '/',
        mkfsOptions: [],
        place: { file: 'test.ks', line: 11, column: 1 },
      },
    ]);
  });

  it('fills the disk to the MiB before the backup table', () => {
    const [disk] = goodModel(RAID1).disks;
    const last = disk?.partitions.at(-1);
    assert.equal((last?.start ?? 0) + (last?.sectors ?? 0), (8192 - 1) * 2048);
  });

  it('marks ESP members as ESPs, keeps spares last and gives swap no bitmap', () => {
    const disks = ['vda', 'vdb', 'vdc'];
    const parts = disks.map(
      (disk, i) => `part raid.esp${i} --size=100 --ondisk=${disk}
part raid.boot${i} --size=512 --ondisk=${disk}
part raid.swap${i} --size=512 --ondisk=${disk}
part raid.root${i} --size=2048 --ondisk=${disk}
`,
    );
    const members = (name: string): string => disks.map((_, i) => `raid.${name}${i}`).join(' ');
    const model = goodModel(
      `${RELEASE.replaceAll('vda,vdb', 'vda,vdb,vdc')}${parts.join('')}
raid /boot/efi --device=esp --level=RAID1 --spares=1 --fstype=efi ${members('esp')}
raid /boot --device=boot --level=1 --spares=1 ${members('boot')}
raid swap --device=/dev/md/swap --level=1 --spares=1 ${members('swap')}
raid / --device=root --level=1 --spares=1 --fstype=xfs ${members('root')}`,
      { vda: 8192, vdb: 8192, vdc: 8192 },
    );
    assert.deepEqual(tables(model).slice(0, 2), [
      '/dev/vda1 2048+204800 slipway-esp ESP',
      '/dev/vda2 206848+1048576 slipway-boot RAID',
    ]);
    assert.deepEqual(
      model.arrays.map(({ name, metadata, spares, bitmap, members: all }) => [
        name,
        metadata,
        spares,
        bitmap,
        all,
      ]),
      [
        ['esp', '1.0', 1, true, ['/dev/vda1', '/dev/vdb1', '/dev/vdc1']],
        ['boot', '1.0', 1, true, ['/dev/vda2', '/dev/vdb2', '/dev/vdc2']],
        ['swap', '1.2', 1, false, ['/dev/vda3', '/dev/vdb3', '/dev/vdc3']],
        ['root', '1.2', 1, true, ['/dev/vda4', '/dev/vdb4', '/dev/vdc4']],
      ],
    );
    assert.deepEqual(fileSystems(model), [
      '/dev/md/esp vfat /boot/efi',
      '/dev/md/boot ext4 /boot',
      '/dev/md/swap swap -',
      '/dev/md/root xfs /',
    ]);
  });

  it('puts everything on one disk, NVMe names and 4096-byte sectors included', () => {
    const model = goodModel(
      `${SINGLE.replaceAll('vda', 'nvme0n1')}part biosboot --size=1 --ondisk=nvme0n1
part /boot/efi --size=100 --ondisk=nvme0n1
part swap --size=512 --ondisk=nvme0n1
part / --size=1024 --grow --fstype=xfs --ondisk=nvme0n1 --fsoptions=noatime --mkfsoptions="-m reflink=0"
part /srv/my-data --fstype=ext3 --size=100 --ondrive=nvme0n1
part None --size=64 --fstype=mdmember --ondisk=nvme0n1`,
      { nvme0n1: { sizeBytes: 4096 * 1024 ** 2, sectorBytes: 4096 } },
    );
    assert.deepEqual(tables(model), [
      '/dev/nvme0n1p1 2048+2048 slipway-biosboot BIOS',
      '/dev/nvme0n1p2 4096+204800 slipway-esp ESP',
      '/dev/nvme0n1p3 208896+1048576 slipway-swap swap',
      '/dev/nvme0n1p4 1257472+6793216 slipway-root Linux',
      '/dev/nvme0n1p5 8050688+204800 slipway-srv-my-data Linux',
      '/dev/nvme0n1p6 8255488+131072 slipway-clustered Linux',
    ]);
    assert.equal(model.disks[0]?.sectorBytes, 4096);
    assert.deepEqual(fileSystems(model), [
      '/dev/nvme0n1p2 vfat /boot/efi',
      '/dev/nvme0n1p3 swap -',
      '/dev/nvme0n1p4 xfs /',
      '/dev/nvme0n1p5 ext3 /srv/my-data',
    ]);
    const root = model.fileSystems[2];
    assert.deepEqual([root?.mountOptions, root?.mkfsOptions], ['noatime', ['-m', 'reflink=0']]);
  });

  const LVM = `${SINGLE}part biosboot --size=1 --ondisk=vda
part /boot --size=512 --ondisk=vda
part pv.01 --size=1024 --grow --ondisk=vda
volgroup system pv.01
logvol / --vgname=system --name=root --size=2048
logvol /srv --vgname=system --name=files --size=256 --grow --maxsize=3000 --fstype=xfs
logvol swap --vgname=system --name=swap --size=512
`;

  it('builds volume groups on partitions', () => {
    const model = goodModel(LVM);
    assert.deepEqual(
      model.volumeGroups.map(({ name, physicalVolumes, volumes }) => [
        name,
        physicalVolumes,
        volumes.map(({ place: _, segment, ...volume }) => ({ ...volume, ...segment })),
      ]),
      [
        [
          'system',
          ['/dev/vda3'],
          [
            { type: 'linear', name: 'root', device: '/dev/system/root', sizeMiB: 2048, grow: false },
            {
              type: 'linear',
              name: 'files',
              device: '/dev/system/files',
              sizeMiB: 256,
              grow: true,
              maxSizeMiB: 3000,
            },
            { type: 'linear', name: 'swap', device: '/dev/system/swap', sizeMiB: 512, grow: false },
          ],
        ],
      ],
    );
    assert.deepEqual(tables(model).at(-1), '/dev/vda3 1052672+15722496 slipway- LVM');
    assert.deepEqual(fileSystems(model).slice(1), [
      '/dev/system/root ext4 /',
      '/dev/system/files xfs /srv',
      '/dev/system/swap swap -',
    ]);
  });

  it('counts what LVM and md keep for themselves', () => {
    const with256 = (size: number): string =>
      `${SINGLE}part biosboot --size=1 --ondisk=vda
part pv.a --size=1025 --ondisk=vda
volgroup g pv.a
logvol / --vgname=g --name=root --size=${size}`;
    assert.deepEqual(modelOf(with256(1024)).problems, []);
    assert.deepEqual(modelOf(with256(1025)).problems.map(brief), [
      '5:1 too-small: g is too small: its volumes need 1028 MiB, it has room for 1024 MiB',
    ]);
    const onArray = RAID1.replace(/^raid \/ .*$/m, 'raid pv.a --device=pv --level=1 raid.root0 raid.root1');
    const volume = (size: number): string =>
      `${onArray}volgroup g pv.a\nlogvol / --vgname=g --name=root --size=${size}`;
    assert.deepEqual(modelOf(volume(7668)).problems, []);
    assert.deepEqual(modelOf(volume(7672)).problems.map(brief), [
      '12:1 too-small: g is too small: its volumes need 7672 MiB, it has room for 7668 MiB',
    ]);
  });

  it('takes / for the boot file system where there is no /boot', () => {
    const model = goodModel(RAID1.replace(/^.*boot[01].*\n/gm, ''));
    assert.deepEqual(
      model.arrays.map(({ name, metadata }) => [name, metadata]),
      [['root', '1.0']],
    );
  });

  it('lets nothing of a mount point out of the name of a partition', () => {
    const model = goodModel(
      `${SINGLE}part biosboot --size=1 --ondisk=vda
part / --size=100 --ondisk=vda
part '/a"b,c$d' --size=100 --ondisk=vda
part /a-very-long/path/that/a-partition/table/cannot/hold --size=100 --ondisk=vda`,
    );
    const names = model.disks[0]?.partitions.map(({ gptName }) => gptName);
    assert.deepEqual(names?.slice(2), ['slipway-a-b-c-d', 'slipway-a-very-long-path-that-a-part']);
  });

  /** Where RAID1 names a disk. */
  const RAID1_DISK_WORDS = ['4:51', '5:37', '6:45', '7:47', '8:37', '9:45'];

  /** What is refused: title, change of a good kickstart, the problems. */
  const replaced = (from: string | RegExp, to: string): string => {
    const text = RAID1.replace(from, to);
    assert.notEqual(text, RAID1);
    return text;
  };
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    [
      'a disk that is not there',
      replaced('--size=512 --ondisk=vda', '--size=512 --ondisk=vdz'),
      ['5:37 no-such-disk: there is no disk vdz in this machine'],
    ],
    [
      'a disk that is cleared and not named as the only one to use',
      replaced('--only-use=vda,vdb', '--only-use=vda'),
      ['7:47', '8:37', '9:45'].map((place) => `${place} not-released: vdb is not released for partitioning`),
    ],
    ...(
      [
        ['that it does not clear', '--drives=vda,vdb', '--drives=vda'],
        ['that it does not clear wholly', '--all --drives', '--linux --drives'],
        ['that keeps its partition table', ' --initlabel --disklabel=gpt', ''],
      ] as const
    ).map(([title, from, to]) => {
      const places = to === '--drives=vda' ? ['7:47', '8:37', '9:45'] : RAID1_DISK_WORDS;
      const disk = (place: string): string => (Number(place.split(':')[0]) < 7 ? 'vda' : 'vdb');
      return [
        `a disk ${title}`,
        replaced(from, to),
        places.map((place) => `${place} not-released: ${disk(place)} is not released for partitioning`),
      ] as const;
    }),
    [
      'a partition without a disk',
      replaced('part raid.root1 --size=1024 --grow --ondisk=vdb', 'part raid.root1 --size=1024'),
      ['9:1 no-disk: no --ondisk: this installer never chooses a disk by itself'],
    ],
    [
      'a partition table it does not make',
      replaced('--disklabel=gpt', '--disklabel=dasd'),
      ['3:58 disk-label: a dasd partition table: this installer makes GPT and MBR'],
    ],
    [
      'a disk that is too small',
      replaced('--size=1024 --grow --ondisk=vda', '--size=9000 --ondisk=vda'),
      ['6:1 too-small: vda is too small: its partitions need 9513 MiB, it has room for 8190 MiB'],
    ],
    [
      'a partition of no size',
      replaced('--size=512 --ondisk=vda', '--size=0 --ondisk=vda'),
      ['5:1 no-size: a partition of no size'],
    ],
    [
      'a maximum below the least size',
      replaced('--grow --ondisk=vda', '--grow --maxsize=5 --ondisk=vda'),
      ['6:46 max-below-size: --maxsize=5 is less than --size=1024'],
    ],
    [
      'a member of no array',
      replaced(/^raid \/boot .*\n/m, 'part /boot --size=10 --ondisk=vda\n'),
      [
        '5:1 unused-member: raid.boot0 belongs to no array, volume group or btrfs volume',
        '8:1 unused-member: raid.boot1 belongs to no array, volume group or btrfs volume',
      ],
    ],
    [
      'a member that nobody made',
      replaced('raid.root0 raid.root1', 'raid.root0 raid.x'),
      [
        '11:57 no-such-member: no partition is named raid.x',
        '9:1 unused-member: raid.root1 belongs to no array, volume group or btrfs volume',
      ],
    ],
    [
      'a member used twice',
      replaced('raid.root0 raid.root1', 'raid.root0 raid.root1 raid.boot1'),
      [
        '11:1 members-on-one-disk: array root has two members on one disk',
        '11:68 member-used: raid.boot1 is used twice',
      ],
    ],
    [
      'two members on one disk',
      replaced('raid.boot1 --size=512 --ondisk=vdb', 'raid.boot1 --size=512 --ondisk=vda'),
      ['10:1 members-on-one-disk: array boot has two members on one disk'],
    ],
    [
      'too few active members',
      replaced('--device=root --level=1', '--device=root --level=1 --spares=1'),
      ['11:1 array-members: array root has 1 active members, RAID1 needs 2 or more'],
    ],
    [
      'too few members for the level',
      replaced('--device=root --level=1', '--device=root --level=5'),
      ['11:1 array-members: array root has 2 active members, RAID5 needs 3 or more'],
    ],
    [
      '/boot on another level than 1',
      replaced('--device=boot --level=1', '--device=boot --level=0'),
      ['10:1 boot-level: /boot on RAID0: a boot loader reads one member, so it must be RAID1'],
    ],
    [
      'an array named md0',
      replaced('--device=root', '--device=md0'),
      ["11:1 array-name: an array cannot be named 'md0'"],
    ],
    [
      'two arrays of one name',
      replaced('--device=root', '--device=boot'),
      ['11:1 duplicate-array: two arrays are named boot'],
    ],
    [
      'two volumes at one place',
      replaced('raid / ', 'raid /boot '),
      ['11:1 duplicate-mount: two volumes are mounted at /boot', '4:1 no-root: nothing is mounted at /'],
    ],
    [
      'a file system nobody makes',
      replaced('--fstype=ext4 raid.root0', '--fstype=ntfs raid.root0'),
      ['11:41 file-system: this installer makes no file system of type ntfs'],
    ],
    [
      'a mount point that is none',
      replaced('raid / ', 'raid stratis.1 '),
      ["11:6 mount-point: nothing can be mounted at 'stratis.1'", '4:1 no-root: nothing is mounted at /'],
    ],
    [
      'a mount point that leads elsewhere',
      replaced('raid / ', 'raid /../dev '),
      ["11:6 mount-point: nothing can be mounted at '/../dev'", '4:1 no-root: nothing is mounted at /'],
    ],
    [
      'a label that does not fit',
      replaced('--label=boot', '--label=seventeen-letters'),
      ["10:58 label-too-long: 'seventeen-letters' is too long for a label of ext4: 16 bytes"],
    ],
    [
      'encryption, of members too',
      replaced('raid.root0 --size=1024', 'raid.root0 --encrypted --size=1024'),
      ['6:17 encrypted: there is no passphrase, and nobody is asked for one here'],
    ],
    [
      'a partition that the kickstart removes',
      replaced('raid.root0 --size=1024', 'raid.root0 --onpart=vda3 --size=1024'),
      [
        '6:26 no-such-partition: there is no partition vda3, or the kickstart removes it or its disk is not to be used',
      ],
    ],
    [
      'an array that should be there and is not',
      replaced('--device=root', '--useexisting --device=root'),
      ['11:1 no-such-array: there is no array root on the disks of this machine'],
    ],
    [
      'a chunk of odd size',
      replaced('--device=root', '--chunksize=63 --device=root'),
      ['11:20 chunk-size: 63 KiB is no multiple of 4 KiB'],
    ],
    [
      'an ESP no firmware reads',
      replaced('raid / ', 'part /boot/efi --fstype=ext4 --size=9 --ondisk=vda\nraid / '),
      [
        '11:25 esp-type: firmware cannot read ext4 at /boot/efi',
        '8:1 boot-disk: vdb holds a part of /boot and has no EFI system partition, as other disks have',
      ],
    ],
    [
      'a /boot member without a boot loader beside it',
      replaced(/^part None.*\n/m, ''),
      ['7:1 boot-disk: vdb holds a part of /boot and has no biosboot partition, as other disks have'],
    ],
    [
      'a system no firmware could start',
      replaced(/^part (None|biosboot).*\n/gm, ''),
      [
        '4:1 no-boot-loader: there is neither a biosboot partition nor /boot/efi: no firmware could start this system',
      ],
    ],
    ['no partitions at all', 'zerombr\n', ['1:1 no-partitions: the kickstart makes no partitions']],
    [
      'a volume in no group',
      LVM.replace('--vgname=system --name=swap', '--vgname=sytem --name=swap'),
      ['9:22 no-such-group: no volume group is named sytem'],
    ],
    [
      'a volume of no size',
      LVM.replace('--name=swap --size=512', '--name=swap --size=0'),
      ['9:1 no-size: a logical volume of no size'],
    ],
    [
      'two volumes of one name',
      LVM.replace('--name=swap', '--name=root'),
      ['9:1 duplicate-volume: two volumes of system are named root'],
    ],
    [
      'volumes of more than everything',
      LVM.replace('--name=swap --size=512', '--name=swap --percent=60').replace(
        '--size=2048',
        '--percent=50',
      ),
      [
        '6:1 too-small: the volumes of system want 110 % of it',
        '6:1 too-small: system is too small: its volumes need 8416 MiB, it has room for 7676 MiB',
      ],
    ],
    [
      'an encrypted physical volume',
      LVM.replace('pv.01 --size', 'pv.01 --encrypted --size'),
      ['5:12 encrypted: there is no passphrase, and nobody is asked for one here'],
    ],
    [
      'a group without its physical volume',
      LVM.replace('volgroup system pv.01', 'volgroup system pv.02'),
      [
        '6:17 no-such-member: no partition is named pv.02',
        '5:1 unused-member: pv.01 belongs to no array, volume group or btrfs volume',
      ],
    ],
  ];
  for (const [title, text, problems] of cases) {
    it(`refuses ${title}`, () => assert.deepEqual(modelOf(text).problems.map(brief), problems));
  }

  it('refuses a member that two partitions claim to be', () => {
    const text = replaced('part raid.boot1', 'part raid.boot0');
    assert.ok(
      modelOf(text).problems.map(brief).includes('8:1 duplicate-member: two devices are named raid.boot0'),
    );
  });

  it('refuses a disk that cannot be written, once', () => {
    const unusable = '/dev/vdb1 is mounted at /run/install/repo';
    assert.deepEqual(modelOf(RAID1, { vda: 8192, vdb: { unusable } }).problems.map(brief), [
      `7:47 disk-in-use: vdb cannot be written: ${unusable}`,
    ]);
  });

  it('refuses everything at once', () => {
    const text = RAID1.replaceAll('vdb', 'vdz').replace('--fstype=ext4 --label=boot', '--fstype=zfs');
    const rules = modelOf(text).problems.map(({ rule }) => rule);
    for (const rule of ['no-such-disk', 'file-system']) {
      assert.ok(rules.includes(rule), `${rule} in ${rules}`);
    }
  });

  it('knows a disk by its names as one', () => {
    const model = goodModel(
      RAID1.replace(
        'raid.root0 --size=1024 --grow --ondisk=vda',
        'raid.root0 --size=1024 --grow --ondisk=/dev/vda',
      ),
    );
    assert.deepEqual(
      model.disks.map(({ name, partitions }) => [name, partitions.length]),
      [
        ['vda', 3],
        ['vdb', 3],
      ],
    );
  });
});
