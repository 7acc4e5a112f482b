import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { failureText, judgeByParser } from '../../src/commands/audit-iso.ts';
import { InputError } from '../../src/errors/problem.ts';
import { createExec } from '../../src/host/exec.ts';
import { type AuditOptions, type AuditReport, auditImage } from '../../src/media/audit/audit.ts';
import { auditText } from '../../src/media/audit/report.ts';
import { survey } from '../../src/media/audit/survey.ts';
import type { CheckName } from '../../src/media/audit/types.ts';
import { imageMapSvg } from '../../src/media/image/map-svg.ts';
import { type ImageSource, withImage } from '../../src/media/image/source.ts';
import { readTree } from '../../src/media/image/tree.ts';
import { ISO_BLOCK, readVolume } from '../../src/media/image/volume.ts';
import { onLoopDevice } from '../helpers/loop-device.ts';
import { flipBit, patchedImage, putBytes, replaceText, resize } from '../helpers/patched-image.ts';
import { inTempDir, makeTempDir } from '../helpers/tmp.ts';
import { VENDOR_LAYOUTS, type VendorLayout, vendorBase } from '../helpers/vendor-bases.ts';

const exec = createExec();

const audit = (iso: string, options: Partial<AuditOptions> = {}): Promise<AuditReport> =>
  auditImage(iso, { judgeKickstart: judgeByParser, checksum: false, ...options });

/** What failed, as `check: where: message`. */
const failures = ({ findings }: AuditReport, check?: CheckName): readonly string[] =>
  findings
    .filter((finding) => finding.severity === 'failure' && (check === undefined || finding.check === check))
    .map(({ where, message }) => `${where}: ${message}`);

/** Bases are made once; tests work on copies. */
const bases = new Map<string, string>();
let folder = '';

async function base(layout: VendorLayout, files?: Readonly<Record<string, string>>): Promise<string> {
  const key = JSON.stringify([layout, files]);
  const known = bases.get(key);
  if (known !== undefined) return known;
  const dir = await mkdtemp(join(folder, `${layout}-`));
  const iso = await vendorBase(dir, { layout, ...(files === undefined ? {} : { files }) }, exec);
  bases.set(key, iso);
  return iso;
}

const offsetOf = (iso: string, path: string): Promise<number> =>
  withImage(iso, async (image) => {
    const { entries } = await readTree(image.read, (await readVolume(image)).root);
    return (entries.get(path)?.extents[0]?.block ?? 0) * ISO_BLOCK;
  });

/** Puts a text into the EFI image at an offset of the ISO, as `mkksiso` and the remaster do. */
const putIntoFat =
  (offset: number, path: string, text: string) =>
  async (iso: string): Promise<void> => {
    const source = `${iso}.text`;
    await writeFile(source, text);
    await exec({
      file: 'mcopy',
      args: ['-o', '-i', `${iso}@@${offset}`, source, `::/${path}`],
      effect: 'write',
    });
  };

before(async () => {
  folder = makeTempDir('slipway-audit-');
});
after(() => rm(folder, { recursive: true, force: true }));

describe("the audit of a vendor's medium", function () {
  this.timeout(60_000);

  for (const layout of VENDOR_LAYOUTS) {
    it(`finds nothing wrong with ${layout}, checksum included`, async () => {
      const report = await audit(await base(layout), { checksum: true });
      assert.deepEqual(report.findings, []);
      assert.equal(report.verdict, 'ok');
    });
  }

  it('knows what each way to boot reads', async () => {
    const paths = async (layout: VendorLayout) =>
      (await audit(await base(layout))).paths.map(({ id, configs }) => [id, ...configs]);
    assert.deepEqual(await paths('el9'), [
      ['bios-cd', 'disc:/isolinux/isolinux.cfg'],
      ['bios-disk', 'disc:/isolinux/isolinux.cfg'],
      ['uefi-cd', 'disc:/EFI/BOOT/grub.cfg', 'EFI image:/EFI/BOOT/grub.cfg'],
      ['uefi-disk', 'disc:/EFI/BOOT/grub.cfg', 'EFI image:/EFI/BOOT/grub.cfg'],
    ]);
    assert.deepEqual(await paths('el10'), [
      ['bios-cd', 'disc:/boot/grub2/grub.cfg'],
      ['bios-disk', 'disc:/boot/grub2/grub.cfg'],
      ['uefi-cd', 'disc:/EFI/BOOT/grub.cfg', 'EFI image:/EFI/BOOT/grub.cfg'],
      ['uefi-disk', 'EFI image:/EFI/BOOT/grub.cfg', 'disc:/EFI/BOOT/grub.cfg'],
    ]);
    assert.deepEqual(await paths('el9-ppc64le'), [['openfirmware', 'disc:/boot/grub/grub.cfg']]);
    assert.deepEqual(await paths('el9-s390x'), [
      ['s390x', 'disc:/images/cdboot.img', 'disc:/images/cdboot.prm'],
    ]);
  });

  it('reads what GRUB for BIOS has built in, not what its neighbours have', async () => {
    const elsewhere = await base('el10', {
      'boot/grub/grub.cfg': "menuentry 'a decoy' { linux /nothing }\n",
    });
    const { paths } = await audit(elsewhere);
    assert.deepEqual(paths[0]?.configs, ['disc:/boot/grub2/grub.cfg']);
  });
});

describe('the audit of a stick', function () {
  this.timeout(60_000);

  it('looks at the image on it and not at what lies behind', function () {
    return inTempDir(async (dir) => {
      for (const layout of ['el9', 'el9-aarch64'] as const) {
        const iso = await readFile(await base(layout));
        const there = await onLoopDevice(dir, 64 << 20, async (device) => {
          await writeFile(device, iso);
          assert.deepEqual((await audit(device, { checksum: true })).findings, []);
        });
        if (!there) this.skip();
      }
    });
  });
});

describe('the audit turns red', function () {
  this.timeout(60_000);

  /** One fault, and the check that tells of it. */
  const turnsRed = async (
    iso: string,
    check: CheckName,
    expected: RegExp,
    ...patches: Parameters<typeof patchedImage>[2][]
  ): Promise<void> =>
    inTempDir(async (dir) => {
      const report = await audit(await patchedImage(dir, iso, ...patches), {
        base: iso,
        checksum: check === 'checksum',
      });
      const found = failures(report, check);
      assert.ok(
        found.some((text) => expected.test(text)),
        `${check}: ${JSON.stringify(failures(report))}`,
      );
      assert.equal(report.verdict, 'failure');
      assert.equal(report.checks.find((each) => each.check === check)?.verdict, 'failure');
    });

  it('on an image that was cut off', async () => {
    const iso = await base('el9');
    await turnsRed(iso, 'volume', /it ends \d+ bytes before its volume does/, resize(-600_000));
    await turnsRed(iso, 'partitions', /backup table cannot be used/, resize(-600_000));
  });

  it('on either copy of a partition table, and on one that is not at the end', async () => {
    const iso = await base('el9');
    await turnsRed(
      iso,
      'partitions',
      /primary table cannot be used: the checksum of the header/,
      flipBit(512 + 56),
    );
    await turnsRed(
      iso,
      'partitions',
      /backup table cannot be used: the checksum of the header/,
      flipBit(-512 + 56),
    );
    await turnsRed(iso, 'partitions', /it expects its backup at sector/, resize(1 << 20));
  });

  it('on boot records that lead elsewhere', async () => {
    const iso = await base('el9');
    const catalog = await offsetOf(iso, 'isolinux/boot.cat');
    const isolinux = await offsetOf(iso, 'isolinux/isolinux.bin');
    await turnsRed(iso, 'boot', /checksum of the boot catalogue/, flipBit(catalog + 5));
    await turnsRed(iso, 'boot', /MBR: its code looks for isolinux at sector/, flipBit(432));
    await turnsRed(iso, 'boot', /boot info table says block/, flipBit(isolinux + 12));
    await turnsRed(iso, 'boot', /the checksum is wrong/, flipBit(isolinux + 30_000));
    await turnsRed(
      iso,
      'boot',
      /leads to no FAT file system/,
      putBytes(await offsetOf(iso, 'images/efiboot.img'), Buffer.alloc(512)),
    );
  });

  it('on a GRUB for BIOS that does not find its other half', async () => {
    const iso = await base('el10');
    await turnsRed(iso, 'boot', /MBR: its code looks for grub at sector/, flipBit(0x1b0));
    await turnsRed(
      iso,
      'boot',
      /GRUB looks for its core/,
      flipBit((await offsetOf(iso, 'images/eltorito.img')) + 2548),
    );
  });

  it('on a loader that was changed after it had been signed', async () => {
    const iso = await base('el9');
    const shim = (await offsetOf(iso, 'EFI/BOOT/BOOTX64.EFI')) + 500_000;
    await turnsRed(
      iso,
      'loaders',
      /BOOTX64\.EFI: it was changed after Microsoft .* had signed it/,
      flipBit(shim),
    );
    await turnsRed(iso, 'base', /not the loader of the base/, flipBit(shim));
    await turnsRed(iso, 'loaders', /no program for UEFI/, putBytes(shim - 500_000, 'no'));
  });

  it('on an EFI image whose allocation table is damaged', async () => {
    const iso = await base('el9');
    const fat = await offsetOf(iso, 'images/efiboot.img');
    // Behind the boot sector; the first clusters belong to the folders, which must stay readable.
    const table = fat + 2048 + 100;
    await turnsRed(
      iso,
      'loaders',
      /it cannot be read: the FAT file system is damaged/,
      putBytes(table, Buffer.alloc(400)),
    );
  });

  it('on entries whose kernel or initramfs is not there', async () => {
    const iso = await base('el9');
    const grub = replaceText('/images/pxeboot/vmlinuz inst', '/images/pxeboot/vmlinux inst');
    await turnsRed(
      iso,
      'menus',
      /EFI\/BOOT\/grub\.cfg, 'Install .*: its kernel disc:\/images\/pxeboot\/vmlinux is not there/,
      grub,
    );
    await turnsRed(
      iso,
      'menus',
      /isolinux\.cfg, .*initramfs disc:\/isolinux\/initrd\.imx/,
      replaceText('initrd=initrd.img', 'initrd=initrd.imx'),
    );
  });

  it('on a menu that cannot be read, and on one that is gone', async () => {
    const iso = await base('el9');
    const begun = '### BEGIN of the entries ###';
    await turnsRed(
      iso,
      'menus',
      /grub\.cfg, line \d+: the menu cannot be read: a '\{' without its '\}'/,
      replaceText(begun, "menuentry 'without' {".padEnd(begun.length)),
    );
    const gone = await base('el9', { 'isolinux/isolinux.cfg': '# nothing\n' });
    assert.deepEqual(failures(await audit(gone), 'menus'), [
      'disc:/isolinux/isolinux.cfg: it has no entry that starts a kernel',
    ]);
  });

  it('on a label that is not that of the medium, wherever it is named', async () => {
    const iso = await base('el9');
    const label = 'AlmaLinux-9-6-x86_64-dvd';
    const other = 'AlmaLinux-9-5-x86_64-dvd';
    await turnsRed(
      iso,
      'labels',
      /isolinux\.cfg.*names the volume 'AlmaLinux-9-5/,
      replaceText(
        `initrd=initrd.img inst.stage2=hd:LABEL=${label}`,
        `initrd=initrd.img inst.stage2=hd:LABEL=${other}`,
      ),
    );
    await turnsRed(
      iso,
      'labels',
      /it searches for label 'AlmaLinux-9-5/,
      replaceText(`-l '${label}'`, `-l '${other}'`),
    );
  });

  it('on a label whose space breaks the command line', async () => {
    const spaced = await base('el7');
    await turnsRed(
      spaced,
      'labels',
      /names the volume 'CentOSxx207 x86_64', this one is 'CentOS 7 x86_64'/,
      replaceText('LABEL=CentOS\\x20', 'LABEL=CentOSxx20'),
    );
  });

  it('on an installer that is not where stage2 says', async () => {
    const iso = await base('el9');
    const tree = Buffer.from('install.img');
    const away = Buffer.from('instale.img');
    await turnsRed(iso, 'labels', /leads to no installer/, replaceText(tree.toString(), away.toString()));
  });

  it('on kickstarts that are missing, cannot be read or are named twice', async () => {
    const isolinux = (words: string) => ({
      'isolinux/isolinux.cfg': `label linux\nkernel vmlinuz\nappend initrd=initrd.img inst.stage2=hd:LABEL=AlmaLinux-9-6-x86_64-dvd ${words}\n`,
      'ks/good.ks': 'text\n',
      'ks/bad.ks': 'text\nno-such-command\n',
    });
    const told = async (words: string) =>
      failures(await audit(await base('el9', isolinux(words))), 'kickstarts');
    const place = 'inst.ks=hd:LABEL=AlmaLinux-9-6-x86_64-dvd:';
    assert.deepEqual(await told(`${place}/ks/good.ks`), []);
    assert.match(
      (await told(`${place}/ks/none.ks`)).join(),
      /its kickstart \/ks\/none\.ks is not on the medium/,
    );
    assert.match((await told(`${place}/ks/bad.ks`)).join(), /\/ks\/bad\.ks: line 2: .*no-such-command/);
    assert.match((await told('inst.ks=cdrom:/ks/bad.ks')).join(), /\/ks\/bad\.ks: line 2/);
    assert.match((await told(`${place}/ks/good.ks ks=hd:sda1:/other.ks`)).join(), /it names 2 kickstarts/);
  });

  it('on a copy inside the EFI image that was left as it was, and shows both texts', async () => {
    const words = 'inst.ks=hd:LABEL=AlmaLinux-9-6-x86_64-dvd:/a.ks';
    const changed = `search --no-floppy --set=root -l 'AlmaLinux-9-6-x86_64-dvd'\nmenuentry 'Install' {\n  linux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL=AlmaLinux-9-6-x86_64-dvd ${words}\n  initrd /images/pxeboot/initrd.img\n}\n`;
    const iso = await base('el9', {
      'a.ks': 'text\n',
      'EFI/BOOT/grub.cfg': changed,
      'isolinux/isolinux.cfg': `label linux\nmenu label ^Install\nkernel vmlinuz\nappend initrd=initrd.img inst.stage2=hd:LABEL=AlmaLinux-9-6-x86_64-dvd ${words}\n`,
    });
    assert.deepEqual(failures(await audit(iso)), []);
    const fat = await offsetOf(iso, 'images/efiboot.img');
    await inTempDir(async (dir) => {
      const stale = changed.replace(` ${words}`, '');
      const report = await audit(await patchedImage(dir, iso, putIntoFat(fat, 'EFI/BOOT/grub.cfg', stale)));
      const [finding, ...others] = report.findings.filter(({ check }) => check === 'divergence');
      assert.deepEqual(others, []);
      assert.equal(finding?.where, 'BIOS, CD and EFI image:/EFI/BOOT/grub.cfg');
      assert.match(finding?.message ?? '', /the entry taken by the time-out; 'Install' has other arguments/);
      assert.match(
        finding?.diff ?? '',
        /^--- disc:\/isolinux\/isolinux\.cfg\n\+\+\+ EFI image:\/EFI\/BOOT\/grub\.cfg\n/,
      );
      assert.match(finding?.diff ?? '', new RegExp(`^-      ${words.replaceAll('.', '\\.')}$`, 'm'));
    });
  });

  it('on one changed bit anywhere in the image, by its checksum, and on a medium without one that should check itself', async () => {
    const iso = await base('el9');
    await turnsRed(
      iso,
      'checksum',
      /not what the implanted checksum was taken of/,
      flipBit((await offsetOf(iso, 'images/install.img')) + 100_000),
    );
    await turnsRed(
      iso,
      'checksum',
      /not what the implanted checksum/,
      replaceText('FRAGMENT SUMS = ', 'FRAGMENT SUMS = '),
      async (path) => {
        const { volume } = await withImage(path, async (image) => ({ volume: await readVolume(image) }));
        const text = Buffer.from(volume.applicationUse).toString('latin1');
        const at = text.indexOf('FRAGMENT SUMS = ') + 'FRAGMENT SUMS = '.length;
        await flipBit(volume.descriptorBlock * ISO_BLOCK + 883 + at)(path);
      },
    );
    await turnsRed(
      iso,
      'labels',
      /rd\.live\.check checks the medium, which has no checksum/,
      replaceText('ISO MD5SUM = ', 'ISO NO SUM = '),
    );
  });

  it('on a way to boot that the base has and the medium has not', async () => {
    const iso = await base('el9');
    await inTempDir(async (dir) => {
      const report = await audit(await patchedImage(dir, iso, putBytes(0, Buffer.alloc(440))), { base: iso });
      assert.deepEqual(failures(report), ['BIOS, USB stick: the base boots this way, this medium does not']);
    });
    const report = await audit(await base('el9-aarch64'), { expect: ['bios-cd', 'uefi-cd'] });
    assert.deepEqual(failures(report), ['BIOS, CD: the medium does not boot this way']);
  });
});

describe('the report of an audit', function () {
  this.timeout(60_000);

  it('says for people what was looked at, how each path goes and what is wrong', async () => {
    const iso = await base('el9');
    const sound = stripVTControlCharacters(auditText(await audit(iso)));
    assert.match(sound, /✓ {2}boot records +4 ways to boot, 1 EFI image/);
    assert.match(
      sound,
      /^UEFI, CD +grub \(EFI image:\/EFI\/BOOT\/grubx64\.efi\) +disc:\/EFI\/BOOT\/grub\.cfg/m,
    );
    assert.match(sound, /\nsound\n$/);
    await inTempDir(async (dir) => {
      const report = await audit(await patchedImage(dir, iso, flipBit(432)));
      const text = stripVTControlCharacters(auditText(report));
      assert.match(text, /✗ {2}boot records +1 below/);
      assert.match(text, /^failure: MBR: its code looks for isolinux at sector \d+.* \[boot\]$/m);
      assert.match(text, /1 failure: do not use this medium\n$/);
      assert.match(failureText(report), /is not sound: MBR: its code looks for/);
    });
  });

  it('maps every byte of the image once', async () => {
    for (const layout of ['el9', 'el10', 'el9-ppc64le'] as const) {
      const { map, bytes } = await audit(await base(layout));
      let at = 0;
      for (const { start, bytes: length, name } of map.regions) {
        assert.equal(start, at, `${layout}: ${name}`);
        assert.ok(length > 0, `${layout}: ${name}`);
        at += length;
      }
      assert.equal(at, bytes, layout);
      assert.ok(map.regions.length <= 24, `${layout}: ${map.regions.length} regions`);
    }
  });

  it('draws a document of its own, in which nothing can pass for a tag', async () => {
    const report = await audit(await base('el10'));
    const svg = imageMapSvg({ ...report, volumeId: '<b>&"', file: '/tmp/<i>.iso' });
    assert.match(svg, /volume &lt;b&gt;&amp;&quot;/);
    assert.doesNotMatch(svg, /<[bi]>/);
    assert.doesNotMatch(svg, /href|url\(|<script|NaN|undefined/);
    for (const word of ['GPT 1', 'BIOS, USB stick', 'UEFI, CD', 'disc:/boot/grub2/grub.cfg'])
      assert.ok(svg.includes(word), word);
  });
});

describe('an audit of a damaged image', function () {
  this.timeout(60_000);

  it('ends in a report or in one clear error, whatever is damaged', async () => {
    const iso = await readFile(await base('el10'));
    const places = [
      0,
      16 * ISO_BLOCK,
      32 * ISO_BLOCK,
      await offsetOf(await base('el10'), 'EFI'),
      iso.length - 33 * 512,
    ];
    // Any numbers will do; these are the same in every run.
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 40; round += 1) {
      const bytes = Buffer.from(iso);
      for (let i = 0; i < 8; i += 1) {
        const place = (places[random(places.length)] ?? 0) + random(2048);
        if (place < bytes.length) bytes[place] = random(256);
      }
      const image: ImageSource = {
        ...{ path: 'damaged.iso', bytes: bytes.length },
        read: async (offset, length) => bytes.subarray(offset, offset + length),
      };
      await survey(image).catch((error: unknown) => assert.ok(error instanceof InputError, String(error)));
    }
  });
});

describe('how much an audit reads', function () {
  this.timeout(60_000);

  it('is metadata and boot files only, of an image of 10 GB', async () => {
    const iso = await base('el9-aarch64');
    await inTempDir(async (dir) => {
      const large = await patchedImage(dir, iso);
      await truncate(large, 10_000_000_000);
      let read = 0;
      await withImage(large, async (image) => {
        const counting: ImageSource = {
          ...image,
          async read(offset, length) {
            const bytes = await image.read(offset, length);
            read += bytes.length;
            return bytes;
          },
        };
        assert.equal((await survey(counting)).paths.length, 1);
      });
      assert.ok(read < 64 << 20, `${read} bytes`);
    });
  });
});
