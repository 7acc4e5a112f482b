import assert from 'node:assert/strict';
import { readDisks } from '../../src/storage/block-devices.ts';
import { readArrays } from '../../src/storage/md.ts';
import { ARRAY_UUID, writeMdSuperblock } from '../helpers/disk-images.ts';
import { arrayFiles, fakeMachine } from '../helpers/fake-machine.ts';

/** sysfs as Linux lays it out: /sys/block/NAME is a link to the device's place. */
function sysfs(name: string, place: string, files: Readonly<Record<string, string>>) {
  const folder = `/sys/devices/${place}/block/${name}`;
  const entries = Object.entries(files).map(([file, text]) => [`${folder}/${file}`, `${text}\n`]);
  return { links: { [`/sys/block/${name}`]: folder }, files: Object.fromEntries(entries) };
}

describe('readDisks', () => {
  it('does without a serial number and a WWID that the kernel refuses to tell', async () => {
    const disk = sysfs('sda', 'pci0/host2/target2', { size: '2048', dev: '8:0' });
    const machine = fakeMachine(disk);
    const disks = await readDisks({
      ...machine,
      readFile: async (path) => {
        if (/wwid|serial/.test(path)) throw new Error('EINVAL: invalid argument, read');
        return machine.readFile(path);
      },
    });
    assert.deepEqual(
      disks.map(({ name, sizeBytes, serial, wwn }) => [name, sizeBytes, serial, wwn]),
      [['sda', 1048576, undefined, undefined]],
    );
  });

  it('tells disks by what the kernel and udev know of them', async () => {
    const parts = [
      sysfs('sda', 'pci0/ata1/host0/target0', {
        size: '2048',
        dev: '8:0',
        'device/model': 'QEMU HARDDISK   ',
        'queue/rotational': '1',
      }),
      sysfs('sdb', 'pci0/host2/target2', {
        size: '2048',
        dev: '8:16',
        'queue/logical_block_size': '4096',
        'device/wwid': 'naa.5000',
      }),
      sysfs('sdc', 'pci0/usb2/2-1/host3', { size: '2048', dev: '8:32', removable: '1' }),
      sysfs('vda', 'pci0/virtio1', {
        size: '4096',
        dev: '252:0',
        serial: 'V1',
        ro: '1',
        'vda1/partition': '1',
        'vda1/start': '34',
        'vda1/size': '100',
        'vda1/holders/md127': '',
      }),
      sysfs('nvme0n1', 'pci0/nvme/nvme0', {
        size: '4096',
        dev: '259:0',
        wwid: 'eui.1',
        'device/serial': 'N1 ',
        'device/model': 'Fast',
      }),
      sysfs('nvme0c0n1', 'pci0/nvme/nvme0', { size: '4096', hidden: '1' }),
      ...['loop0', 'sr0', 'md127', 'dm-0', 'zram0', 'ram1', 'mmcblk0boot0'].map((name) =>
        sysfs(name, 'virtual', { size: '8' }),
      ),
      sysfs('sdd', 'pci0/ata9', { size: '0' }),
    ];
    const machine = fakeMachine({
      links: Object.assign(
        { '/dev/disk/by-id/ata-one': '/dev/sda', '/dev/disk/by-path/pci-1': '/dev/sda' },
        ...parts.map(({ links }) => links),
      ),
      files: Object.assign(
        {
          '/dev/sda': '',
          '/run/udev/data/b8:0': 'S:disk/by-id/ata-one\nE:ID_SERIAL_SHORT=S1\nE:ID_WWN=0x5\n',
        },
        ...parts.map(({ files }) => files),
      ),
    });
    const disks = await readDisks(machine);
    assert.deepEqual(
      disks.map(({ name, bus, serial, wwn, model }) => [name, bus, serial, wwn, model]),
      [
        ['nvme0n1', 'nvme', 'N1', 'eui.1', 'Fast'],
        ['sda', 'ata', 'S1', '0x5', 'QEMU HARDDISK'],
        ['sdb', 'scsi', undefined, 'naa.5000', undefined],
        ['sdc', 'usb', undefined, undefined, undefined],
        ['vda', 'virtio', 'V1', undefined, undefined],
      ],
    );
    const [nvme, sda, sdb, sdc, vda] = disks;
    assert.deepEqual(
      [sda?.ids, sda?.paths, sda?.sizeBytes, sda?.rotational],
      [['ata-one'], ['pci-1'], 1 << 20, true],
    );
    assert.deepEqual(
      [sdb?.blockBytes, sdc?.removable, vda?.readOnly, nvme?.blockBytes],
      [4096, true, true, 512],
    );
    assert.deepEqual(vda?.partitions, [
      { name: 'vda1', path: '/dev/vda1', number: 1, start: 34, sectors: 100, holders: ['md127'] },
    ]);
    assert.deepEqual(machine.ran, []);
  });
});

describe('an array that udev has not linked yet', () => {
  it('has the name in its superblock', async () => {
    const member = Buffer.alloc(1 << 20);
    writeMdSuperblock(member, 0, 2048, 'boot', ARRAY_UUID.boot);
    const machine = fakeMachine({
      files: { ...arrayFiles('md127'), '/dev/sda1': member, '/sys/class/block/sda1/size': '2048\n' },
    });
    assert.deepEqual(
      (await readArrays(machine)).map(({ name }) => name),
      ['boot'],
    );
  });

  it('has the name of its device when that cannot be read', async () => {
    const machine = fakeMachine({ files: arrayFiles('md127') });
    assert.deepEqual(
      (await readArrays(machine)).map(({ name }) => name),
      ['md127'],
    );
  });
});
