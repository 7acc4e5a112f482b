import assert from 'node:assert/strict';
import { runStep } from '../../src/engine/run-step.ts';
import { kernelArguments } from '../../src/installer/boot-files.ts';
import { describeModel } from '../../src/installer/describe-model.ts';
import { cryptsBelow } from '../../src/installer/model-layers.ts';
import { makeBtrfsVolumes, makeCommands } from '../../src/installer/steps/make-btrfs-volumes.ts';
import { fstab } from '../../src/installer/storage-files.ts';
import { identifyBtrfs } from '../../src/storage/file-system.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { blank, foreign, good } from '../helpers/foreign-storage.ts';
import { brief, installationOf, why } from '../helpers/installer.ts';

const BTRFS = `clearpart --all --initlabel
reqpart
part /boot --fstype=ext4 --size=500
part btrfs.10 --fstype=btrfs --size=2200 --fsoptions=loud,noatime
part btrfs.12 --fstype=btrfs --size=2200
btrfs none --data=0 --metadata=RAID1 --label=data btrfs.10 btrfs.12
btrfs / --subvol --name=root data
btrfs /home --subvol --name=home LABEL=data
`;
const disks = [blank('vda')];

describe('btrfs in the storage model', () => {
  const model = good(BTRFS, disks);

  it('makes volumes over partitions and mounts their subvolumes by the first', () => {
    assert.deepEqual(
      model.btrfs.map(({ place: _, ...volume }) => volume),
      [
        {
          devices: ['/dev/vda3', '/dev/vda4'],
          label: 'data',
          data: 'raid0',
          metadata: 'raid1',
          subvolumes: ['root', 'home'],
          mkfsOptions: [],
        },
      ],
    );
    const ids = { fileSystem: (device: string) => device.slice(5), array: () => '' };
    assert.deepEqual(fstab(model, ids).split('\n').slice(1, -1), [
      'UUID=vda3 / btrfs subvol=root,loud,noatime 0 0',
      'UUID=vda2 /boot ext4 defaults 0 2',
      'UUID=vda3 /home btrfs subvol=home,loud,noatime 0 0',
      'UUID=vda1 /boot/efi vfat umask=0077,shortname=winnt 0 2',
    ]);
    assert.ok(kernelArguments(model, ids, installationOf(model).config).includes('rootflags=subvol=root'));
    assert.ok(
      describeModel(model).includes(
        'btrfs on vda3, vda4, label data, data raid0, metadata raid1, subvolumes root, home',
      ),
    );
  });

  it('takes a partition with the format for a volume of its own', () => {
    const own = good(
      'clearpart --all --initlabel\nreqpart --add-boot\npart / --size=4000 --fstype=btrfs --label=one\n',
      disks,
    );
    assert.deepEqual(
      own.btrfs.map(({ devices, label }) => [devices, label]),
      [[['/dev/vda3'], 'one']],
    );
  });

  it('opens all containers below a volume', () => {
    let count = 0;
    const sealed = good(BTRFS.replaceAll('--fstype=btrfs', '--encrypted --passphrase=x'), disks, {
      newUuid: () => String(count++),
    });
    assert.equal(cryptsBelow(sealed, sealed.btrfs[0]?.devices[0] ?? '').length, 2);
  });

  it('is what autopart makes with a partition for swap and /home on every disk', () => {
    const auto = good('clearpart --all --initlabel\nautopart --type=btrfs\n', [blank('vda'), blank('vdb')]);
    assert.deepEqual(
      auto.fileSystems.map(({ device, mountPoint = '-', subvolume = '' }) => [device, mountPoint, subvolume]),
      [
        ['/dev/vda1', '/boot/efi', ''],
        ['/dev/vda2', '/boot', ''],
        ['/dev/vdb1', '-', ''],
        ['/dev/vda3', '/', 'root'],
        ['/dev/vda3', '/home', 'home'],
      ],
    );
    assert.deepEqual(auto.btrfs[0]?.devices, ['/dev/vda3', '/dev/vdb2']);
  });

  for (const [title, text, expected] of [
    [
      'a profile for more devices',
      BTRFS.replace('--data=0', '--data=raid10'),
      '6:19 btrfs-profile: raid10 needs 4 devices, there are 2',
    ],
    [
      'a member that nobody made',
      BTRFS.replace('btrfs.10 btrfs.12\n', 'btrfs.10 btrfs.12 btrfs.13\n'),
      '6:69 no-such-member: no partition is named btrfs.13',
    ],
    [
      'a member that nobody uses',
      BTRFS.replace('btrfs.10 btrfs.12\n', 'btrfs.10\n').replace('--data=0 --metadata=RAID1 ', ''),
      '5:1 unused-member: btrfs.12 belongs to no array, volume group or btrfs volume',
    ],
    [
      'a subvolume of nothing',
      BTRFS.replace('LABEL=data', 'other'),
      '8:34 no-such-volume: no btrfs volume is labelled other',
    ],
    [
      'two subvolumes of a name',
      BTRFS.replace('--name=home', '--name=root'),
      '8:29 duplicate-subvolume: two subvolumes are named root',
    ],
    [
      'a subvolume that leads elsewhere',
      BTRFS.replace('--name=home', '--name=../home'),
      "8:29 subvolume-name: '../home' is no name of a subvolume",
    ],
    [
      'a volume that is there',
      BTRFS.replace('--name=home', '--useexisting --name=home'),
      '8:22 unsupported-option: this installer makes btrfs volumes anew and does not know --useexisting',
    ],
    [
      'a tiny member',
      BTRFS.replace('btrfs.12 --fstype=btrfs --size=2200', 'btrfs.12 --fstype=btrfs --size=99'),
      '5:1 too-small: 99 MiB are too small for btrfs, which needs 256',
    ],
    [
      '/boot inside',
      BTRFS.replace('part /boot --fstype=ext4', 'part /srv'),
      '7:1 boot-volume: /boot lies on btrfs, which the boot loader does not read',
    ],
  ] as const) {
    it(`refuses ${title}`, () => assert.deepEqual(foreign(text, disks).problems.map(brief), [expected]));
  }
});

/** What a device of a volume begins with. */
function superblock(
  change: { readonly uuid?: string; readonly label?: string; readonly devices?: number } = {},
): Buffer {
  const bytes = Buffer.alloc(65_536 + 4096);
  bytes.write('_BHRfS_M', 65_536 + 64);
  bytes.write(change.uuid ?? 'aaaaaaaaaaaaaaaa', 65_536 + 32);
  bytes.writeBigUInt64LE(BigInt(change.devices ?? 2), 65_536 + 136);
  bytes.write(change.label ?? 'data', 65_536 + 299);
  return bytes;
}

describe('make-btrfs-volumes', () => {
  const model = good(BTRFS, disks);
  const CHUNKS = 'length 1 type DATA|RAID0\nlength 2 type SYSTEM|RAID1\nlength 3 type METADATA|RAID1\n';
  const ROOTS =
    '\troot ref key dirid 256 sequence 2 name root\n\t\troot ref key dirid 256 sequence 3 name home\n';

  function machineWith(
    change: Parameters<typeof superblock>[0] = {},
    chunks = CHUNKS,
    roots = ROOTS,
  ): FakeMachine {
    const quiet = Object.fromEntries(
      ['modprobe', 'mkdir', 'mount', 'umount', 'udevadm'].map((file) => [file, () => '']),
    );
    return fakeMachine({
      files: { '/dev/vda3': Buffer.alloc(70_000), '/dev/vda4': Buffer.alloc(70_000) },
      commands: {
        ...quiet,
        'mkfs.btrfs': (_, machine) => {
          machine.files.set('/dev/vda3', superblock());
          machine.files.set('/dev/vda4', superblock(change));
          return '';
        },
        btrfs: ({ args }) => (args.includes('chunk') ? chunks : args.includes('root') ? roots : ''),
      },
    });
  }

  it('shows the kernel every device before it mounts one', () => {
    const [volume] = model.btrfs;
    assert.ok(volume);
    assert.deepEqual(
      makeCommands(volume).map(({ file, args }) => [file, ...args].join(' ')),
      [
        'mkfs.btrfs --quiet --force --label data --data raid0 --metadata raid1 /dev/vda3 /dev/vda4',
        'modprobe btrfs',
        'btrfs device scan /dev/vda3 /dev/vda4',
        'mkdir -p /run/slipway/btrfs',
        'mount -t btrfs /dev/vda3 /run/slipway/btrfs',
        'btrfs subvolume create /run/slipway/btrfs/root',
        'btrfs subvolume create /run/slipway/btrfs/home',
        'umount /run/slipway/btrfs',
      ],
    );
  });

  it('makes volumes and reads them back; what looks the same on a disk is made anew', async () => {
    const machine = machineWith();
    assert.equal((await runStep(makeBtrfsVolumes, machine, installationOf(model))).outcome, 'changed');
    assert.equal((await runStep(makeBtrfsVolumes, machine, installationOf(model))).outcome, 'already-done');
    const again = await makeBtrfsVolumes.check(machine, installationOf(good(BTRFS, disks)));
    assert.deepEqual(again, { done: false, why: '/dev/vda3 holds what it held before' });
  });

  for (const [title, machine, expected] of [
    [
      'another volume',
      machineWith({ uuid: 'bbbbbbbbbbbbbbbb' }),
      '/dev/vda4 is part of another volume than /dev/vda3',
    ],
    ['a device more', machineWith({ devices: 3 }), 'the volume on /dev/vda4 has 3 devices, 2 are wanted'],
    ['another label', machineWith({ label: 'dat' }), "/dev/vda4 is labelled 'dat'"],
    [
      'another profile',
      machineWith({}, CHUNKS.replace('DATA|RAID0', 'DATA')),
      'data on /dev/vda3 is single, not raid0',
    ],
    ['no metadata', machineWith({}, 'type DATA|RAID0\n'), 'metadata on /dev/vda3 is nowhere, not raid1'],
    [
      'a subvolume that is not there',
      machineWith({}, CHUNKS, ROOTS.replace('home', 'hom')),
      'there is no subvolume home on /dev/vda3',
    ],
  ] as const) {
    it(`does not believe ${title}`, async () => {
      const report = await runStep(makeBtrfsVolumes, machine, installationOf(model));
      assert.equal(why(report), `applied, but still: ${expected}`);
    });
  }

  it('knows a superblock by its magic', () => {
    const bytes = superblock().subarray(65_536);
    assert.deepEqual(identifyBtrfs(bytes), {
      type: 'btrfs',
      uuid: '61616161-6161-6161-6161-616161616161',
      label: 'data',
      devices: 2,
    });
    bytes[64] = 0;
    assert.equal(identifyBtrfs(bytes), undefined);
  });
});
