import assert from 'node:assert/strict';
import { runStep } from '../../src/engine/run-step.ts';
import { describeModel } from '../../src/installer/describe-model.ts';
import type { ModelVolumeGroup } from '../../src/installer/model.ts';
import { createSnapshots } from '../../src/installer/steps/create-snapshots.ts';
import { createVolumeGroups } from '../../src/installer/steps/create-volume-groups.ts';
import { volumeCommands } from '../../src/installer/volume-commands.ts';
import { sizeVolumes } from '../../src/installer/volume-sizes.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { blank, foreign, good } from '../helpers/foreign-storage.ts';
import { brief, installationOf, why } from '../helpers/installer.ts';

const HEAD = `clearpart --all --initlabel
reqpart
part /boot --fstype=ext4 --size=500
`;
const THIN = `${HEAD}part pv.1 --size=9004
volgroup fedora pv.1
logvol swap --name=swap --vgname=fedora --size=500
logvol none --name=pool --vgname=fedora --size=7000 --thinpool
logvol / --name=root --vgname=fedora --size=6000 --thin --poolname=pool
logvol /home --name=home --vgname=fedora --size=1000 --thin --poolname=pool
`;
const CACHE = `${HEAD}part pv.1 --size=6600
part pv.2 --size=3100
volgroup fedora pv.1 pv.2
logvol swap --name=swap --vgname=fedora --size=500
logvol / --name=root --vgname=fedora --size=4000 --grow --cachepvs=pv.2 --cachesize=1000 --cachemode=writethrough
logvol /home --name=home --vgname=fedora --size=1000 --grow --cachepvs=pv.2 --cachesize=1000 --cachemode=writeback
`;
const disks = [blank('vda', 11_264)];

function groupOf(text: string): ModelVolumeGroup {
  const [group] = good(text, disks).volumeGroups;
  assert.ok(group);
  return group;
}
/** `name extents+metadata+cache` by volume. */
const sizes = (group: ModelVolumeGroup, extents: number): readonly string[] =>
  (sizeVolumes(group, extents).volumes ?? []).map(
    (size, index) => `${group.volumes[index]?.name} ${size.extents}+${size.metadata}+${size.cache}`,
  );
const calls = (group: ModelVolumeGroup, extents: number, free: ReadonlyMap<string, number> = new Map()) => {
  const volumes = sizeVolumes(group, extents).volumes ?? [];
  const sized = group.volumes.flatMap((volume, index) => {
    const size = volumes[index];
    return size === undefined ? [] : [{ volume, ...size }];
  });
  return volumeCommands(group, sized, free).map(({ file, args }) =>
    [file, ...args].join(' ').replace('--quiet --yes ', ''),
  );
};

describe('thin pools', () => {
  it('take their metadata and LVM’s spare out of themselves', () => {
    assert.deepEqual(sizes(groupOf(THIN), 2250), [
      'swap 125+0+0',
      'pool 1746+2+0',
      'root 1500+0+0',
      'home 250+0+0',
    ]);
  });

  it('have metadata of the size that is asked for beside them', () => {
    const group = groupOf(THIN.replace('--thinpool', '--thinpool --metadatasize=32 --chunksize=128'));
    assert.equal(sizes(group, 2250)[1], 'pool 1750+8+0');
    assert.match(calls(group, 2250)[1] ?? '', /--poolmetadatasize 32768k --chunksize 128k /);
  });

  it('grow with the group, and their volumes in them', () => {
    const grown = THIN.replace('--thinpool', '--thinpool --grow').replace(
      '--size=1000',
      '--size=1000 --grow',
    );
    assert.deepEqual(sizes(groupOf(grown), 2250), [
      'swap 125+0+0',
      'pool 2119+3+0',
      'root 1500+0+0',
      'home 619+0+0',
    ]);
  });

  it('have at least the room that their volumes are promised', () => {
    assert.equal(sizes(groupOf(THIN.replace('--size=7000', '--size=100')), 2250)[1], 'pool 1746+2+0');
  });

  it('divide themselves by percent', () => {
    const group = groupOf(THIN.replace('--size=1000', '--percent=50').replace('--size=6000', '--size=2000'));
    assert.equal(sizes(group, 2250)[3], 'home 623+0+0');
  });

  it('are made before their volumes', () => {
    assert.deepEqual(calls(groupOf(THIN), 2250), [
      'lvcreate --wipesignatures=y --extents 125 --name swap fedora',
      'lvcreate --type thin-pool --extents 1746 --poolmetadatasize 8192k --name pool fedora',
      'lvcreate --type thin --wipesignatures=y --virtualsize 6144000k --thinpool pool --name root fedora',
      'lvcreate --type thin --wipesignatures=y --virtualsize 1024000k --thinpool pool --name home fedora',
    ]);
  });

  it('are what autopart makes of everything but swap, with a fifth of the group left', () => {
    const model = good('clearpart --all --initlabel\nautopart --type=thinp\n', disks);
    const [group] = model.volumeGroups;
    assert.ok(group);
    assert.deepEqual(
      group.volumes.map(({ name, segment }) => [name, segment]),
      [
        ['pool00', { type: 'thin-pool' }],
        ['root', { type: 'thin', pool: 'pool00' }],
        ['swap', { type: 'linear' }],
      ],
    );
    // A fifth of 2560 extents, 282 of swap, and twice the metadata are not the pool's.
    assert.deepEqual(sizes(group, 2560), [
      `pool00 ${2560 - 512 - 282 - 2 * 2}+2+0`,
      `root ${2560 - 512 - 282 - 2 * 2}+0+0`,
      'swap 282+0+0',
    ]);
  });
});

describe('caches', () => {
  it('hold their metadata, the first one LVM’s spare as well, and grow with nobody', () => {
    assert.deepEqual(sizes(groupOf(CACHE), 2423), ['swap 125+0+0', 'root 1438+2+246', 'home 360+2+248']);
  });

  it('are made on the fast device first, what they are for lies on the slow ones while these have room', () => {
    const free = new Map([
      ['/dev/vda3', 1649],
      ['/dev/vda4', 774],
    ]);
    assert.deepEqual(calls(groupOf(CACHE), 2423, free), [
      'lvcreate --type cache-pool --extents 246 --poolmetadatasize 8192k --name root_cache fedora /dev/vda4',
      'lvcreate --type cache-pool --extents 248 --poolmetadatasize 8192k --name home_cache fedora /dev/vda4',
      'lvcreate --wipesignatures=y --extents 125 --name swap fedora /dev/vda3',
      'lvcreate --wipesignatures=y --extents 1438 --name root fedora /dev/vda3',
      'lvcreate --wipesignatures=y --extents 360 --name home fedora',
      'lvconvert --type cache --cachepool fedora/root_cache --cachemode writethrough fedora/root',
      'lvconvert --type cache --cachepool fedora/home_cache --cachemode writeback fedora/home',
    ]);
  });

  it('are told to people', () => {
    assert.ok(
      describeModel(good(CACHE, disks)).includes(
        '  /dev/fedora/home: 1000 MiB, growing, writeback cache of 1000 MiB on vda4',
      ),
    );
  });
});

describe('thin volumes and caches that cannot be', () => {
  for (const [title, text, expected] of [
    [
      'a volume in no pool',
      THIN.replace(
        '/home --name=home --vgname=fedora --size=1000 --thin --poolname=pool',
        '/home --name=home --vgname=fedora --size=1000 --thin --poolname=other',
      ),
      '9:1 no-such-pool: there is no thin pool other in front of home',
    ],
    [
      'a pool with odd chunks',
      THIN.replace('--thinpool', '--thinpool --chunksize=100'),
      '7:76 chunk-size: a pool cannot have chunks of 100 KiB',
    ],
    [
      'a pool with too few metadata',
      THIN.replace('--thinpool', '--thinpool --metadatasize=1'),
      '7:79 metadata-size: a pool cannot have 1 MiB of metadata',
    ],
    [
      'a profile nobody has',
      THIN.replace('--thinpool', '--thinpool --profile=fast'),
      '7:74 profile: LVM has no profile fast',
    ],
    [
      'a pool larger than its group',
      THIN.replace('--size=7000', '--size=9000'),
      '5:1 too-small: fedora is too small: its volumes need 9500 MiB, it has room for 9000 MiB',
    ],
    [
      '/boot on a thin volume',
      THIN.replace('part /boot --fstype=ext4 --size=500', 'part /srv --size=500'),
      '8:1 boot-volume: /boot lies on a thin volume, which the boot loader does not read',
    ],
    [
      '/boot on a cached volume',
      CACHE.replace('part /boot --fstype=ext4 --size=500', 'part /srv --size=500'),
      '8:1 boot-volume: /boot lies on a cached volume, which the boot loader does not read',
    ],
    [
      'a cache on a device of another group',
      CACHE.replace(
        '--cachepvs=pv.2 --cachesize=1000 --cachemode=writeback',
        '--cachepvs=pv.3 --cachesize=1000',
      ),
      '9:72 cache: fedora has no physical volume pv.3',
    ],
    [
      'a tiny cache',
      CACHE.replace('--cachesize=1000 --cachemode=writeback', '--cachesize=16'),
      '9:89 cache: a cache of 16 MiB is too small',
    ],
    [
      'a snapshot of an ordinary volume',
      `${THIN}snapshot fedora/swap --name=s --when=post-install\n`,
      '10:10 no-such-volume: swap is no thin volume of fedora: only those have snapshots here',
    ],
    [
      'a snapshot in no group',
      `${THIN}snapshot other/root --name=s --when=post-install\n`,
      '10:10 no-such-group: no volume group other is used',
    ],
    [
      'a snapshot of what is not there before the installation',
      `${THIN}snapshot fedora/root --name=s --when=pre-install\n`,
      '10:10 no-such-group: no volume group fedora is used',
    ],
    [
      'a snapshot with the name of a volume',
      `${THIN}snapshot fedora/root --name=home --when=post-install\n`,
      '10:29 duplicate-volume: fedora has a volume home already',
    ],
  ] as const) {
    it(`are refused: ${title}`, () => {
      const found = foreign(text, disks).problems.map(brief);
      assert.deepEqual(found, [expected]);
    });
  }
});

/** LVM that knows the group's volumes, in the lines of its reports, as soon as they are made. */
function lvmMachine(group: string, lines: readonly string[]): FakeMachine {
  let made = false;
  const act = (): string => {
    made = true;
    return '';
  };
  return fakeMachine({
    commands: {
      ...Object.fromEntries(
        ['udevadm', 'mkdir', 'mount', 'umount', 'xfs_admin'].map((file) => [file, () => '']),
      ),
      pvcreate: () => '',
      lvcreate: act,
      lvchange: act,
      lvconvert: act,
      vgchange: () => '',
      vgcreate: () => '',
      vgs: () => group,
      lvs: () => (made ? lines.map((line) => `  ${line}\n`).join('') : ''),
    },
  });
}

describe('create-volume-groups with thin volumes and caches', () => {
  const thin = good(THIN, disks);
  const cached = good(CACHE, disks);
  const THIN_ROWS = [
    'swap|512000.00|linear||||',
    'pool|7151616.00|thin-pool||8192.00|64.00|',
    '[lvol0_pmspare]|8192.00|linear||||',
    'root|6144000.00|thin|pool|||',
    'home|1024000.00|thin|pool|||',
  ];
  const CACHE_ROWS = [
    'swap|512000.00|linear||||',
    'root|5890048.00|cache|[root_cache_cpool]||64.00|writethrough',
    '[root_cache_cpool]|1007616.00|cache-pool||8192.00|64.00|writethrough',
    'home|1474560.00|cache|[home_cache_cpool]||64.00|writeback',
    '[home_cache_cpool]|1015808.00|cache-pool||8192.00|64.00|writeback',
  ];
  const THIN_GROUP = '  2250|/dev/vda3|2250\n';
  const CACHE_GROUP = '  2423|/dev/vda3|1649\n  2423|/dev/vda4|774\n';

  it('believes what it reads back', async () => {
    for (const [model, group, rows] of [
      [thin, THIN_GROUP, THIN_ROWS],
      [cached, CACHE_GROUP, CACHE_ROWS],
    ] as const) {
      const report = await runStep(createVolumeGroups, lvmMachine(group, rows), installationOf(model));
      assert.equal(report.outcome, 'changed', JSON.stringify(report));
    }
  });

  for (const [title, model, group, rows, from, to, expected] of [
    [
      'a volume that is not thin',
      thin,
      THIN_GROUP,
      THIN_ROWS,
      'thin|pool',
      'linear|',
      '/dev/fedora/root is of type linear, not thin',
    ],
    [
      'another pool',
      thin,
      THIN_GROUP,
      THIN_ROWS,
      'thin|pool',
      'thin|other',
      '/dev/fedora/root lies in other',
    ],
    [
      'other metadata',
      thin,
      THIN_GROUP,
      THIN_ROWS,
      '|8192.00|64',
      '|4096.00|64',
      '/dev/fedora/pool has 4096 KiB of metadata, 8192 are wanted',
    ],
    [
      'a smaller pool',
      thin,
      THIN_GROUP,
      THIN_ROWS,
      '7151616',
      '7147520',
      '/dev/fedora/pool has 7147520 KiB, 7151616 are wanted',
    ],
    [
      'a volume without its cache',
      cached,
      CACHE_GROUP,
      CACHE_ROWS,
      'cache|[root',
      'linear|[root',
      '/dev/fedora/root is of type linear, not cache',
    ],
    [
      'a smaller cache',
      cached,
      CACHE_GROUP,
      CACHE_ROWS,
      '1007616',
      '4096',
      '/dev/fedora/root has a cache of 4096 KiB, 1007616 are wanted',
    ],
    [
      'a cache of another kind',
      cached,
      CACHE_GROUP,
      CACHE_ROWS,
      '|writeback',
      '|writethrough',
      '/dev/fedora/home has a cache for writethrough',
    ],
  ] as const) {
    it(`does not believe ${title}`, async () => {
      const machine = lvmMachine(group, rows.join('\n').replace(from, to).split('\n'));
      const report = await runStep(createVolumeGroups, machine, installationOf(model));
      assert.equal(why(report), `applied, but still: ${expected}`);
    });
  }
});

describe('create-snapshots', () => {
  const model = good(`${THIN}snapshot fedora/root --name=before --when=post-install\n`, disks);
  const step = createSnapshots('post-install', 'run-post-scripts');

  it('makes the snapshot, wakes it, and lets it sleep again', async () => {
    const machine = lvmMachine('', ['root||thin', 'before|root|thin']);
    machine.files.set('/dev/fedora/before', Buffer.alloc(70_000));
    const report = await runStep(step, machine, installationOf(model));
    assert.equal(report.outcome, 'changed', JSON.stringify(report));
    assert.deepEqual(
      machine.ran
        .filter(({ effect }) => effect === 'write')
        .map(({ file, args }) => [file, ...args.slice(2)].join(' ')),
      [
        'vgchange --activate y fedora',
        'lvcreate --snapshot --name before fedora/root',
        'lvchange --activate y --ignoreactivationskip fedora/before',
        'lvchange --activate n fedora/before',
      ],
    );
  });

  it('gives a snapshot of XFS a UUID of its own', async () => {
    const machine = lvmMachine('', ['before|root|thin']);
    machine.files.set('/dev/fedora/before', Buffer.concat([Buffer.from('XFSB'), Buffer.alloc(70_000)]));
    assert.equal((await runStep(step, machine, installationOf(model))).outcome, 'changed');
    assert.deepEqual(
      machine.ran
        .filter(({ file }) => ['mount', 'umount', 'xfs_admin'].includes(file))
        .map(({ args }) => args.join(' ')),
      [
        '-t xfs -o nouuid /dev/fedora/before /run/slipway/snapshot',
        '/run/slipway/snapshot',
        '-U generate /dev/fedora/before',
      ],
    );
  });

  for (const [title, rows, expected] of [
    ['nothing', ['root||thin'], 'there is no snapshot fedora/before'],
    ['a snapshot of something else', ['before|home|thin'], 'fedora/before is no snapshot of root'],
  ] as const) {
    it(`does not take ${title} for it`, async () => {
      const machine = lvmMachine('', rows);
      machine.files.set('/dev/fedora/before', Buffer.alloc(70_000));
      assert.equal(
        why(await runStep(step, machine, installationOf(model))),
        `applied, but still: ${expected}`,
      );
    });
  }
});
