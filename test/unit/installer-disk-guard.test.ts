import assert from 'node:assert/strict';
import type { Machine } from '../../src/engine/machine.ts';
import { guardedMachine, incarnation, isPartitionOf } from '../../src/installer/disk-guard.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { refusal } from '../helpers/installer.ts';

/** Two released disks with an array, a logical volume on it; a foreign disk with an array of its own. */
function machineWith(): FakeMachine {
  const block = (name: string, diskseq: number): Record<string, string> => ({
    [`/dev/${name}`]: '',
    [`/sys/block/${name}/diskseq`]: `${diskseq}\n`,
    [`/sys/block/${name}/size`]: '16777216\n',
    [`/sys/block/${name}/serial`]: `serial-${name}\n`,
  });
  return fakeMachine({
    files: {
      ...block('sda', 1),
      ...block('sdb', 2),
      ...block('sdc', 3),
      ...block('sdaa', 4),
      ...block('nvme0n1', 5),
      ...block('nvme0n10', 6),
      ...Object.fromEntries(
        ['sda1', 'sda2', 'sdb2', 'sdc1', 'nvme0n1p1', 'md127', 'md99', 'dm-0'].map((name) => [
          `/dev/${name}`,
          '',
        ]),
      ),
      '/sys/block/md127/slaves/sda2': '',
      '/sys/block/md127/slaves/sdb2': '',
      '/sys/block/md99/slaves/sdc1': '',
      '/sys/block/dm-0/slaves/md127': '',
    },
    links: {
      '/dev/disk/by-id/ata-one': '/dev/sda',
      '/dev/disk/by-id/ata-three': '/dev/sdc',
      '/dev/disk/by-id/ata-three-part1': '/dev/sdc1',
      '/dev/md/boot': '/dev/md127',
      '/dev/system/root': '/dev/dm-0',
    },
    commands: Object.fromEntries(
      ['mkfs.ext4', 'dd', 'chroot', 'mdadm', 'sfdisk', 'mount', 'umount', 'blkid', 'install'].map((file) => [
        file,
        () => '',
      ]),
    ),
  });
}

const BUILT = ['/dev/md/boot', '/dev/md/new', '/dev/system/root'];

async function guarded(machine: FakeMachine): Promise<Machine> {
  const names = ['sda', 'sdb', 'nvme0n1'];
  const released = await Promise.all(
    names.map(async (name) => ({ name, incarnation: await incarnation(machine, name) })),
  );
  return guardedMachine(machine, released, BUILT);
}

const write = async (machine: FakeMachine, file: string, ...args: readonly string[]): Promise<unknown> =>
  (await guarded(machine)).exec({ file, args, effect: 'write' });

describe('the disk guard', () => {
  for (const words of [
    'sfdisk --quiet /dev/sda',
    'mkfs.ext4 -F /dev/sda1',
    'mkfs.ext4 -F /dev/nvme0n1p1',
    'sfdisk /dev/disk/by-id/ata-one',
    'mdadm --create /dev/md/new --level=raid1 /dev/sda2 /dev/sdb2',
    'mdadm --readwrite /dev/md127',
    'mkfs.ext4 /dev/md/boot',
    'mkfs.ext4 /dev/system/root',
    'dd if=/dev/zero of=/dev/sdb2',
    'mount --rbind --make-rslave /dev /mnt/sysroot/dev',
    'chroot /mnt/sysroot grub-install --directory=/boot/grub/i386-pc /dev/sdb',
    'install -D /usr/lib/x /mnt/sysroot/boot/efi/x',
    'chroot /mnt/sysroot sh -c true </dev/null',
  ]) {
    it(`lets through: ${words}`, async () => {
      const machine = machineWith();
      const [file = '', ...args] = words.split(' ');
      await write(machine, file, ...args);
      assert.deepEqual(machine.ran, [{ file, args, effect: 'write' }]);
    });
  }

  for (const [words, writer, place] of [
    ['sfdisk /dev/sdc', 'sfdisk', '/dev/sdc'],
    ['mkfs.ext4 -F /dev/sdc1', 'mkfs.ext4', '/dev/sdc1'],
    ['sfdisk /dev/sdaa', 'sfdisk', '/dev/sdaa'],
    ['sfdisk /dev/nvme0n10', 'sfdisk', '/dev/nvme0n10'],
    ['sfdisk /dev/sdz', 'sfdisk', '/dev/sdz'],
    ['dd if=/dev/zero of=/dev/sdc', 'dd', '/dev/sdc'],
    ['mkfs.ext4 --journal=device=/dev/sdc1 /dev/sda1', 'mkfs.ext4', '/dev/sdc1'],
    ['mdadm --create /dev/md/new /dev/sda2,/dev/sdc1', 'mdadm', '/dev/sdc1'],
    ['mkfs.ext4 -J/dev/sdc1 /dev/sda1', 'mkfs.ext4', '/dev/sdc1'],
    ['sfdisk /dev/disk/by-id/ata-three', 'sfdisk', '/dev/disk/by-id/ata-three, that is sdc'],
    [
      'mkfs.ext4 /dev/disk/by-id/ata-three-part1',
      'mkfs.ext4',
      '/dev/disk/by-id/ata-three-part1, that is sdc1',
    ],
    ['mkfs.ext4 /dev/md99', 'mkfs.ext4', '/dev/md99, that is sdc1'],
    ['mkfs.ext4 /dev/../dev/sdc', 'mkfs.ext4', '/dev/sdc'],
    ['mkfs.ext4 /mnt/sysroot/dev/sdc', 'mkfs.ext4', '/dev/sdc'],
    ['chroot /mnt/sysroot grub-install --target=i386-pc /dev/sdc', 'chroot', '/dev/sdc'],
    ['mdadm --create /dev/md/other /dev/sda2 /dev/sdb2', 'mdadm', '/dev/md/other'],
  ] as const) {
    it(`refuses: ${words}`, async () => {
      const machine = machineWith();
      const [file = '', ...args] = words.split(' ');
      assert.equal(
        await refusal(write(machine, file, ...args)),
        `refused-foreign-data: ${writer} was about to write to ${place}, which the kickstart does not release`,
      );
      assert.deepEqual(machine.ran, []);
    });
  }

  it('refuses a program that would run beside, as any other', async () => {
    const machine = machineWith();
    const guard = guardedMachine(machine, [], BUILT);
    assert.match(
      String(await refusal(guard.hold({ file: 'dd', args: ['of=/dev/sdc'], effect: 'write' }))),
      /^refused-foreign-data: dd was about to write to \/dev\/sdc/,
    );
    assert.deepEqual(machine.held, []);
  });

  it('refuses a device of the model when it leads to a disk that is not released', async () => {
    const machine = machineWith();
    machine.links.set('/dev/md/boot', '/dev/md99');
    assert.equal(
      await refusal(write(machine, 'mkfs.ext4', '/dev/md/boot')),
      'refused-foreign-data: mkfs.ext4 was about to write to /dev/md/boot, that is sdc1, which the kickstart does not release',
    );
  });

  it('refuses a partition of a released disk that stays as it is, and what lies on it', async () => {
    const machine = machineWith();
    const released = await Promise.all(
      ['sda', 'sdb'].map(async (name) => ({
        name,
        incarnation: await incarnation(machine, name),
        kept: name === 'sda' ? ['sda2'] : [],
      })),
    );
    const exec = (device: string): Promise<unknown> =>
      guardedMachine(machine, released, BUILT).exec({
        file: 'mkfs.ext4',
        args: [device],
        effect: 'write',
      });
    const message =
      'refused-foreign-data: mkfs.ext4 was about to write to sda2, which the kickstart leaves as it is';
    assert.equal(await refusal(exec('/dev/sda2')), message);
    assert.equal(await refusal(exec('/dev/md127')), message);
    await exec('/dev/sda1');
  });

  it('lets everything be read', async () => {
    const machine = machineWith();
    await (await guarded(machine)).exec({ file: 'blkid', args: ['/dev/sdc'], effect: 'read' });
    assert.equal(machine.ran.length, 1);
  });

  for (const [what, file, value] of [
    ['another disk of the same size', 'diskseq', '9'],
    ['another size', 'size', '8'],
    ['another serial number', 'serial', 'other'],
  ] as const) {
    it(`refuses a released disk that is no longer the same: ${what}`, async () => {
      const machine = machineWith();
      const guard = await guarded(machine);
      machine.files.set(`/sys/block/sdb/${file}`, `${value}\n`);
      for (const device of ['/dev/sdb', '/dev/sdb2', '/dev/md/boot', '/dev/system/root']) {
        assert.equal(
          await refusal(guard.exec({ file: 'mkfs.ext4', args: [device], effect: 'write' })),
          'refused-foreign-data: sdb is no longer the disk it was when the installation began',
        );
      }
      await guard.exec({ file: 'sfdisk', args: ['/dev/sda'], effect: 'write' });
      assert.deepEqual(
        machine.ran.map(({ args }) => args),
        [['/dev/sda']],
      );
    });
  }

  it('judges files that are written as well', async () => {
    const machine = machineWith();
    const guard = await guarded(machine);
    for (const path of ['/dev/sdc', '/mnt/sysroot/dev/sdc1', '/dev/disk/by-id/ata-three']) {
      assert.match(String(await refusal(guard.writeFile(path, 'x'))), /the installer was about to write to/);
    }
    await guard.writeFile('/proc/sys/dev/raid/speed_limit_min', '1\n');
    await guard.writeFile('/mnt/sysroot/etc/fstab', '');
    await guard.writeFile('/dev/sda', '');
    assert.equal(machine.written.length, 3);
  });

  it('knows names with a slash by what sysfs makes of it', async () => {
    const machine = fakeMachine({
      files: { '/sys/block/cciss!c0d0/diskseq': '7\n', '/dev/cciss/c0d0p1': '' },
      commands: { 'mkfs.ext4': () => '' },
    });
    assert.equal(await incarnation(machine, 'cciss/c0d0'), '7||');
    const guard = guardedMachine(machine, [{ name: 'cciss/c0d0', incarnation: '7||' }], []);
    await guard.exec({ file: 'mkfs.ext4', args: ['/dev/cciss/c0d0p1'], effect: 'write' });
    assert.equal(machine.ran.length, 1);
  });

  it('tells partitions from disks of similar names', () => {
    for (const [device, disk, expected] of [
      ['sda1', 'sda', true],
      ['sdaa', 'sda', false],
      ['sda', 'sda', false],
      ['sdap1', 'sda', false],
      ['nvme0n1p2', 'nvme0n1', true],
      ['nvme0n12', 'nvme0n1', false],
    ] as const) {
      assert.equal(isPartitionOf(device, disk), expected, `${device} on ${disk}`);
    }
  });
});
