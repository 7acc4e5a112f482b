import assert from 'node:assert/strict';
import { bootDiskSector } from '../../src/media/boot-disk-sector.ts';
import { espBytes, espCommands, espFiles } from '../../src/media/esp.ts';
import { GRUB_EARLY_CONFIG, grubElToritoCommand } from '../../src/media/grub-image.ts';
import { isoTime, uuidOf, xorrisoCommand, xorrisoComplaint } from '../../src/media/xorriso.ts';

const EPOCH = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;

describe('the call of xorriso', () => {
  it('makes one image for CD and stick, BIOS and UEFI, with fixed dates and identities', () => {
    const command = xorrisoCommand({
      out: '/t/medium.iso',
      volumeId: 'HA_PAIR',
      entries: [
        { path: 'boot/eltorito.img', source: '/b/eltorito.img' },
        { path: 'slipway/a=b\\c', source: '/x=y' },
      ],
      hybridMbr: '/b/boot_hybrid.img',
      esp: '/t/esp.img',
      diskGuid: '2303cd2a-73c7-424a-a298-25632da7f446',
      sourceDateEpoch: EPOCH,
    });
    assert.equal(command.file, 'xorriso');
    assert.equal(command.effect, 'write');
    assert.deepEqual(command.env, { TZ: 'UTC' });
    assert.deepEqual(
      command.args,
      [
        '-as mkisofs -o /t/medium.iso -V HA_PAIR -iso-level 3 -r',
        '--modification-date=2026010203040500 --set_all_file_dates 2026010203040500',
        '--gpt_disk_guid 2303cd2a-73c7-424a-a298-25632da7f446',
        '-partition_offset 16 --grub2-mbr /b/boot_hybrid.img',
        '-append_partition 2 C12A7328-F81F-11D2-BA4B-00A0C93EC93B /t/esp.img -appended_part_as_gpt',
        '-c boot/boot.cat',
        '-b boot/eltorito.img -no-emul-boot -boot-load-size 4 -boot-info-table --grub2-boot-info',
        '-eltorito-alt-boot -e --interval:appended_partition_2:all:: -no-emul-boot',
        '-graft-points boot/eltorito.img=/b/eltorito.img slipway/a\\=b\\\\c=/x\\=y',
      ]
        .join(' ')
        .split(' '),
    );
  });

  it('is explained by the line that says what went wrong, not by the last one', () => {
    const stderr = [
      'xorriso : NOTE : Copying to System Area: 512 bytes',
      'libisofs: NOTE : fine so far',
      'xorriso : FAILURE : Image size 12708s exceeds free space on media 7356s',
      "xorriso : aborting : -abort_on 'FAILURE' encountered 'FAILURE'",
    ].join('\n');
    assert.equal(xorrisoComplaint(stderr), 'Image size 12708s exceeds free space on media 7356s');
    assert.equal(xorrisoComplaint('libburn : FATAL : No space left on device\n'), 'No space left on device');
    assert.equal(xorrisoComplaint('xorriso : NOTE : fine\n'), undefined);
  });

  it('writes times as ECMA-119 does, in UTC', () => {
    assert.equal(isoTime(EPOCH), '2026010203040500');
  });

  it('makes UUIDs of version 4 from digests', () => {
    assert.equal(uuidOf('0'.repeat(64)), '00000000-0000-4000-8000-000000000000');
    assert.equal(uuidOf('f'.repeat(64)), 'ffffffff-ffff-4fff-bfff-ffffffffffff');
  });
});

describe('the EFI image', () => {
  const files = espFiles(
    {
      eltorito: '/b/eltorito.img',
      hybridMbr: '/b/mbr',
      shim: '/b/shim',
      mokManager: '/b/mm',
      grubEfi: '/b/grub',
      biosModules: '/b/i386-pc',
    },
    '/t/grub.cfg',
    { path: 'EFI/slipway-medium', source: '/t/marker' },
  );

  it('is filled by mkfs.vfat and mtools with nothing of the clock in it', () => {
    const commands = espCommands('/t/esp.img', files, EPOCH);
    assert.deepEqual(
      commands.map(({ file, args }) => [file, ...args].join(' ')),
      [
        'mkfs.vfat --invariant -F 16 -s 2 -i 534c5057 -n SLIPWAYEFI /t/esp.img',
        'mmd -i /t/esp.img ::/EFI ::/EFI/BOOT ::/boot ::/boot/grub',
        'mcopy -i /t/esp.img /b/shim ::/EFI/BOOT/BOOTX64.EFI',
        'mcopy -i /t/esp.img /b/grub ::/EFI/BOOT/grubx64.efi',
        'mcopy -i /t/esp.img /b/mm ::/EFI/BOOT/mmx64.efi',
        'mcopy -i /t/esp.img /t/marker ::/EFI/slipway-medium',
        'mcopy -i /t/esp.img /t/grub.cfg ::/boot/grub/grub.cfg',
      ],
    );
    for (const { env } of commands) assert.deepEqual(env, { SOURCE_DATE_EPOCH: String(EPOCH), TZ: 'UTC' });
  });

  it('has room for its files and is never too small for FAT16', () => {
    const MiB = 1024 * 1024;
    assert.equal(espBytes(0), 5 * MiB);
    assert.equal(espBytes(6 * MiB), 7 * MiB);
    assert.ok(espBytes(7 * MiB - 1) >= 7.5 * MiB - 1);
  });
});

describe("GRUB's image for BIOS", () => {
  it('is made by grub-mkimage from the files named and no others', () => {
    const { file, args } = grubElToritoCommand({ modules: '/m', earlyConfig: '/e.cfg', out: '/o.img' });
    assert.equal(file, 'grub-mkimage');
    assert.deepEqual(args.slice(0, 5), [
      '--format=i386-pc-eltorito',
      '--directory=/m',
      '--prefix=/boot/grub',
      '--config=/e.cfg',
      '--output=/o.img',
    ]);
    // Without these no configuration file is found, read or executed.
    for (const module of [
      'biosdisk',
      'iso9660',
      'search_fs_file',
      'normal',
      'configfile',
      'linux',
      'chain',
    ]) {
      assert.ok(args.includes(module), module);
    }
  });

  it('looks for the medium on the boot drive first, in words that need no module of the menu', () => {
    assert.deepEqual(GRUB_EARLY_CONFIG.split('\n'), [
      'search.file /slipway/manifest.json root $root',
      'set prefix=($root)/boot/grub',
      '',
    ]);
  });
});

describe('the boot sector behind "Boot from disk"', () => {
  it('is the program that its listing says', () => {
    const sector = Buffer.from(bootDiskSector());
    assert.equal(sector.length, 512);
    assert.equal(sector.readUInt16LE(510), 0xaa55);
    // Disassembled with objdump -D -b binary -m i8086 -M intel and run in test/long/media-boot.long.ts.
    assert.equal(
      sector.subarray(0, 0x60).toString('hex'),
      [
        'fa31c08ed88ec08ed0bc007cfbfc89e6bf0006b90001f3a5ea1d060000', // set-up, move, jump into the copy
        '8816f007b280', // our own drive; the first disk
        '88d02c803a0675047331', // is there such a disk?
        '3a16f0077427', // is it our own?
        '52b80102bb007cb9010030f6cd135a7216', // read its first sector
        '813efe7d55aa750e', // signed?
        '833e007c007407', // any code?
        '30f6ea007c0000', // start it
        'fec2ebc5', // next disk
        'cd18', // none
      ].join(''),
    );
    assert.ok(sector.subarray(0x60, 510).every((byte) => byte === 0));
  });
});
