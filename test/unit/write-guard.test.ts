import assert from 'node:assert/strict';
import { InputError } from '../../src/errors/problem.ts';
import { releaseTarget, type WriteRequest } from '../../src/media/write/guard.ts';
import { fakeMachine } from './../helpers/fake-machine.ts';

/** A stick, /dev/sdb with one partition, and whatever else is said. */
const machineWith = (files: Readonly<Record<string, string>> = {}) =>
  fakeMachine({
    files: {
      '/dev/sda': '',
      '/dev/sdb': '',
      '/dev/sdb1': '',
      '/dev/sr0': '',
      '/dev/null': '',
      '/sys/block/sda/size': '500000000\n',
      '/sys/block/sda/serial': 'SYSTEM1\n',
      '/sys/block/sda/removable': '0\n',
      '/sys/block/sda/dev': '8:0\n',
      '/sys/block/sdb/size': '8000000\n',
      '/sys/block/sdb/serial': 'STICK1\n',
      '/sys/block/sdb/removable': '1\n',
      '/sys/block/sdb/ro': '0\n',
      '/sys/block/sdb/dev': '8:16\n',
      '/sys/block/sdb/diskseq': '9\n',
      '/sys/block/sdb/device/model': 'Flash Drive     \n',
      '/sys/block/sdb/sdb1/partition': '1\n',
      '/sys/block/sdb/sdb1/dev': '8:17\n',
      '/sys/block/sdb/sdb1/start': '2048\n',
      '/sys/block/sdb/sdb1/size': '4000\n',
      '/sys/block/sr0/device/model': 'BD Writer\n',
      '/proc/self/mountinfo': '22 1 8:3 / / rw,relatime shared:1 - ext4 /dev/root rw\n',
      '/proc/swaps': 'Filename Type Size Used Priority\n',
      ...files,
    },
    links: { '/dev/disk/by-id/usb-Flash_Drive_STICK1-0:0': '/dev/sdb' },
  });

const request = (more: Partial<WriteRequest> = {}): WriteRequest => ({
  device: '/dev/sdb',
  imageBytes: 1_000_000,
  meant: undefined,
  ...more,
});

/** Every objection, as `rule: message`. */
async function refused(files: Readonly<Record<string, string>>, more: Partial<WriteRequest> = {}) {
  try {
    await releaseTarget(machineWith(files), request(more));
  } catch (error) {
    assert.ok(error instanceof InputError);
    return error.problems.map(({ rule, message }) => `${rule}: ${message}`);
  }
  return [];
}

describe('the guard before a device is overwritten', () => {
  it('releases a removable disk that nothing uses, by its name and by a link to it', async () => {
    const released = {
      kind: 'disk',
      path: '/dev/sdb',
      name: 'sdb',
      sizeBytes: 4_096_000_000,
      description: '/dev/sdb, Flash Drive, 4.1 GB, serial number STICK1',
      incarnation: '9|8000000|STICK1',
    };
    assert.deepEqual(await releaseTarget(machineWith(), request()), released);
    const device = '/dev/disk/by-id/usb-Flash_Drive_STICK1-0:0';
    assert.deepEqual(await releaseTarget(machineWith(), request({ device })), released);
  });

  it('releases a disk that is not removable only to who names its serial number', async () => {
    const device = '/dev/sda';
    assert.match((await refused({}, { device })).join(), /^not-removable: .*serial number SYSTEM1/);
    assert.deepEqual(await refused({}, { device, meant: 'SYSTEM2' }), [
      'other-serial: its serial number is SYSTEM1, not SYSTEM2',
    ]);
    assert.deepEqual(await refused({}, { device, meant: 'SYSTEM1' }), []);
  });

  it('takes a serial number at its word for removable disks, too', async () => {
    assert.deepEqual(await refused({}, { meant: 'STICK2' }), [
      'other-serial: its serial number is STICK1, not STICK2',
    ]);
  });

  it('never releases a disk without a serial number that is not removable', async () => {
    const files = { '/sys/block/sdb/serial': '\n', '/sys/block/sdb/removable': '0\n' };
    for (const meant of ['', 'undefined', 'x'])
      assert.notDeepEqual(await refused(files, { meant }), [], meant);
    assert.match((await refused(files)).join(), /^not-removable/);
  });

  it('refuses partitions, what is no disk, and what is not there', async () => {
    assert.deepEqual(await refused({}, { device: '/dev/sdb1' }), [
      'not-a-disk: it is a partition of /dev/sdb',
    ]);
    assert.deepEqual(await refused({}, { device: '/dev/sdb1', meant: 'STICK1' }), [
      'not-a-disk: it is a partition of /dev/sdb',
    ]);
    assert.deepEqual(await refused({}, { device: '/dev/null' }), [
      'not-a-disk: it is no disk of this machine',
    ]);
    assert.deepEqual(await refused({}, { device: '/dev/sdz' }), ['no-such-device: there is no such device']);
    const loop = {
      '/dev/loop0': '',
      '/sys/block/loop0/size': '8000000\n',
      '/sys/block/loop0/removable': '1\n',
    };
    assert.deepEqual(await refused(loop, { device: '/dev/loop0' }), [
      'not-a-disk: it is no disk of this machine',
    ]);
  });

  it('refuses whatever is in use, however it is meant', async () => {
    const uses: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
      [
        { '/proc/self/mountinfo': '30 1 8:17 / /mnt/a rw - vfat /dev/sdb1 rw\n' },
        'in-use: /dev/sdb1 is mounted on /mnt/a',
      ],
      // A name that differs from ours: the numbers tell.
      [
        {
          '/proc/self/mountinfo':
            '30 1 8:16 / /media/x ro,nosuid shared:5 - iso9660 /dev/disk/by-label/X ro\n',
        },
        'in-use: /dev/sdb is mounted on /media/x',
      ],
      [
        { '/proc/swaps': 'Filename Type\n/dev/sdb1                partition 1 0 -2\n' },
        'in-use: /dev/sdb1 is swap space',
      ],
      [{ '/sys/block/sdb/holders/md127': '' }, 'in-use: /dev/sdb is part of md127'],
      [{ '/sys/block/sdb/sdb1/holders/dm-0': '' }, 'in-use: /dev/sdb1 is part of dm-0'],
    ];
    for (const [files, expected] of uses) {
      assert.deepEqual(await refused(files), [expected]);
      assert.deepEqual(await refused(files, { meant: 'STICK1' }), [expected]);
    }
  });

  it('names everything that speaks against it at once', async () => {
    const files = { '/sys/block/sdb/ro': '1\n', '/sys/block/sdb/removable': '0\n' };
    assert.deepEqual(
      (await refused(files, { imageBytes: 5_000_000_000 })).map((text) => text.split(':')[0]),
      ['read-only', 'too-small', 'not-removable'],
    );
  });

  it('releases an optical drive unless its disc is mounted', async () => {
    const device = '/dev/sr0';
    assert.deepEqual(await releaseTarget(machineWith(), request({ device })), {
      kind: 'drive',
      path: device,
      description: '/dev/sr0, BD Writer',
    });
    const mounted = { '/proc/self/mountinfo': '30 1 11:0 / /mnt/cd ro - iso9660 /dev/sr0 ro\n' };
    assert.deepEqual(await refused(mounted, { device }), ['in-use: /dev/sr0 is mounted on /mnt/cd']);
  });
});
