import assert from 'node:assert/strict';
import { remasterCommand } from '../../src/media/remaster/command.ts';

const VENDORS = ['EFI', 'EFI/BOOT', 'EFI/BOOT/grub.cfg', 'images', 'images/efiboot.img'];

describe('the call of xorriso that remasters', () => {
  it('replays the boot records first, maps, and leaves no trace of who made it and when', () => {
    const command = remasterCommand({
      iso: '/out/new.iso',
      volumeId: 'HA',
      entries: [
        { path: 'slipway/plan.json', source: '/s/plan.json' },
        { path: 'slipway/repo', source: '/repo' },
        { path: 'EFI/BOOT/grub.cfg', source: '/s/grub.cfg' },
      ],
      isVendors: (path) => VENDORS.includes(path),
      partitions: [{ number: 2, typeGuid: 'GUID', image: '/s/efi.img' }],
      joliet: true,
      digest: '0123456789abcdef0123456789abcdef',
      sourceDateEpoch: 1_750_000_000,
    });
    const ours = ['/slipway', '/EFI/BOOT/grub.cfg'];
    const folders = ['/', '/EFI', '/EFI/BOOT'];
    const date = '=1750000000';
    assert.equal(command.file, 'xorriso');
    assert.equal(command.effect, 'write');
    assert.deepEqual(command.args, [
      ...['-stdio_sync', 'off', '-fs', '16m', '-joliet', 'on', '-compliance', 'rec_mtime'],
      ...['-padding', 'included', '-padding', '300k'],
      ...['-dev', 'stdio:/out/new.iso'],
      ...['-boot_image', 'any', 'replay', '-volid', 'HA'],
      ...['-map', '/s/plan.json', '/slipway/plan.json', '-map', '/repo', '/slipway/repo'],
      ...['-map', '/s/grub.cfg', '/EFI/BOOT/grub.cfg'],
      ...['-chown_r', '0', ...ours, '--', '-chgrp_r', '0', ...ours, '--'],
      ...['-chmod_r', 'a+r,u+w,go-w', ...ours, '--'],
      ...ours.flatMap((place) => ['-find', place, '-type', 'd', '-exec', 'chmod', 'a+rx', '--']),
      ...['-alter_date_r', 'b', date, ...ours, '--', '-alter_date', 'b', date, ...folders, '--'],
      ...['-alter_date_r', 'c', date, ...ours, '--', '-alter_date', 'c', date, ...folders, '--'],
      ...['-append_partition', '2', 'GUID', '/s/efi.img'],
      ...['-boot_image', 'any', 'gpt_disk_guid=01234567-89ab-4def-8123-456789abcdef'],
      ...['-volume_date', 'c', '2025061515064000', '-volume_date', 'm', '2025061515064000'],
      ...['-volume_date', 'uuid', '2025061515064000'],
    ]);
  });
});
