import assert from 'node:assert/strict';
import { runStep, type StepReport } from '../../src/engine/run-step.ts';
import type { Step } from '../../src/engine/step.ts';
import type { Installation } from '../../src/installer/installation.ts';
import type { ModelArray, ModelFileSystem, StorageModel } from '../../src/installer/model.ts';
import {
  arrayDifference,
  createArguments,
  createArrays,
  releaseArrays,
} from '../../src/installer/steps/create-arrays.ts';
import { createVolumeGroups } from '../../src/installer/steps/create-volume-groups.ts';
import { makeCommand, makeFileSystems } from '../../src/installer/steps/make-file-systems.ts';
import { mountTarget, unmountTarget } from '../../src/installer/steps/mount-target.ts';
import { partitionDisks, sfdiskScript } from '../../src/installer/steps/partition-disks.ts';
import { stopArrays } from '../../src/installer/steps/seal-installation.ts';
import { readArrays } from '../../src/storage/md.ts';
import { diskWithTable } from '../helpers/disk-images.ts';
import { arrayFiles, type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { goodModel, installationOf, RAID1, RELEASE, why } from '../helpers/installer.ts';

const run = (step: Step<Installation>, machine: FakeMachine, model: StorageModel): Promise<StepReport> =>
  runStep(step, machine, installationOf(model));
const lines = ({ ran }: FakeMachine, ...files: readonly string[]): readonly string[] =>
  ran.flatMap(({ file, args }) =>
    files.length === 0 || files.includes(file) ? [file, ...args].join(' ') : [],
  );
const udevadm = (): string => '';

describe('partition-disks', () => {
  const SMALL = `ignoredisk --only-use=vda
clearpart --all --drives=vda --initlabel
part biosboot --size=1 --ondisk=vda
part /boot/efi --size=4 --ondisk=vda
part / --size=1 --grow --ondisk=vda
`;
  const small = (sectorBytes: number): StorageModel =>
    goodModel(SMALL, { vda: { sizeBytes: 16 * 1024 ** 2, sectorBytes } });

  it('speaks to sfdisk in the sectors of the disk', () => {
    const script = (sectorBytes: number): readonly string[] => {
      const [disk] = small(sectorBytes).disks;
      assert.ok(disk);
      return sfdiskScript(disk).split('\n');
    };
    assert.deepEqual(script(512), [
      'label: gpt',
      'unit: sectors',
      'start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, name="slipway-biosboot"',
      'start=4096, size=8192, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="slipway-esp"',
      'start=12288, size=18432, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="slipway-root"',
      '',
    ]);
    assert.match(script(4096)[4] ?? '', /^start=1536, size=2304, /);
  });

  /** What the real sfdisk makes of the script on an empty disk; made once, since it takes its time. */
  let made: Buffer | undefined;
  function machineWith(model: StorageModel): FakeMachine {
    const devices = model.disks.flatMap(({ partitions }) => partitions.map(({ device }) => device));
    return fakeMachine({
      files: {
        '/dev/vda': Buffer.alloc(16 * 1024 ** 2),
        ...Object.fromEntries(devices.map((device) => [device, ''])),
      },
      commands: {
        udevadm,
        sfdisk: ({ args, stdin = '' }, machine) => {
          made ??= diskWithTable(16 * 1024 ** 2, stdin, args.slice(0, -1));
          machine.files.set(args.at(-1) ?? '', Buffer.from(made));
          return '';
        },
      },
    });
  }

  it('writes a table and reads it back', async () => {
    const model = small(512);
    const machine = machineWith(model);
    assert.equal((await run(partitionDisks, machine, model)).outcome, 'changed');
    assert.equal((await run(partitionDisks, machine, model)).outcome, 'already-done');
    assert.deepEqual(lines(machine, 'sfdisk'), [
      'sfdisk --quiet --wipe=always --wipe-partitions=always /dev/vda',
    ]);
  });

  for (const [title, wanted, expected] of [
    [
      'another size',
      SMALL.replace('--size=4', '--size=3'),
      '/dev/vda2 is not slipway-esp of 6144 sectors at 4096',
    ],
    [
      'another type',
      SMALL.replace('part biosboot --size=1', 'part /x --size=1').replace('part /boot/efi', 'part biosboot'),
      '/dev/vda1 is not slipway-x of 2048 sectors at 2048',
    ],
    [
      'another name',
      SMALL.replace('part / ', 'part /srv ').replace('part biosboot --size=1', 'part / --size=1'),
      '/dev/vda1 is not slipway-root of 2048 sectors at 2048',
    ],
    [
      'a partition more',
      SMALL.replace('part / ', 'part /srv --size=1 --ondisk=vda\npart / '),
      'vda has 3 partitions, 4 are wanted',
    ],
  ] as const) {
    it(`does not take the table for one with ${title}`, async () => {
      const model = goodModel(wanted, { vda: { sizeBytes: 16 * 1024 ** 2 } });
      assert.equal(
        why(await run(partitionDisks, machineWith(model), model)),
        `applied, but still: ${expected}`,
      );
    });
  }

  it('writes a table anew on a disk that was installed before', async () => {
    const model = small(512);
    const machine = machineWith(model);
    await run(partitionDisks, machine, model);
    const again = small(512);
    assert.deepEqual(await partitionDisks.check(machine, installationOf(again)), {
      done: false,
      why: 'vda has the table it had before',
    });
    assert.equal((await run(partitionDisks, machine, again)).outcome, 'changed');
  });

  for (const [title, from, to, expected] of [
    ['a lost table', 512, 1024, 'vda has no partition table: there is no signature'],
    ['a lost backup', -512, undefined, 'vda has no backup partition table: there is no signature'],
    ['damaged entries', 1024, 1025, 'vda has no partition table: the checksum of the entries is wrong'],
  ] as const) {
    it(`sees ${title}`, async () => {
      const model = small(512);
      const machine = machineWith(model);
      await run(partitionDisks, machine, model);
      const bytes = machine.files.get('/dev/vda');
      assert.ok(bytes instanceof Uint8Array);
      bytes.subarray(from, to).fill(0);
      assert.deepEqual(await partitionDisks.check(machine, installationOf(model)), {
        done: false,
        why: expected,
      });
    });
  }

  it('waits for the devices to appear', async () => {
    const model = small(512);
    const machine = machineWith(model);
    machine.files.delete('/dev/vda3');
    assert.equal(why(await run(partitionDisks, machine, model)), '/dev/vda3 did not appear');
  });
});

describe('create-arrays', () => {
  const array: ModelArray | undefined = goodModel(RAID1).arrays[1];
  assert.ok(array);

  for (const [title, change, args] of [
    [
      'RAID1',
      {},
      '--level=raid1 --metadata=1.2 --homehost=any --raid-devices=2 --bitmap=internal /dev/vda3 /dev/vdb3',
    ],
    [
      'metadata at the end',
      { metadata: '1.0' },
      '--level=raid1 --metadata=1.0 --homehost=any --raid-devices=2 --bitmap=internal /dev/vda3 /dev/vdb3',
    ],
    [
      'no bitmap',
      { bitmap: false },
      '--level=raid1 --metadata=1.2 --homehost=any --raid-devices=2 --bitmap=none /dev/vda3 /dev/vdb3',
    ],
    [
      'a spare',
      { spares: 1, members: ['/dev/a', '/dev/b', '/dev/c'] },
      '--level=raid1 --metadata=1.2 --homehost=any --raid-devices=2 --spare-devices=1 --bitmap=internal /dev/a /dev/b /dev/c',
    ],
    [
      'RAID0, which has no bitmap',
      { level: 'raid0', bitmap: false },
      '--level=raid0 --metadata=1.2 --homehost=any --raid-devices=2 /dev/vda3 /dev/vdb3',
    ],
  ] as const) {
    it(`tells mdadm of ${title}`, () => {
      assert.equal(
        createArguments({ ...array, ...change }).join(' '),
        `--create /dev/md/root --run --quiet ${args}`,
      );
    });
  }

  /** A machine whose mdadm makes arrays appear in sysfs. */
  function machineWith(change: (files: Record<string, string>) => void = () => {}): FakeMachine {
    return fakeMachine({
      commands: {
        udevadm,
        mdadm: ({ args }, machine) => {
          const [, link = ''] = args;
          const device = link === '/dev/md/boot' ? 'md127' : 'md126';
          const members = args
            .filter((word) => /^\/dev\/vd/.test(word))
            .map((word) => word.slice('/dev/'.length));
          const files = arrayFiles(device, {
            action: 'resync',
            members: Object.fromEntries(members.map((name, slot) => [name, [String(slot), 'in_sync']])),
          });
          files[`/sys/block/${device}/md/metadata_version`] = args.includes('--metadata=1.2')
            ? '1.2\n'
            : '1.0\n';
          change(files);
          for (const [path, text] of Object.entries(files)) machine.files.set(path, text);
          machine.links.set(link, `/dev/${device}`);
          return '';
        },
      },
    });
  }
  const action = (machine: FakeMachine, device: string): unknown =>
    machine.files.get(`/sys/block/${device}/md/sync_action`);

  it('makes them once, and lets those that machines boot from go first', async () => {
    const model = goodModel(RAID1);
    const machine = machineWith();
    assert.equal((await run(createArrays, machine, model)).outcome, 'changed');
    assert.equal((await run(createArrays, machine, model)).outcome, 'already-done');
    assert.equal(lines(machine, 'mdadm').length, 2);
    assert.equal(action(machine, 'md127'), 'resync\n');
    assert.equal(action(machine, 'md126'), 'frozen');
    await releaseArrays(machine, model.arrays);
    assert.equal(action(machine, 'md127'), 'resync\n');
    assert.equal(action(machine, 'md126'), 'idle');
  });

  it('has nothing to hold still in an array without redundancy', async () => {
    const model = goodModel(
      RAID1.replace(
        /^raid \/ .*$/m,
        'raid swap --device=swap --level=0 raid.root0 raid.root1\npart / --size=9 --ondisk=vda',
      ),
    );
    const machine = machineWith((files) => {
      for (const path of Object.keys(files)) {
        if (!path.includes('md126')) continue;
        if (path.endsWith('sync_action')) delete files[path];
        if (path.endsWith('level')) files[path] = 'raid0\n';
      }
    });
    assert.equal((await run(createArrays, machine, model)).outcome, 'changed');
    assert.equal(action(machine, 'md126'), undefined);
  });

  for (const [title, file, text, expected] of [
    ['another level', 'level', 'raid0\n', 'array boot is raid0'],
    ['another place for the superblock', 'metadata_version', '1.2\n', 'array boot has metadata 1.2'],
    ['other numbers', 'raid_disks', '3\n', 'array boot has 3 of 2 disks'],
  ] as const) {
    it(`does not take ${title} for its own`, async () => {
      const machine = machineWith((files) => {
        const path = `/sys/block/md127/md/${file}`;
        if (path in files) files[path] = text;
      });
      assert.equal(
        why(await run(createArrays, machine, goodModel(RAID1))),
        `applied, but still: ${expected}`,
      );
    });
  }

  it('does not take other members for its own', async () => {
    const machine = machineWith((files) => {
      for (const path of Object.keys(files)) {
        if (!path.includes('dev-vdb2')) continue;
        files[path.replace('vdb2', 'vdc2')] = files[path] ?? '';
        delete files[path];
      }
    });
    assert.equal(
      why(await run(createArrays, machine, goodModel(RAID1))),
      'applied, but still: array boot consists of /dev/vda2, /dev/vdc2',
    );
  });

  it('knows an opened container by its name and by the kernel’s', async () => {
    const sealed = { ...array, members: ['/dev/mapper/luks-a', '/dev/mapper/luks-b'] };
    const machine = fakeMachine({
      files: {
        ...arrayFiles('md127', { members: { 'dm-0': ['0', 'in_sync'], 'dm-1': ['1', 'in_sync'] } }),
        '/sys/block/md127/md/metadata_version': '1.2\n',
        '/dev/dm-0': '',
        '/dev/dm-1': '',
      },
      links: {
        '/dev/md/root': '/dev/md127',
        '/dev/mapper/luks-a': '/dev/dm-1',
        '/dev/mapper/luks-b': '/dev/dm-0',
      },
    });
    const [have] = await readArrays(machine);
    assert.equal(await arrayDifference(machine, sealed, have), undefined);
    machine.files.set('/sys/block/md127/md/dev-dm-1/state', 'faulty\n');
    assert.equal(
      await arrayDifference(machine, sealed, (await readArrays(machine))[0]),
      'array root consists of /dev/dm-0',
    );
  });

  it('stops groups and arrays in the end', async () => {
    const model = goodModel(RAID1);
    const machine = fakeMachine({ commands: { mdadm: () => '', vgchange: () => '' } });
    await stopArrays(machine, {
      ...model,
      volumeGroups: [{ name: 'g', physicalVolumes: [], volumes: [], place: array.place }],
    });
    assert.deepEqual(lines(machine), [
      'vgchange --quiet --activate n g',
      'mdadm --stop --quiet /dev/md/boot',
      'mdadm --stop --quiet /dev/md/root',
    ]);
  });
});

describe('create-volume-groups', () => {
  const model = goodModel(`${RELEASE}part biosboot --size=1 --ondisk=vda
part pv.a --size=4096 --grow --ondisk=vda
volgroup system pv.a
logvol /srv --vgname=system --name=files --size=256 --grow --maxsize=1000
logvol / --vgname=system --name=root --size=2048
`);

  /** LVM with a memory: `group` is what it knows of the group from the beginning, sizes in extents of 4 MiB. */
  function machineWith(
    group?: { readonly volumes: Readonly<Record<string, number>>; readonly lies: string },
    extents = 2047,
  ): FakeMachine {
    let volumes = { ...group?.volumes };
    let lies = group?.lies;
    return fakeMachine({
      files: { '/dev/vda2': '' },
      commands: {
        udevadm,
        pvcreate: () => '',
        vgcreate: ({ args }) => {
          lies = args.at(-1);
          volumes = {};
          return '';
        },
        lvcreate: ({ args }) => {
          const value = (word: string): string => args[args.indexOf(word) + 1] ?? '';
          volumes = { ...volumes, [value('--name')]: Number(value('--extents')) };
          return '';
        },
        lvs: () =>
          Object.entries(volumes)
            .map(([name, size]) => `  ${name}|${size * 4096}.00|linear||||\n`)
            .join(''),
        vgs: () =>
          lies === undefined
            ? { exitCode: 5, stderr: '  Volume group "system" not found\n' }
            : `  ${extents}|${lies}|${extents}\n`,
      },
    });
  }

  it('sizes the volumes by what the group turned out to have', async () => {
    const machine = machineWith();
    assert.equal((await run(createVolumeGroups, machine, model)).outcome, 'changed');
    assert.equal((await run(createVolumeGroups, machine, model)).outcome, 'already-done');
    assert.deepEqual(lines(machine, 'pvcreate', 'vgcreate', 'lvcreate'), [
      'pvcreate --quiet --yes --force /dev/vda2',
      'vgcreate --quiet --yes system /dev/vda2',
      'lvcreate --quiet --yes --wipesignatures=y --extents 250 --name files system',
      'lvcreate --quiet --yes --wipesignatures=y --extents 512 --name root system',
    ]);
  });

  it('says when the group turned out to be too small', async () => {
    assert.equal(
      why(await run(createVolumeGroups, machineWith(undefined, 500), model)),
      'system has 500 extents, its volumes need 576',
    );
  });

  it('does not take a volume of another size for its own', async () => {
    const machine = machineWith({ volumes: { root: 511, files: 250 }, lies: '/dev/vda2' });
    const check = await createVolumeGroups.check(machine, installationOf(model));
    assert.deepEqual(check, { done: false, why: '/dev/system/root has 2093056 KiB, 2097152 are wanted' });
  });

  it('does not take a group of the same name on another disk for its own', async () => {
    const machine = machineWith({ volumes: { root: 512, files: 250 }, lies: '/dev/vdc1' });
    const check = await createVolumeGroups.check(machine, installationOf(model));
    assert.deepEqual(check, { done: false, why: 'system lies on /dev/vdc1' });
  });

  it('misses a volume', async () => {
    const machine = machineWith({ volumes: { root: 512 }, lies: '/dev/vda2' });
    const check = await createVolumeGroups.check(machine, installationOf(model));
    assert.deepEqual(check, { done: false, why: 'there is no /dev/system/files' });
  });
});

describe('make-file-systems', () => {
  const fileSystem = (change: Partial<ModelFileSystem>): ModelFileSystem => ({
    device: '/dev/md/x',
    type: 'ext4',
    mkfsOptions: [],
    place: { file: 'test.ks', line: 1, column: 1 },
    ...change,
  });

  for (const [change, line] of [
    [{}, 'mkfs.ext4 -q -F /dev/md/x'],
    [{ label: 'root' }, 'mkfs.ext4 -q -F -L root /dev/md/x'],
    [{ mkfsOptions: ['-m', '0'] }, 'mkfs.ext4 -q -F -m 0 /dev/md/x'],
    [{ type: 'ext2', label: 'a' }, 'mkfs.ext2 -q -F -L a /dev/md/x'],
    [{ type: 'ext3' }, 'mkfs.ext3 -q -F /dev/md/x'],
    [{ type: 'xfs', label: 'a' }, 'mkfs.xfs -q -f -L a /dev/md/x'],
    [{ type: 'vfat', label: 'ESP' }, 'mkfs.vfat -F 32 -n ESP /dev/md/x'],
    [{ type: 'swap', label: 'a' }, 'mkswap --force --label a /dev/md/x'],
  ] as const) {
    it(`calls ${line}`, () => {
      const { file, args, effect } = makeCommand(fileSystem(change));
      assert.deepEqual([[file, ...args].join(' '), effect], [line, 'write']);
    });
  }

  /** The first bytes of an ext4 file system with this label. */
  function ext4(label: string): Buffer {
    const bytes = Buffer.alloc(8192);
    bytes.writeUInt16LE(0xef53, 1080);
    bytes.writeUInt32LE(0x40, 1120);
    bytes.write(label, 1144);
    return bytes;
  }
  const machineWith = (made: Buffer): FakeMachine =>
    fakeMachine({
      files: { '/dev/md/boot': Buffer.alloc(8192), '/dev/md/root': Buffer.alloc(8192) },
      commands: {
        udevadm,
        'mkfs.ext4': ({ args }, machine) => void machine.files.set(args.at(-1) ?? '', made),
      },
    });

  it('makes anew what looks just like what it is to make, and keeps what is to stay', async () => {
    const model = goodModel(RAID1);
    const machine = machineWith(ext4('boot'));
    for (const { device } of model.fileSystems) machine.files.set(device, ext4('boot'));
    assert.deepEqual(await makeFileSystems.check(machine, installationOf(model)), {
      done: false,
      why: '/dev/md/boot holds what it held before',
    });
    const kept = {
      ...model,
      fileSystems: model.fileSystems.map((one) => ({ ...one, keep: true as const })),
    };
    assert.equal((await makeFileSystems.check(machine, installationOf(kept))).done, true);
  });

  it('makes them and looks at what is there', async () => {
    const machine = machineWith(ext4('boot'));
    const model = goodModel(RAID1);
    assert.equal((await run(makeFileSystems, machine, model)).outcome, 'changed');
    assert.equal((await run(makeFileSystems, machine, model)).outcome, 'already-done');
    assert.deepEqual(lines(machine), [
      'mkfs.ext4 -q -F -L boot /dev/md/boot',
      'mkfs.ext4 -q -F /dev/md/root',
      'udevadm trigger --action=change --settle /dev/md/boot /dev/md/root',
    ]);
  });

  for (const [title, made, expected] of [
    ['nothing', Buffer.alloc(8192), '/dev/md/boot holds nothing, not ext4'],
    [
      'another type',
      Buffer.concat([Buffer.from('XFSB'), Buffer.alloc(8188)]),
      '/dev/md/boot holds xfs, not ext4',
    ],
    ['another label', ext4('boo'), "/dev/md/boot is labelled 'boo'"],
  ] as const) {
    it(`does not believe a mkfs that left ${title}`, async () => {
      const report = await run(makeFileSystems, machineWith(made), goodModel(RAID1));
      assert.equal(why(report), `applied, but still: ${expected}`);
    });
  }
});

describe('mount-target', () => {
  const model = goodModel(`${RELEASE}part biosboot --size=1 --ondisk=vda
part /boot/efi --size=100 --ondisk=vda
part /boot --size=512 --ondisk=vda
part swap --size=512 --ondisk=vda
part / --size=2048 --fstype=xfs --fsoptions=noatime --ondisk=vda
`);

  function machineWith(works = true): FakeMachine {
    const mounts = new Set<string>();
    return fakeMachine({
      files: { '/proc/self/mounts': '' },
      commands: {
        mkdir: () => '',
        swapon: () => '',
        swapoff: () => ({ exitCode: 255 }),
        mount: ({ args }, machine) => {
          if (works) mounts.add(args.at(-1) ?? '');
          machine.files.set('/proc/self/mounts', [...mounts].map((at) => `x ${at} x rw 0 0\n`).join(''));
          return '';
        },
        umount: () => '',
      },
    });
  }

  it('mounts / before what lies in it, then the kernel’s file systems, and turns swap on', async () => {
    const machine = machineWith();
    assert.equal((await run(mountTarget, machine, model)).outcome, 'changed');
    assert.equal((await run(mountTarget, machine, model)).outcome, 'already-done');
    assert.deepEqual(lines(machine, 'mount', 'swapon'), [
      'mount -t xfs -o noatime /dev/vda5 /mnt/sysroot',
      'mount -t ext4 /dev/vda3 /mnt/sysroot/boot',
      'mount -t vfat /dev/vda2 /mnt/sysroot/boot/efi',
      'mount --rbind --make-rslave /dev /mnt/sysroot/dev',
      'mount --rbind --make-rslave /proc /mnt/sysroot/proc',
      'mount --rbind --make-rslave /sys /mnt/sysroot/sys',
      'mount --rbind --make-rslave /run /mnt/sysroot/run',
      'swapon /dev/vda4',
    ]);
  });

  it('does not believe a mount that did nothing', async () => {
    assert.equal(
      why(await run(mountTarget, machineWith(false), model)),
      'applied, but still: nothing is mounted at /mnt/sysroot',
    );
  });

  it('is undone with what scripts left mounted, the last first', async () => {
    const machine = machineWith();
    const places = [
      '/',
      '/mnt/sysroot',
      '/mnt/sysroot/boot',
      '/mnt/sysroot/my\\040disk',
      '/mnt/sysroot/my\\040disk/in',
      '/mnt/other',
    ];
    machine.files.set('/proc/self/mounts', places.map((at) => `x ${at} x rw 0 0\n`).join(''));
    await unmountTarget(machine, model);
    assert.deepEqual(lines(machine, 'umount').slice(4), [
      'umount /mnt/sysroot/my disk/in',
      'umount /mnt/sysroot/my disk',
      'umount /mnt/sysroot/boot/efi',
      'umount /mnt/sysroot/boot',
      'umount /mnt/sysroot',
    ]);
  });

  it('is undone from the inside out', async () => {
    const machine = machineWith();
    await unmountTarget(machine, model);
    assert.deepEqual(lines(machine), [
      'swapoff /dev/vda4',
      'umount --recursive --lazy /mnt/sysroot/dev',
      'umount --recursive --lazy /mnt/sysroot/proc',
      'umount --recursive --lazy /mnt/sysroot/sys',
      'umount --recursive --lazy /mnt/sysroot/run',
      'umount /mnt/sysroot/boot/efi',
      'umount /mnt/sysroot/boot',
      'umount /mnt/sysroot',
    ]);
  });
});
