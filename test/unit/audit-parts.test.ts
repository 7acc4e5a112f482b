import assert from 'node:assert/strict';
import { readSignatures } from '../../src/media/audit/authenticode.ts';
import { checkDivergence } from '../../src/media/audit/check-divergence.ts';
import { kickstartOnMedium, unescapeLabel } from '../../src/media/audit/check-menus.ts';
import { followGrub } from '../../src/media/audit/follow-grub.ts';
import { followIsolinux } from '../../src/media/audit/follow-isolinux.ts';
import { grubBuiltIntoEfi } from '../../src/media/audit/grub-image.ts';
import { LzmaError, unpackLzma } from '../../src/media/audit/lzma.ts';
import { unifiedDiff } from '../../src/media/audit/text-diff.ts';
import type { BootVolume, FollowedConfig } from '../../src/media/audit/types.ts';
import { readTree } from '../../src/media/image/tree.ts';
import { ISO_BLOCK } from '../../src/media/image/volume.ts';
import { efiProgram } from '../helpers/efi-program.ts';

const volume = (name: string, files: Readonly<Record<string, string>>, label?: string): BootVolume => {
  const find = (path: string) => files[path.replace(/^\/+/, '')];
  return {
    name,
    label,
    read: async (path) => {
      const text = find(path);
      return text === undefined ? undefined : Buffer.from(text);
    },
    has: async (path) => find(path) !== undefined,
  };
};

/** A menu on the disc, followed from a file of the EFI image. */
const follow = (
  start: string,
  disc: Readonly<Record<string, string>> = {},
  fat: Readonly<Record<string, string>> = {},
): Promise<FollowedConfig> => {
  const image = volume('EFI image', { 'boot/grub/grub.cfg': start, ...fat });
  return followGrub(
    { volume: image, path: 'boot/grub/grub.cfg' },
    { disc: volume('disc', disc, 'A LABEL'), fat: image, discUuid: '2026-01-01-00-00-00-00' },
  );
};

const MENU = "menuentry 'Install' {\n linux /vmlinuz a b\n initrd /initrd.img\n}\n";
const DISC = { 'boot/grub/grub.cfg': MENU, vmlinuz: 'k', 'initrd.img': 'i', 'slipway/id/1': '1' };
const messages = ({ complaints }: FollowedConfig) => complaints.map(({ message }) => message);

describe('a GRUB configuration, followed', () => {
  it('leads by search and configfile to the menu, whose files are those of the disc', async () => {
    const stub =
      'search --no-floppy --file --set=root /slipway/id/1\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n';
    const config = await follow(stub, DISC);
    assert.deepEqual(
      config.texts.map(({ place }) => place),
      ['EFI image:/boot/grub/grub.cfg', 'disc:/boot/grub/grub.cfg'],
    );
    const [entry] = config.entries;
    assert.deepEqual([entry?.kernel.place, entry?.kernel.exists], ['disc:/vmlinuz', true]);
    assert.deepEqual(entry?.args, ['a', 'b']);
    assert.deepEqual(messages(config), []);
  });

  it('finds the disc by label, by UUID and by a file, in each way of writing it', async () => {
    const ways = [
      "search --no-floppy --set=root -l 'A LABEL'",
      "search --label --set root 'A LABEL' --no-floppy",
      "search --no-floppy --set -l 'A LABEL'",
      "search.fs_label 'A LABEL' root",
      'search.file /vmlinuz root $root',
      'search -f /vmlinuz --set=root --hint=hd0',
      'search -u 2026-01-01-00-00-00-00 --set=root',
    ];
    for (const way of ways) {
      const config = await follow(`${way}\n${MENU}`, DISC);
      assert.equal(config.entries[0]?.kernel.place, 'disc:/vmlinuz', way);
      assert.deepEqual(messages(config), [], way);
    }
  });

  it('stays where it is when a search finds nothing, and says so', async () => {
    for (const [way, by] of [
      ["search --set=root -l 'ANOTHER'", "label 'ANOTHER'"],
      ['search --file --set=root /slipway/id/2', "file '/slipway/id/2'"],
      ['search -u 2027-01-01-00-00-00-00 --set=root', "uuid '2027-01-01-00-00-00-00'"],
    ] as const) {
      const config = await follow(`${way}\n${MENU}`, DISC);
      assert.deepEqual(messages(config), [`it searches for ${by}, which is not on this medium`]);
      assert.deepEqual(
        [config.entries[0]?.kernel.place, config.entries[0]?.kernel.exists],
        ['EFI image:/vmlinuz', false],
      );
    }
  });

  it('warns of a label written as the kernel wants it', async () => {
    const { complaints } = await follow(`search --set=root -l 'A\\x20LABEL'\n${MENU}`, DISC);
    assert.deepEqual(
      complaints.map(({ check, severity }) => [check, severity]),
      [['labels', 'warning']],
    );
  });

  it('takes what source brings in, if it is there, and says when a configfile is not', async () => {
    const there = await follow('if [ -e /x.cfg ]; then source /x.cfg; fi\n', {}, { 'x.cfg': MENU });
    assert.equal(there.entries.length, 1);
    assert.deepEqual(messages(await follow(`source /none.cfg\n${MENU}`)), []);
    assert.deepEqual(messages(await follow('configfile /none.cfg\n')), [
      'it goes on in /none.cfg, which is not there',
      'it leads to no entry that starts a kernel',
    ]);
  });

  it('ends on a ring', async () => {
    const config = await follow('configfile /boot/grub/grub.cfg\n');
    assert.ok(messages(config).includes('EFI image:/boot/grub/grub.cfg leads back to itself'));
  });

  it('knows a default that starts no kernel', async () => {
    const config = await follow(
      `set default=disk\nmenuentry 'Boot from disk' --id=disk { exit }\n${MENU}`,
      DISC,
    );
    assert.equal(config.defaultElsewhere, 'Boot from disk');
    assert.equal(config.entries[0]?.isDefault, false);
  });
});

describe('an isolinux configuration, followed', () => {
  it('looks for relative names beside itself and for absolute ones from the root', async () => {
    const text = 'label a\n kernel vmlinuz\n append initrd=/images/initrd.img quiet\n';
    const disc = volume('disc', { 'isolinux/isolinux.cfg': text, 'isolinux/vmlinuz': 'k' }, 'A LABEL');
    const { entries } = await followIsolinux({ volume: disc, path: 'isolinux/isolinux.cfg' });
    const [entry] = entries;
    assert.deepEqual([entry?.kernel.place, entry?.kernel.exists], ['disc:/isolinux/vmlinuz', true]);
    assert.deepEqual(
      [entry?.initrds[0]?.place, entry?.initrds[0]?.exists],
      ['disc:/images/initrd.img', false],
    );
    assert.deepEqual(entry?.args, ['quiet']);
  });
});

describe('menus compared', () => {
  const config = (
    place: string,
    entries: readonly (readonly [title: string, args: string])[],
    chosen = 0,
  ): FollowedConfig => ({
    place,
    texts: [],
    defaultElsewhere: undefined,
    timeoutSeconds: 60,
    complaints: [],
    entries: entries.map(([title, args], i) => {
      const file = { place: '', path: '', onDisc: true, exists: true };
      return {
        place,
        title,
        submenus: [],
        isDefault: i === chosen,
        kernel: file,
        initrds: [file],
        args: args.split(' '),
      };
    }),
  });
  const findings = (a: FollowedConfig, b: FollowedConfig) =>
    checkDivergence([
      { title: 'one', config: a },
      { title: 'other', config: b },
    ]).map(({ severity, message }) => `${severity}: ${message}`);
  const plain = config('a', [['Install ^X', 'inst.ks=cdrom:/a.ks quiet']]);

  it('are the same when titles are written otherwise', () => {
    assert.deepEqual(findings(plain, config('b', [['install x', 'inst.ks=cdrom:/a.ks quiet']])), []);
    assert.deepEqual(findings(plain, config('b', [['Setup', 'inst.ks=cdrom:/a.ks quiet']])), []);
  });

  it('differ in what is installed, in the default, or in an entry that only one of them has', () => {
    const other = config('b', [['Install X', 'inst.ks=cdrom:/b.ks quiet']]);
    assert.match(findings(plain, other).join(), /^failure: .*time-out; 'Install \^X' has other arguments$/);
    const two = [
      ['Install X', 'inst.ks=cdrom:/a.ks quiet'],
      ['Rescue', 'inst.rescue'],
    ] as const;
    assert.deepEqual(findings(config('a', two), config('b', two, 1)), [
      'failure: they do not do the same: the entry taken by the time-out',
    ]);
    const more = config('b', [
      ['Install X', 'inst.ks=cdrom:/a.ks quiet'],
      ['More', 'inst.ks=cdrom:/m.ks'],
    ]);
    assert.match(findings(plain, more).join(), /failure: .*'More' is on one of them only/);
    assert.match(findings(more, plain).join(), /failure: .*'More' is on one of them only/);
  });

  it('earn a warning when they differ in other arguments', () => {
    assert.deepEqual(findings(plain, config('b', [['Install X', 'inst.ks=cdrom:/a.ks verbose']])), [
      'warning: their menus differ in what does not decide about the installation',
    ]);
  });
});

describe('words of the command line', () => {
  it('name a kickstart on the medium, or one elsewhere', () => {
    assert.equal(kickstartOnMedium('inst.ks=hd:LABEL=A\\x20B:/ks/a.ks'), 'ks/a.ks');
    assert.equal(kickstartOnMedium('inst.ks=hd:UUID=2026-01-01:/a.ks'), 'a.ks');
    assert.equal(kickstartOnMedium('ks=cdrom:/a.ks'), 'a.ks');
    assert.equal(kickstartOnMedium('inst.ks=https://server/a.ks'), undefined);
    assert.equal(kickstartOnMedium('inst.ks=hd:sda1:/a.ks'), undefined);
    assert.equal(unescapeLabel('A\\x20LABEL\\x2f'), 'A LABEL/');
  });
});

describe('a unified diff', () => {
  it('shows what differs with three lines around, and nothing of equal texts', () => {
    const before = 'a b c d e f g h i j'.split(' ').join('\n');
    assert.equal(unifiedDiff(before, before, ['x', 'y']), '');
    assert.equal(
      unifiedDiff(before, before.replace('f', 'F\nf2'), ['x', 'y']),
      '--- x\n+++ y\n@@ -3,7 +3,8 @@\n c\n d\n e\n-f\n+F\n+f2\n g\n h\n i',
    );
  });

  it('splits what lies far apart', () => {
    const lines = Array.from({ length: 30 }, (_, i) => `line ${i}`);
    const after = lines.map((line, i) => (i === 2 || i === 25 ? 'changed' : line));
    const diff = unifiedDiff(lines.join('\n'), after.join('\n'), ['x', 'y']);
    assert.deepEqual(diff.match(/^@@.*/gm), ['@@ -1,6 +1,6 @@', '@@ -23,7 +23,7 @@']);
  });
});

describe('what is built into a loader', () => {
  it('is the prefix of a GRUB for UEFI, and nothing of another program', () => {
    assert.deepEqual(grubBuiltIntoEfi(efiProgram(5000, '/EFI/BOOT')), {
      prefix: '/EFI/BOOT',
      earlyConfig: undefined,
    });
    assert.equal(grubBuiltIntoEfi(efiProgram(5000)), undefined);
    assert.equal(grubBuiltIntoEfi(Buffer.from('MZ')), undefined);
  });

  it('has a digest that neither its checksum nor signatures change', () => {
    const program = efiProgram(5000);
    const digest = readSignatures(program)?.digest;
    const stamped = Buffer.from(program);
    stamped.writeUInt32LE(0x1234, 0x80 + 24 + 64);
    assert.equal(readSignatures(stamped)?.digest, digest);
    const changed = Buffer.from(program);
    changed[4000] = (changed[4000] ?? 0) ^ 1;
    assert.notEqual(readSignatures(changed)?.digest, digest);
    assert.equal(readSignatures(Buffer.alloc(5000)), undefined);
  });
});

describe('raw LZMA', () => {
  // `xz --format=raw --lzma1=lc=3,lp=0,pb=2` of the text below.
  const text = 'slipway '.repeat(50);
  const packed = Buffer.from('ADmbCWHz+IHYjKGfOOlocXf//6QoAAA=', 'base64');

  it('gives back what was packed', () => {
    assert.equal(Buffer.from(unpackLzma(packed, text.length)).toString(), text);
  });

  it('is refused when it is cut or none', () => {
    assert.throws(() => unpackLzma(packed.subarray(0, 8), text.length), LzmaError);
    assert.throws(() => unpackLzma(Buffer.from('no LZMA at all'), 10), LzmaError);
  });
});

describe('a file of several extents', () => {
  it('is one file with the sum of their sizes, as ISO 9660 level 3 writes 4 GiB and more', async () => {
    const record = (name: string, block: number, bytes: number, flags: number): Buffer => {
      const length = 33 + name.length + (name.length % 2 === 0 ? 1 : 0);
      const out = Buffer.alloc(length);
      out[0] = length;
      out.writeUInt32LE(block, 2);
      out.writeUInt32LE(bytes, 10);
      out[25] = flags;
      out[32] = name.length;
      out.write(name, 33, 'latin1');
      return out;
    };
    const directory = Buffer.alloc(ISO_BLOCK);
    Buffer.concat([
      record('\0', 20, ISO_BLOCK, 2),
      record('\x01', 20, ISO_BLOCK, 2),
      record('BIG.;1', 30, 0xfffff800, 0x80),
      record('BIG.;1', 30 + 0x1fffff, 5000, 0),
      record('SMALL.TXT;1', 29, 3, 0),
    ]).copy(directory);
    const tree = await readTree(
      async (offset, length) =>
        offset === 20 * ISO_BLOCK ? directory.subarray(0, length) : Buffer.alloc(length),
      { block: 20, bytes: ISO_BLOCK },
    );
    assert.deepEqual([...tree.entries.keys()], ['BIG', 'SMALL.TXT']);
    const big = tree.entries.get('BIG');
    assert.equal(big?.bytes, 0xfffff800 + 5000);
    assert.deepEqual(big?.extents, [
      { block: 30, bytes: 0xfffff800 },
      { block: 30 + 0x1fffff, bytes: 5000 },
    ]);
  });
});
