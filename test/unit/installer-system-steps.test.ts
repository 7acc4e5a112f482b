import assert from 'node:assert/strict';
import { runStep, type StepReport } from '../../src/engine/run-step.ts';
import type { Step } from '../../src/engine/step.ts';
import type { Installation } from '../../src/installer/installation.ts';
import { installBootLoader } from '../../src/installer/steps/install-boot-loader.ts';
import { installPackages } from '../../src/installer/steps/install-packages.ts';
import { sealInstallation } from '../../src/installer/steps/seal-installation.ts';
import { unpackImage } from '../../src/installer/steps/unpack-image.ts';
import { writeConfiguration } from '../../src/installer/steps/write-configuration.ts';
import { BOOT_IMG, CORE_IMG, MEMBER_SECTORS, START } from '../helpers/disk-images.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { installedNode } from '../helpers/installed-node.ts';
import { failure, goodModel, installationOf } from '../helpers/installer.ts';

/** Two disks with the very partitions of the helpers' installed node. */
const STORAGE = `ignoredisk --only-use=sda,sdb
clearpart --all --drives=sda,sdb --initlabel
${['sda', 'sdb']
  .map(
    (disk, i) => `part ${i === 0 ? 'biosboot' : 'None'} --fstype=biosboot --size=1 --ondisk=${disk}
part raid.esp${i} --size=4 --ondisk=${disk}
part raid.boot${i} --size=1 --ondisk=${disk}
part raid.root${i} --size=1 --ondisk=${disk}
`,
  )
  .join('')}raid /boot/efi --device=esp --level=1 --fstype=efi raid.esp0 raid.esp1
raid /boot --device=boot --level=1 raid.boot0 raid.boot1
raid / --device=root --level=1 raid.root0 raid.root1
`;
const DISK = { sizeBytes: 9 * 1024 ** 2 };

const installation = (text?: string): Installation =>
  installationOf(goodModel(STORAGE, { sda: DISK, sdb: DISK }), text);
const run = (step: Step<Installation>, machine: FakeMachine, text?: string): Promise<StepReport> =>
  runStep(step, machine, installation(text));
const lines = ({ ran }: FakeMachine, ...files: readonly string[]): readonly string[] =>
  ran.flatMap(({ file, args }) => (files.includes(file) ? [file, ...args].join(' ') : []));

/** The installed node with its members as devices of their own. */
function targetNode(options: Parameters<typeof installedNode>[0] = {}): ReturnType<typeof installedNode> {
  const node = installedNode(options);
  for (const disk of ['sda', 'sdb'] as const) {
    (['esp', 'boot', 'root'] as const).forEach((role, i) => {
      const start = START[role] * 512;
      node.files.set(
        `/dev/${disk}${i + 2}`,
        node.disk(disk).subarray(start, start + MEMBER_SECTORS[role] * 512),
      );
    });
  }
  return node;
}

describe('unpack-image', () => {
  const IMAGE = '/run/install/repo/slipway/base.squashfs';
  const TEXT = `liveimg --url=file://${IMAGE}`;
  const LISTING = `drwxr-xr-x root/root               0 2023-11-14 22:13 /mnt/sysroot
drwxr-xr-x root/root              52 2023-11-14 22:13 /mnt/sysroot/etc
-rw-r--r-- root/root               5 2023-11-14 22:13 /mnt/sysroot/etc/debian_version
-rwsr-xr-x root/root           63960 2023-11-14 22:13 /mnt/sysroot/usr/bin/a name with blanks
lrwxrwxrwx root/root               7 2023-11-14 22:13 /mnt/sysroot/bin -> usr/bin
drwxr-xr-x root/root               0 2023-11-14 22:13 /mnt/sysroot/proc
crw--w---- root/root           5,  1 2023-11-14 22:13 /mnt/sysroot/dev/console
`;
  const TREE = [
    'drwxr-xr-x\t4096\t\t',
    'drwxr-x---\t4096\tetc\t',
    '-rw-r--r--\t5\tetc/debian_version\t',
    '-rwsr-xr-x\t63960\tusr/bin/a name with blanks\t',
    'lrwxrwxrwx\t7\tbin\tusr/bin',
    'drwx------\t4096\tlost+found\t',
  ];

  function machineWith(tree: readonly string[] = TREE, checksum = 'c0ffee', listing = LISTING): FakeMachine {
    return fakeMachine({
      files: { [IMAGE]: 'hsqs' },
      commands: {
        find: () => `${tree.join('\n')}\n`,
        sha256sum: () => `${checksum}  ${IMAGE}\n`,
        unsquashfs: ({ args }, machine) => {
          if (args[0] !== '-lls') machine.files.set('/mnt/sysroot/etc/debian_version', '12.5\n');
          return listing;
        },
      },
    });
  }

  it('unpacks and compares everything with the image', async () => {
    const machine = machineWith();
    const report = await run(unpackImage(), machine, TEXT);
    assert.ok(report.outcome === 'changed');
    assert.deepEqual(report.evidence, { files: 4 });
    assert.deepEqual(lines(machine, 'unsquashfs'), [
      `unsquashfs -force -no-progress -quiet -linfo -dest /mnt/sysroot ${IMAGE}`,
    ]);
  });

  it('reads the image again when it did not unpack it itself', async () => {
    const machine = machineWith();
    await run(unpackImage(), machine, TEXT);
    assert.equal((await run(unpackImage(), machine, TEXT)).outcome, 'already-done');
    assert.equal(lines(machine, 'unsquashfs').at(-1), `unsquashfs -lls -dest /mnt/sysroot ${IMAGE}`);
  });

  it('does not take an image that lists nothing for a complete one', async () => {
    assert.equal(
      failure(await run(unpackImage(), machineWith(TREE, 'c0ffee', ''), TEXT)),
      'verify-failed: applied, but still: the image lists no file',
    );
  });

  for (const [title, from, to, name] of [
    [
      'a missing file',
      '-rw-r--r--\t5\tetc/debian_version\t',
      '-rw-r--r--\t5\tetc/other\t',
      'etc/debian_version',
    ],
    ['another mode', '-rwsr-xr-x', '-rwxr-xr-x', 'usr/bin/a name with blanks'],
    ['another size', '\t63960\t', '\t0\t', 'usr/bin/a name with blanks'],
    ['another target of a link', 'bin\tusr/bin', 'bin\tusr/sbin', 'bin /bin'],
    ['a file in place of a link', 'lrwxrwxrwx', '-rwxrwxrwx', 'bin /bin'],
    ['a missing folder', 'drwxr-x---\t4096\tetc\t', 'drwxr-x---\t4096\tetcetera\t', 'etc'],
  ] as const) {
    it(`sees ${title}`, async () => {
      const tree = TREE.map((line) =>
        line === from || !from.startsWith('d') ? line.replace(from, to) : line,
      );
      assert.notDeepEqual(tree, TREE);
      assert.equal(
        failure(await run(unpackImage(), machineWith(tree), TEXT)),
        `verify-failed: applied, but still: 1 of 4 files are not there, such as ${name}`,
      );
    });
  }

  it('unpacks nothing but the image the kickstart was made for', async () => {
    const sum = 'c0ffee'.padEnd(64, '0');
    const right = `${TEXT} --checksum=${sum.toUpperCase()}`;
    assert.equal((await run(unpackImage(), machineWith(TREE, sum), right)).outcome, 'changed');
    const wrong = 'c0ffee'.padEnd(64, '1');
    const machine = machineWith(TREE, sum);
    assert.equal(
      failure(await run(unpackImage(), machine, `${TEXT} --checksum=${wrong}`)),
      `config-invalid: ${IMAGE} has the checksum ${sum}, the kickstart says ${wrong}`,
    );
    assert.deepEqual(lines(machine, 'unsquashfs'), []);
  });

  it('knows an image by its first bytes, and a full disk by what the program says', async () => {
    const page = machineWith();
    page.files.set(IMAGE, '<html>');
    assert.equal(
      failure(await run(unpackImage(), page, TEXT)),
      `config-invalid: ${IMAGE} is no squashfs image`,
    );
    const full = fakeMachine({
      files: { [IMAGE]: 'hsqs' },
      commands: {
        unsquashfs: () => ({ exitCode: 1, stderr: 'write_file: No space left on device\n' }),
      },
    });
    assert.equal(
      failure(await run(unpackImage(), full, TEXT)),
      'config-invalid: the image does not fit on the disks: write_file: No space left on device',
    );
  });
});

describe('write-configuration', () => {
  const TEXT = 'network --hostname=node-a\ntimezone Europe/Berlin --utc';

  function machineWith(): FakeMachine {
    let zone = '';
    return targetNode({
      commands: {
        ln: ({ args }) => {
          zone = args.at(-2) ?? '';
          return '';
        },
        readlink: () => (zone === '' ? { exitCode: 1 } : `${zone}\n`),
      },
    });
  }

  it('writes every file and the time zone', async () => {
    const machine = machineWith();
    assert.equal((await run(writeConfiguration, machine, TEXT)).outcome, 'changed');
    assert.equal((await run(writeConfiguration, machine, TEXT)).outcome, 'already-done');
    const text = (path: string): unknown => machine.files.get(`/mnt/sysroot${path}`);
    assert.equal(text('/etc/hostname'), 'node-a\n');
    assert.match(
      String(text('/etc/mdadm/mdadm.conf')),
      /^ARRAY \/dev\/md\/boot UUID=b0b0b0b0:00000000:00000000:00000002$/m,
    );
    assert.match(String(text('/etc/fstab')), /^UUID=02020202-0202-0202-0202-020202020202 \/ ext4 /m);
    assert.deepEqual(lines(machine, 'ln'), [
      'ln --symbolic --force --no-target-directory ../usr/share/zoneinfo/Europe/Berlin /mnt/sysroot/etc/localtime',
    ]);
  });

  it('misses a file', async () => {
    const machine = machineWith();
    await run(writeConfiguration, machine, TEXT);
    machine.files.set('/mnt/sysroot/etc/hostname', 'other\n');
    assert.deepEqual(await writeConfiguration.check(machine, installation(TEXT)), {
      done: false,
      why: '/etc/hostname is not written',
    });
  });
});

describe('install-packages', () => {
  const TEXT = (packages: string, options = ''): string =>
    `repo --name=slipway --baseurl=file:///repo\n%packages${options}\n${packages}\n%end`;
  const OFFERED = [
    ['agent', '1.0-1', 'runtime /bin/sh rpmlib(CompressedFileNames)'],
    ['runtime', '20.1-1', 'base'],
    ['base', '1-1', 'agent'],
    ['other', '2-1', ''],
  ] as const;

  function machineWith(installed: Readonly<Record<string, string>> = {}, works = true): FakeMachine {
    const have = new Map(Object.entries(installed));
    return fakeMachine({
      commands: {
        find: () => OFFERED.map(([name]) => `/repo/${name}.rpm\n`).join(''),
        rpm: ({ args }) => {
          if (args.includes('--package')) return OFFERED.map((rpm) => `${rpm.join('\t')} \n`).join('');
          if (args.includes('--query')) return [...have].map((rpm) => `${rpm.join('\t')}\n`).join('');
          if (works)
            for (const [name, version] of OFFERED)
              if (args.includes(`/repo/${name}.rpm`)) have.set(name, version);
          return '';
        },
      },
    });
  }
  const upgrades = (machine: FakeMachine): readonly string[] =>
    lines(machine, 'rpm').filter((line) => line.includes('--upgrade'));
  const UPGRADE = 'rpm --root /mnt/sysroot --upgrade --force-debian --nosignature';

  it('installs what is asked for with what that requires, once', async () => {
    const machine = machineWith();
    assert.equal((await run(installPackages(), machine, TEXT('agent'))).outcome, 'changed');
    assert.equal((await run(installPackages(), machine, TEXT('agent'))).outcome, 'already-done');
    assert.deepEqual(upgrades(machine), [`${UPGRADE} /repo/agent.rpm /repo/runtime.rpm /repo/base.rpm`]);
  });

  it('leaves what the image has, and replaces another version', async () => {
    const machine = machineWith({ runtime: '20.1-1', base: '0-9' });
    await run(installPackages(), machine, TEXT('agent'));
    assert.deepEqual(upgrades(machine), [`${UPGRADE} /repo/agent.rpm /repo/base.rpm`]);
  });

  it('names every package that no repository has', async () => {
    assert.equal(
      failure(await run(installPackages(), machineWith(), TEXT('nginx\nagent\nredis'))),
      'config-invalid: neither the image nor a repository on the medium has nginx, redis',
    );
  });

  it('does without them when the kickstart says so', async () => {
    const machine = machineWith();
    assert.equal(
      (await run(installPackages(), machine, TEXT('nginx\nother', ' --ignoremissing'))).outcome,
      'changed',
    );
    assert.deepEqual(upgrades(machine), [`${UPGRADE} /repo/other.rpm`]);
  });

  it('does not believe an rpm that did nothing', async () => {
    assert.equal(
      failure(await run(installPackages(), machineWith({}, false), TEXT('other'))),
      'verify-failed: applied, but still: other 2-1 is not installed',
    );
  });

  it('has nothing to do without packages', async () => {
    const machine = fakeMachine({ commands: { rpm: () => '' } });
    assert.equal((await run(installPackages(), machine, 'zerombr')).outcome, 'already-done');
  });
});

const GRUB_FILES = {
  '/mnt/sysroot/boot/grub/i386-pc/boot.img': BOOT_IMG,
  '/mnt/sysroot/boot/grub/i386-pc/core.img': CORE_IMG,
};

describe('install-boot-loader', () => {
  const KERNEL = { '/mnt/sysroot/boot/vmlinuz-6.1.0': '', '/mnt/sysroot/boot/initrd.img-6.1.0': '' };
  const commands = { chroot: () => '', cp: () => '', install: () => '', sync: () => '' };

  it('writes every disk from one image, and the ESP once', async () => {
    const machine = targetNode({ files: { ...GRUB_FILES, ...KERNEL }, commands });
    assert.equal((await run(installBootLoader, machine)).outcome, 'changed');
    assert.equal((await run(installBootLoader, machine)).outcome, 'already-done');
    const setup =
      'chroot /mnt/sysroot /usr/lib/grub/i386-pc/grub-bios-setup --skip-fs-probe --no-rs-codes --directory=/boot/grub/i386-pc';
    assert.deepEqual(lines(machine, 'chroot'), [
      'chroot /mnt/sysroot grub-mkimage --format=i386-pc --directory=/usr/lib/grub/i386-pc --prefix=/boot/grub --config=/boot/grub/i386-pc/load.cfg --output=/boot/grub/i386-pc/core.img biosdisk part_gpt mdraid1x raid5rec raid6rec lvm ext2 xfs search_fs_uuid',
      `${setup} /dev/sda`,
      `${setup} /dev/sdb`,
    ]);
    assert.equal(lines(machine, 'install').length, 6);
    assert.match(
      String(machine.files.get('/mnt/sysroot/boot/grub/grub.cfg')),
      /^ {2}linux \/vmlinuz-6\.1\.0 root=UUID=02020202-.* rd\.md\.uuid=e5e5e5e5:/m,
    );
    assert.match(
      String(machine.files.get('/mnt/sysroot/boot/efi/EFI/debian/grub.cfg')),
      /^search --no-floppy --fs-uuid --set=root 01010101-/,
    );
  });

  it('does not believe a grub-bios-setup that left a disk as it was', async () => {
    const machine = targetNode({ files: { ...GRUB_FILES, ...KERNEL }, commands });
    machine.disk('sdb').fill(0, 0, 64);
    assert.match(failure(await run(installBootLoader, machine)), /^verify-failed: applied, but still: sdb: /);
  });

  it('says when the image brought no kernel', async () => {
    const machine = targetNode({ files: GRUB_FILES, commands });
    assert.equal(
      failure(await run(installBootLoader, machine)),
      'verify-failed: the image brought no kernel and initramfs to /boot',
    );
  });
});

describe('seal-installation', () => {
  const node = (options: Parameters<typeof installedNode>[0] = {}): ReturnType<typeof installedNode> =>
    installedNode({
      ...options,
      files: { ...GRUB_FILES, '/sys/block/md125/md/metadata_version': '1.2\n', ...options.files },
      commands: { sync: () => '' },
    });

  it('is done when /boot and the ESP are whole and every disk is proven', async () => {
    const report = await run(sealInstallation, node());
    assert.ok(report.outcome === 'already-done');
    assert.deepEqual(report.evidence['proven'], [
      'MBR and core.img of sda, sdb',
      'ESP and EFI/BOOT/BOOTX64.EFI of sda, sdb',
    ]);
  });

  it('waits for a resync of /boot, and not for that of /', async () => {
    const machine = node({
      files: {
        '/sys/block/md126/md/sync_action': 'resync\n',
        '/sys/block/md126/md/resync_start': '512\n',
        '/sys/block/md125/md/sync_action': 'frozen\n',
      },
      onSleep: (m) => {
        if (m.clock - started < 5_000) {
          m.files.set('/sys/block/md126/md/resync_start', `${m.clock}\n`);
          return;
        }
        m.files.set('/sys/block/md126/md/sync_action', 'idle\n');
        m.files.set('/sys/block/md126/md/resync_start', 'none\n');
      },
    });
    const started = machine.clock;
    assert.equal((await run(sealInstallation, machine)).outcome, 'changed');
    assert.equal(machine.clock - started, 5_000);
    assert.equal(machine.files.get('/sys/block/md125/md/sync_action'), 'frozen\n');
  });

  it('does not seal a degraded array', async () => {
    const machine = node({ files: { '/sys/block/md127/md/degraded': '1\n' } });
    assert.match(
      failure(await run(sealInstallation, machine)),
      /^verify-failed: array esp is degraded: 1 of 2 members/,
    );
  });

  it('does not seal without an array', async () => {
    const machine = node();
    for (const path of machine.files.keys())
      if (path.startsWith('/sys/block/md126/')) machine.files.delete(path);
    assert.match(
      failure(await run(sealInstallation, machine)),
      /^verify-failed: array boot is not assembled/,
    );
  });

  it('does not seal when a member of / failed, which a first start would go on without', async () => {
    const machine = node({ files: { '/sys/block/md125/md/dev-sdb4/state': 'faulty\n' } });
    assert.equal(
      failure(await run(sealInstallation, machine)),
      'verify-failed: array root consists of /dev/sda4',
    );
  });

  it('does not seal a disk that cannot start the machine', async () => {
    const machine = node();
    machine.disk('sdb').fill(0, 0, 64);
    assert.match(failure(await run(sealInstallation, machine)), /^verify-failed: sdb: /);
  });
});
