import assert from 'node:assert/strict';
import { demandedDisks } from '../../src/lab/demanded-disks.ts';
import type { DiskBus, LabMachineSpec } from '../../src/lab/engine.ts';
import { qemuArgs } from '../../src/lab/qemu-args.ts';
import type { DiskIdentity, DiskMatch } from '../../src/plan/types.ts';

const matching = (match: DiskMatch, bus?: DiskBus, count = 1) =>
  demandedDisks(
    'node-a',
    { kind: 'matching', count, match, wipe: false },
    { minimumMiB: 5000, ...(bus === undefined ? {} : { bus }) },
  );
const identified = (by: DiskIdentity['by'], value: string, bus?: DiskBus) =>
  demandedDisks(
    'node-a',
    { kind: 'identified', disks: [{ by, value, wipe: false }] },
    { minimumMiB: 5000, ...(bus === undefined ? {} : { bus }) },
  );

describe("disks that answer to a spec's demand", () => {
  it('are as many and as large as demanded, each with a serial number of its own', () => {
    assert.deepEqual(matching({ minSizeMiB: 7168 }, undefined, 2), [
      { serial: 'LAB00001', sizeMiB: 7168, bus: 'virtio' },
      { serial: 'LAB00002', sizeMiB: 7168, bus: 'virtio' },
    ]);
  });

  it('have room for the layout, in whole gigabytes, but no more than may be', () => {
    assert.equal(matching({})[0]?.sizeMiB, 5120);
    assert.equal(matching({ maxSizeMiB: 5010 })[0]?.sizeMiB, 5010);
  });

  it('are on the bus of the demand, or the one wished for where that fits', () => {
    assert.equal(matching({ bus: 'ata' })[0]?.bus, 'sata');
    assert.equal(matching({ bus: 'nvme' })[0]?.bus, 'nvme');
    assert.equal(matching({ bus: 'scsi' })[0]?.bus, 'scsi');
    assert.equal(matching({ bus: 'scsi' }, 'pvscsi')[0]?.bus, 'pvscsi');
    assert.equal(matching({}, 'lsi')[0]?.bus, 'lsi');
  });

  it('are refused on a bus that contradicts the demand, or that the lab does not have', () => {
    assert.throws(
      () => matching({ bus: 'nvme' }, 'sata'),
      /node-a: the lab cannot make disks on nvme that are on sata/,
    );
    assert.throws(() => matching({ bus: 'usb' }), /the lab cannot make disks on usb/);
    assert.throws(() => matching({ model: 'X' }, 'virtio'), /a virtio disk with a model or a speed/);
  });

  it('have the model and the kind of the demand', () => {
    const [disk] = matching({ model: 'INTEL SSDSC2', rotational: false });
    assert.deepEqual(disk, {
      ...{ serial: 'LAB00001', sizeMiB: 5120, bus: 'sata' },
      ...{ model: 'INTEL SSDSC2', rotational: false },
    });
  });

  it('have the identity by which the spec calls them', () => {
    const rest = { serial: 'LAB00001', sizeMiB: 5120 };
    assert.deepEqual(identified('serial', 'S45PNA0M100001'), [
      { ...rest, bus: 'virtio', serial: 'S45PNA0M100001' },
    ]);
    assert.deepEqual(identified('id', 'ata-SAMSUNG_MZ7LH480_S45PNA0M100002'), [
      { ...rest, bus: 'sata', model: 'SAMSUNG_MZ7LH480', serial: 'S45PNA0M100002' },
    ]);
    assert.deepEqual(identified('id', 'virtio-DISK1'), [{ ...rest, bus: 'virtio', serial: 'DISK1' }]);
    const wwn = '0x5002538e40a0b1c2';
    assert.deepEqual(identified('id', `wwn-${wwn}`), [{ ...rest, bus: 'sata', wwn }]);
    assert.deepEqual(identified('wwn', wwn, 'lsi'), [{ ...rest, bus: 'lsi', wwn }]);
  });

  it('are refused when no virtual disk can be called so', () => {
    assert.throws(() => identified('path', 'pci-0000:00:1f.2-ata-1'), /places of controllers differ/);
    assert.throws(() => identified('serial', 'x'.repeat(21)), /a serial number as long as x{21}/);
    assert.throws(
      () => identified('id', 'nvme-Samsung_980_S1'),
      /a disk that calls itself nvme-Samsung_980_S1/,
    );
    assert.throws(() => identified('wwn', '0x12'), /World Wide Name 0x12/);
  });
});

describe('disks on the controllers that servers and VMware have', () => {
  const SPEC: LabMachineSpec = {
    name: 'a',
    memoryMiB: 64,
    cpus: 1,
    firmware: 'bios',
    nics: [],
    consoleLog: '/c',
    disks: [
      { file: '/a', bus: 'lsi', serial: 'A', model: 'M,1', wwn: '0x5000000000000001' },
      { file: '/b', bus: 'pvscsi', serial: 'B' },
      { file: '/c', bus: 'sata', serial: 'C', model: 'M 2', rotational: true },
      { file: '/d', bus: 'lsi', serial: 'D', rotational: false },
    ],
  };

  it('share a controller a kind, and keep their place in the order of booting', () => {
    const devices = qemuArgs(SPEC, 'tcg').filter((_, i, all) => all[i - 1] === '-device');
    assert.deepEqual(devices.slice(1), [
      'megasas,id=lsi',
      'pvscsi,id=pvscsi',
      'scsi-hd,id=scsi0,bus=lsi.0,scsi-id=0,drive=disk0,serial=A,product=M,,1,wwn=0x5000000000000001,bootindex=1',
      'scsi-hd,id=scsi1,bus=pvscsi.0,scsi-id=1,drive=disk1,serial=B,bootindex=2',
      'ide-hd,bus=ide.2,drive=disk2,serial=C,model=M 2,rotation_rate=7200,bootindex=3',
      'scsi-hd,id=scsi3,bus=lsi.0,scsi-id=3,drive=disk3,serial=D,rotation_rate=1,bootindex=4',
    ]);
  });
});
