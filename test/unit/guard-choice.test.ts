import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DiskDemand, DiskMatch } from '../../src/plan/types.ts';
import { type FakeDisk, FakeMachine, type FakeMounts, type GuardRun } from '../helpers/fake-disks.ts';
import { nodeOf, preScript, render } from '../helpers/rendered.ts';

const MIRROR_MIB = 16;
const machines: FakeMachine[] = [];

function machineWith(disks: readonly FakeDisk[], more: FakeMounts = {}): FakeMachine {
  const machine = new FakeMachine(disks, more);
  machines.push(machine);
  return machine;
}

function guard(disks: readonly FakeDisk[], demand: DiskDemand, more: FakeMounts = {}): Promise<GuardRun> {
  const diskCount = demand.kind === 'matching' ? demand.count : demand.disks.length;
  const node = nodeOf('two-disks', { disks: demand }, { minimumDiskMiB: MIRROR_MIB, diskCount });
  return machineWith(disks, more).run(preScript(render(node)));
}

const matching = (count: number, match: DiskMatch = {}): DiskDemand => ({
  kind: 'matching',
  count,
  match,
  wipe: false,
});
const identified = (
  ...disks: readonly [by: 'id' | 'serial' | 'wwn' | 'path', value: string][]
): DiskDemand => ({
  kind: 'identified',
  disks: disks.map(([by, value]) => ({ by, value, wipe: false })),
});
const used = (run: GuardRun): string | undefined => /--only-use=(\S+)/.exec(run.commands ?? '')?.[1];

describe('the disk guard', () => {
  afterEach(() =>
    machines.splice(0).forEach((machine) => {
      machine.remove();
    }),
  );

  it('writes the commands for the disks it found, by names that cannot pass to other disks', async () => {
    const run = await guard(
      [
        { name: 'sda', mib: 32, serial: 'A1', byId: ['ata-DISK_A1'] },
        { name: 'sdb', mib: 32, serial: 'B2', byPath: ['pci-0000:00:1f.2-ata-2'] },
      ],
      matching(2),
    );
    assert.equal(run.exitCode, 0, run.stdout + run.stderr);
    const [a, b] = ['/dev/disk/by-id/ata-DISK_A1', '/dev/disk/by-path/pci-0000:00:1f.2-ata-2'];
    assert.equal(
      run.commands,
      [
        'zerombr',
        `ignoredisk --only-use=${a},${b}`,
        `clearpart --all --drives=${a},${b} --initlabel --disklabel=gpt`,
        `part biosboot --fstype=biosboot --size=1 --ondisk=${a}`,
        `part raid.esp0 --size=600 --ondisk=${a}`,
        `part raid.boot0 --size=1024 --ondisk=${a}`,
        `part raid.root0 --size=3072 --ondisk=${a}`,
        `part raid.swap0 --size=512 --ondisk=${a}`,
        `part raid.clustered0 --size=256 --grow --ondisk=${a}`,
        `part None --fstype=biosboot --size=1 --ondisk=${b}`,
        `part raid.esp1 --size=600 --ondisk=${b}`,
        `part raid.boot1 --size=1024 --ondisk=${b}`,
        `part raid.root1 --size=3072 --ondisk=${b}`,
        `part raid.swap1 --size=512 --ondisk=${b}`,
        `part raid.clustered1 --size=256 --grow --ondisk=${b}`,
        'raid /boot/efi --device=esp --level=1 --fstype=efi --label=SLIPWAY-ESP raid.esp0 raid.esp1',
        'raid /boot --device=boot --level=1 --fstype=ext4 --label=slipway-boot raid.boot0 raid.boot1',
        'raid / --device=root --level=1 --fstype=ext4 --label=slipway-root raid.root0 raid.root1',
        'raid swap --device=swap --level=1 --fstype=swap --label=slipway-swap raid.swap0 raid.swap1',
        "raid '' --device=clustered --level=1 --fstype=mdmember raid.clustered0 raid.clustered1",
        '',
      ].join('\n'),
    );
    assert.equal(machines[0]?.read('tmp/slipway-disks.list'), `${a}\n${b}\n`);
    assert.match(
      run.serial,
      /slipway: node-a installs on sda \(serial A1, 32 MiB\), sdb \(serial B2, 32 MiB\)/,
    );
  });

  it('writes no byte to any disk', async () => {
    const disks = [
      { name: 'sda', mib: 32, bytes: new Map([[0, 'old']]) },
      { name: 'sdb', mib: 32 },
    ];
    const hashes = () =>
      disks.map(({ name }) =>
        createHash('sha256')
          .update(readFileSync(join(machine.root, 'dev', name)))
          .digest('hex'),
      );
    const machine = machineWith(disks);
    const before = hashes();
    await machine.run(
      preScript(render(nodeOf('two-disks', { disks: matching(2) }, { minimumDiskMiB: MIRROR_MIB }))),
    );
    assert.deepEqual(hashes(), before);
  });

  it('falls back to the kernel name where a disk has no other', async () => {
    assert.equal(used(await guard([{ name: 'vda', mib: 32 }], matching(1))), '/dev/vda');
  });

  it('finds each disk by its own identity, in the order of the spec', async () => {
    const disks: readonly FakeDisk[] = [
      { name: 'sda', mib: 32, serial: 'S1' },
      { name: 'sdb', mib: 32, byId: ['scsi-B'] },
      { name: 'sdc', mib: 32, byPath: ['pci-0000:03:00.0-scsi-0:0:2:0'] },
      { name: 'sdd', mib: 32, wwn: '0x5000c500a1b2c3d4' },
      { name: 'nvme0n1', mib: 32, wwid: 'eui.0025385b71b0a6d1' },
    ];
    const demand = identified(
      ['wwn', 'eui.0025385B71B0A6D1'],
      ['wwn', 'naa.5000C500A1B2C3D4'],
      ['path', 'pci-0000:03:00.0-scsi-0:0:2:0'],
      ['id', 'scsi-B'],
      ['serial', 'S1'],
    );
    const run = await guard(disks, demand);
    assert.equal(
      used(run),
      '/dev/nvme0n1,/dev/sdd,/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:2:0,/dev/disk/by-id/scsi-B,/dev/sda',
      run.stdout,
    );
  });

  const zoo: readonly FakeDisk[] = [
    { name: 'sda', mib: 32, on: 'ata1/host0', model: 'SPINNER', rotational: true },
    { name: 'sdb', mib: 48, on: 'usb2/2-1', model: 'Virtual disk' },
    { name: 'sdc', mib: 64, on: 'virtio3/host1', model: 'QEMU HARDDISK' },
    { name: 'vda', mib: 80, on: 'virtio1' },
    { name: 'nvme0n1', mib: 96, on: 'nvme/nvme0', model: 'FAST' },
  ];
  const predicates: readonly [DiskMatch, string][] = [
    [{ bus: 'ata' }, '/dev/sda'],
    [{ bus: 'usb' }, '/dev/sdb'],
    [{ bus: 'scsi' }, '/dev/sdc'],
    [{ bus: 'virtio' }, '/dev/vda'],
    [{ bus: 'nvme' }, '/dev/nvme0n1'],
    [{ model: 'Virtual disk' }, '/dev/sdb'],
    [{ rotational: true }, '/dev/sda'],
    [{ rotational: false, maxSizeMiB: 48 }, '/dev/sdb'],
    [{ minSizeMiB: 64, maxSizeMiB: 64 }, '/dev/sdc'],
    [{ minSizeMiB: 81 }, '/dev/nvme0n1'],
  ];
  it('takes the one disk that matches', async () => {
    const taken = predicates.map(async ([match]) => [match, used(await guard(zoo, matching(1, match)))]);
    assert.deepEqual(await Promise.all(taken), predicates);
  });

  it('takes no removable, read-only, empty or made-up disk, nor the install medium, for a match', async () => {
    const run = await guard(
      [
        { name: 'sda', mib: 32, removable: true },
        { name: 'sdb', mib: 32, readOnly: true },
        { name: 'sdc', mib: 0 },
        { name: 'sdd', mib: 32, partitions: [1] },
        ...['loop0', 'zram0', 'sr0', 'ram0', 'fd0', 'md127', 'dm-0', 'nbd0'].map((name) => ({
          name,
          mib: 32,
        })),
        { name: 'sde', mib: 32 },
      ],
      matching(1),
      { mounts: { sdd1: '/run/install/repo' } },
    );
    assert.equal(used(run), '/dev/sde', run.stdout);
  });

  it('tells two identical disks apart by their names', async () => {
    const twin = { mib: 32, serial: 'SAME', model: 'TWIN' };
    const run = await guard(
      [
        { name: 'sda', ...twin },
        { name: 'sdb', ...twin, byId: ['ata-TWIN_SAME'] },
      ],
      matching(2),
    );
    assert.equal(used(run), '/dev/sda,/dev/disk/by-id/ata-TWIN_SAME', run.stdout);
  });

  it('lets a disk with old data be overwritten only where the spec names that very disk', async () => {
    const old = new Map([[0, 'old']]);
    const disks = [
      { name: 'sda', mib: 32, serial: 'S1', bytes: old },
      { name: 'sdb', mib: 32, serial: 'S2', bytes: old },
    ];
    const demand = (second: boolean): DiskDemand => ({
      kind: 'identified',
      disks: [
        { by: 'serial', value: 'S1', wipe: true },
        { by: 'serial', value: 'S2', wipe: second },
      ],
    });
    assert.equal(used(await guard(disks, demand(true))), '/dev/sda,/dev/sdb');
    const refused = await guard(disks, demand(false));
    assert.equal(refused.commands, undefined);
    assert.doesNotMatch(refused.stdout, /sda \(.*not empty/);
    assert.match(
      refused.stdout,
      /refused-foreign-data: pre-disk-guard: sdb \(serial S2, 32 MiB\) is not empty/,
    );
  });

  it('finds the cards of a bond', async () => {
    const cards = {
      ens3: '52:54:00:30:00:01',
      ens4: '52:54:00:30:00:02',
      ens5: '52:54:00:30:00:03',
      ens6: '52:54:00:30:00:04',
    };
    const node = nodeOf('bond', { disks: matching(1) }, { minimumDiskMiB: MIRROR_MIB });
    const { network } = await machineWith([{ name: 'sda', mib: 32 }], { cards }).run(preScript(render(node)));
    assert.equal(
      network,
      [
        'network --device=bond0 --bondslaves=ens3,ens4 --bondopts=mode=active-backup,miimon=100 --bindto=mac --bootproto=static --ip=10.10.0.31 --netmask=255.255.255.0 --gateway=10.10.0.1 --nameserver=10.10.0.1 --onboot=yes',
        'network --device=bond1 --bondslaves=ens5,ens6 --bondopts=mode=802.3ad,miimon=100 --vlanid=42 --bindto=mac --bootproto=static --ip=192.168.42.31 --netmask=255.255.255.0 --onboot=yes',
        '',
      ].join('\n'),
    );
  });
});
