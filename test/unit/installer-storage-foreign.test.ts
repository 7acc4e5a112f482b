import assert from 'node:assert/strict';
import { describeModel } from '../../src/installer/describe-model.ts';
import type { StorageModel } from '../../src/installer/model.ts';
import { swapSize } from '../../src/installer/model-sizes.ts';
import type { StorageFacts } from '../../src/installer/storage-facts.ts';
import { crypttab, fstab } from '../../src/installer/storage-files.ts';
import { blank, foreign, good, used } from '../helpers/foreign-storage.ts';
import { brief } from '../helpers/installer.ts';

const SECTORS = 2048;

/** `vda new gpt: 1+600 2+500` with numbers and MiB; `keeps` and `loses` for a table that stays. */
const tables = ({ disks }: StorageModel): readonly string[] =>
  disks.map(({ name, fresh, label, kept, removed, partitions }) => {
    const stays = `${label}, keeps ${kept.map(({ number }) => number).join()}, loses ${removed.join()}`;
    const made = partitions.map(({ number, sectors, role }) => {
      const word = role === 'primary' ? '' : role[0];
      return `${word}${number}+${sectors / SECTORS}`;
    });
    return `${name} ${fresh ? `new ${label}` : stays}: ${made.join(' ')}`;
  });

describe('the disks a kickstart without --only-use may use', () => {
  const PART = 'part /boot/efi --size=100\npart / --size=1000\n';

  for (const [title, commands, disks, expected] of [
    [
      'clears all with clearpart --all, whatever is on them',
      'clearpart --all\n',
      [used('vda', 'mbr', {}), blank('vdb')],
      ['vda new gpt: 1+100', 'vdb new gpt: 1+1000'],
    ],
    [
      'gives an empty disk a table with clearpart --none --initlabel, and leaves a full one',
      'clearpart --none --initlabel\n',
      [used('vda', 'mbr', { mib: 10_239 }), blank('vdb')],
      ['vdb new gpt: 1+100 2+1000'],
    ],
    [
      'gives a disk without a table one for zerombr',
      'zerombr\n',
      [blank('vda'), { ...blank('vdb'), content: 'ext4' }],
      ['vda new gpt: 1+100 2+1000'],
    ],
    [
      'removes what is Linux, and makes a table anew when nothing else was in it',
      'clearpart --linux --initlabel\n',
      [used('vda', 'mbr', { content: 'ext4' }), used('vdb', 'mbr', { content: 'vfat' }, { content: 'xfs' })],
      ['vda new gpt: 1+100 2+1000', 'vdb mbr, keeps 1, loses 2: '],
    ],
    [
      'removes what a list names, and keeps the table',
      'clearpart --list=vda1 --initlabel\n',
      [used('vda', 'mbr', { content: 'ext4' }, { content: 'ext4' })],
      ['vda mbr, keeps 2, loses 1: 1+100 3+1000'],
    ],
    [
      'clears the drives that it names, and uses what is free elsewhere',
      'clearpart --all --drives=vdb\n',
      [used('vda', 'gpt', { mib: 200 }), used('vdb', 'gpt', {})],
      ['vda gpt, keeps 1, loses : 2+100', 'vdb new gpt: 1+1000'],
    ],
    [
      'leaves an ignored disk alone',
      'clearpart --all\nignoredisk --drives=vda\n',
      [used('vda', 'gpt', {}), used('vdb', 'gpt', {})],
      ['vdb new gpt: 1+100 2+1000'],
    ],
    [
      'uses nothing but what --only-use names',
      'clearpart --all\nignoredisk --only-use=vdb\n',
      [used('vda', 'gpt', {}), used('vdb', 'gpt', {})],
      ['vdb new gpt: 1+100 2+1000'],
    ],
    [
      'never touches a disk that is in use',
      'clearpart --all\n',
      [{ ...used('vda', 'gpt', {}), unusable: 'it holds the volume OEMDRV' }, blank('vdb')],
      ['vdb new gpt: 1+100 2+1000'],
    ],
  ] as const) {
    it(title, () => {
      const model = good(commands + PART, disks);
      assert.deepEqual(tables(model), expected);
    });
  }

  it('removes nothing when nobody says so', () => {
    const { problems } = foreign(PART, [used('vda', 'gpt', { mib: 10_000 }), blank('vdb')]);
    assert.deepEqual(problems.map(brief), [
      '2:1 too-small: there is no room of 1000 MiB in one piece for this partition',
    ]);
  });

  it('says that there is no disk to use', () => {
    const { problems } = foreign(PART, [blank('vda')]);
    assert.deepEqual(problems.map(brief).slice(0, 1), [
      '1:1 no-disk: no disk of this machine may be partitioned: vda has no partition table',
    ]);
  });
});

describe('where partitions go', () => {
  it('puts what boots on the boot disk and the rest where most room is', () => {
    const text = `clearpart --all\nbootloader --boot-drive=vdb
part /srv --size=4000
part / --size=5000
part /boot --size=500
part /boot/efi --size=100
part /home --size=100 --grow
`;
    const model = good(text, [blank('vda'), blank('vdb')]);
    assert.deepEqual(tables(model), ['vdb new gpt: 1+4000 2+500 3+100 4+5638', 'vda new gpt: 1+5000']);
  });

  it('makes the fourth partition of an MBR a logical one', () => {
    const text =
      'clearpart --all\npart / --size=1000\npart /a --size=10\npart /b --size=10\npart /c --size=10 --grow\n';
    const model = good(text, [blank('vda')], { firmware: 'bios', label: 'mbr' });
    assert.deepEqual(tables(model), ['vda new mbr: 1+1000 2+10 3+10 e4+9219 l5+9218']);
    assert.deepEqual(model.boot.bios, [{ disk: 'vda' }]);
  });

  it('gives a primary partition the last place that it claims', () => {
    const parts = ['/', '/a', '/b', '/c'].map((at) => `part ${at} --size=10 --asprimary\n`).join('');
    const model = good(`clearpart --all\n${parts}`, [blank('vda')], { firmware: 'bios', label: 'mbr' });
    assert.deepEqual(tables(model), ['vda new mbr: 1+10 2+10 3+10 4+10']);
  });
});

describe('reqpart and autopart', () => {
  it('make an ESP for UEFI, a BIOS boot partition for a GPT, and nothing for an MBR', () => {
    const text = 'clearpart --all\nreqpart --add-boot\npart / --size=4000\n';
    const of = (facts: Partial<StorageFacts>): readonly string[] => tables(good(text, [blank('vda')], facts));
    assert.deepEqual(of({}), ['vda new gpt: 1+600 2+2048 3+4000']);
    assert.deepEqual(of({ firmware: 'bios' }), ['vda new gpt: 1+1 2+2048 3+4000']);
    assert.deepEqual(of({ firmware: 'bios', label: 'mbr' }), ['vda new mbr: 1+2048 2+4000']);
  });

  it('use an ESP that is there', () => {
    const esp = { type: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B', content: 'vfat', mib: 500 };
    const model = good('autopart --type=plain --noswap\n', [used('vda', 'gpt', esp)]);
    assert.deepEqual(tables(model), ['vda gpt, keeps 1, loses : 2+2048 3+7690']);
    assert.equal(model.fileSystems.find(({ device }) => device === '/dev/vda1')?.keep, true);
  });

  it('make a group over all disks by default, encrypted as one', () => {
    const text = 'zerombr\nautopart --encrypted --passphrase=secret\nnetwork --hostname=a.example\n';
    const model = good(text, [blank('vda'), blank('vdb')], {
      newUuid: (() => {
        let n = 0;
        return () => `u${n++}`;
      })(),
    });
    assert.deepEqual(
      model.volumeGroups.map(({ name, physicalVolumes }) => [name, physicalVolumes]),
      [['slipway_a', ['/dev/mapper/luks-u0', '/dev/mapper/luks-u1']]],
    );
    assert.deepEqual(
      model.crypts.map(({ container, version }) => [container, version]),
      [
        ['/dev/vda3', 2],
        ['/dev/vdb1', 2],
      ],
    );
    assert.ok(!describeModel(model).join('\n').includes('secret'));
    assert.equal(crypttab(model)?.split('\n')[0], 'luks-u0 UUID=u0 none discard,x-initrd.attach');
  });

  it('make /home where there is room for it, and swap by the memory', () => {
    const mounts = (options: string): readonly string[] =>
      good(`clearpart --all\nautopart ${options}\n`, [blank('vda', 61_440)]).fileSystems.map(
        ({ mountPoint = 'swap', type }) => `${mountPoint} ${type}`,
      );
    assert.deepEqual(mounts(''), ['/boot/efi vfat', '/boot xfs', '/ xfs', '/home xfs', 'swap swap']);
    assert.deepEqual(mounts('--type=plain --nohome --noboot --noswap --fstype=ext2'), [
      '/boot/efi vfat',
      '/ ext2',
    ]);
    assert.deepEqual(
      [swapSize(1023, 100_000), swapSize(4095, 100_000), swapSize(4095, 10_000)],
      [2048, 4096, 1000],
    );
    assert.equal(swapSize(1023, undefined), 3072);
  });
});

describe('volumes and mounts', () => {
  const HEAD = 'clearpart --all\nreqpart\n';

  it('shares a group by percent, and keeps a reserve', () => {
    const text = `${HEAD}part pv.1 --size=6000
volgroup g pv.1 --pesize=8192 --reserved-percent=10
logvol / --vgname=g --name=root --percent=50
`;
    const [group] = good(text, [blank('vda')]).volumeGroups;
    assert.deepEqual([group?.extentKiB, group?.reservedPercent, group?.volumes[0]?.percent], [8192, 10, 50]);
  });

  it('takes an array by its number, and a group by the name of its array', () => {
    const text = `${HEAD}part raid.1 --size=3000 --ondisk=vda
part raid.2 --size=3000 --ondisk=vdb
part /boot --size=500
raid pv.1 --device=0 --level=0 --chunksize=4 raid.1 raid.2
volgroup g 0
logvol / --vgname=g --name=root --size=4000
`;
    const model = good(text, [blank('vda'), blank('vdb')]);
    const { device, level, chunkKiB } = model.arrays[0] ?? {};
    assert.deepEqual([device, level, chunkKiB], ['/dev/md0', 'raid0', 4]);
    assert.deepEqual(model.volumeGroups[0]?.physicalVolumes, ['/dev/md0']);
  });

  it('keeps what mount does not reformat, and writes fstab as Anaconda does', () => {
    const disk = used(
      'vda',
      'gpt',
      { content: 'vfat' },
      { content: 'ext4' },
      { content: 'ext4' },
      { content: 'swap' },
    );
    const text = `mount /dev/vda1 /boot/efi
mount /dev/vda2 / --reformat=xfs --mkfsoptions="-L root"
mount /dev/vda3 /home --mountoptions=nofail
mount /dev/vda4 none
`;
    const model = good(text, [disk]);
    assert.deepEqual(tables(model), ['vda gpt, keeps 1,2,3,4, loses : ']);
    assert.deepEqual(
      model.fileSystems.map(({ device, type, keep = false }) => [device, type, keep]),
      [
        ['/dev/vda1', 'vfat', true],
        ['/dev/vda2', 'xfs', false],
        ['/dev/vda3', 'ext4', true],
        ['/dev/vda4', 'swap', true],
      ],
    );
    assert.deepEqual(
      fstab(model, { fileSystem: (device) => device.slice(-4), array: () => '' })
        .split('\n')
        .slice(1),
      [
        'UUID=vda2 / xfs defaults 0 0',
        'UUID=vda4 none swap defaults 0 0',
        'UUID=vda3 /home ext4 nofail 0 2',
        'UUID=vda1 /boot/efi vfat umask=0077,shortname=winnt 0 2',
        '',
      ],
    );
  });

  it('has room in memory for tmpfs', () => {
    const text = `${HEAD}part / --size=1000\npart --fstype=tmpfs --size 5000 /tmp\n`;
    const model = good(text, [blank('vda')]);
    const line = fstab(model, { fileSystem: () => 'X', array: () => '' })
      .split('\n')
      .find((one) => one.includes('tmp'));
    assert.equal(line, 'tmpfs /tmp tmpfs size=5000m 0 0');
  });

  for (const [title, text, expected] of [
    [
      'a partition that is not there',
      'mount /dev/vda9 /\n',
      '1:7 no-such-partition: there is no partition /dev/vda9, or its disk is not to be used',
    ],
    [
      'UEFI without an ESP',
      'clearpart --all\npart / --size=1000\n',
      '2:1 no-boot-loader: there is neither a biosboot partition nor /boot/efi: no firmware could start this system',
    ],
    [
      'a boot drive that is not there',
      `${HEAD}bootloader --boot-drive=vdz\npart / --size=9\n`,
      '3:25 no-such-disk: there is no disk vdz to boot from',
    ],
    [
      'an escrow certificate',
      `${HEAD}part / --size=99 --encrypted --passphrase=x --escrowcert=http://x/\n`,
      '3:45 unsupported-option: this installer does not know --escrowcert',
    ],
    [
      'an encrypted /boot',
      `${HEAD}part / --size=9\npart /boot --size=99 --encrypted --passphrase=x\n`,
      '4:22 encrypted: no boot loader reads an encrypted /boot',
    ],
    [
      '--noformat without --onpart',
      `${HEAD}part / --size=9 --noformat\n`,
      '3:17 keeps-existing: --noformat needs --onpart',
    ],
  ] as const) {
    it(`refuses ${title}`, () => {
      assert.ok(
        foreign(text, [blank('vda')])
          .problems.map(brief)
          .includes(expected),
        foreign(text, [blank('vda')])
          .problems.map(brief)
          .join('\n'),
      );
    });
  }
});
