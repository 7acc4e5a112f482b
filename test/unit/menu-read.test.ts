import assert from 'node:assert/strict';
import { findInstallEntry } from '../../src/media/menu/arguments.ts';
import { readGrubMenu } from '../../src/media/menu/grub.ts';
import { readIsolinuxMenu } from '../../src/media/menu/isolinux.ts';
import { grubMenu, isolinuxMenu, ppcMenu } from '../helpers/vendor-menus.ts';

const facts = { product: 'Some Linux 9', label: 'Some 9 x86_64' };
const grub = (text: string) => readGrubMenu(text, 'grub.cfg');
const isolinux = (text: string) => readIsolinuxMenu(text, 'isolinux.cfg');
const values = (words: readonly { readonly value: string }[]) => words.map(({ value }) => value);

describe("reading GRUB's menu", () => {
  it('finds entries with kernel, arguments, initramfs and the submenus they lie in', () => {
    const { entries, timeoutSeconds } = grub(grubMenu(facts, { suffix: 'efi' }));
    assert.equal(timeoutSeconds, 60);
    assert.deepEqual(
      entries.map(({ title, submenus, kernel, args, initrds }) => [
        title,
        submenus,
        kernel?.value,
        values(args),
        initrds,
      ]),
      [
        ['Install Some Linux 9', [], ''],
        ['Test this media & install Some Linux 9', [], ' rd.live.check'],
        ['Install Some Linux 9 in basic graphics mode', ['Troubleshooting -->'], ' nomodeset'],
        ['Rescue a Some Linux 9 system', ['Troubleshooting -->'], ' inst.rescue'],
      ].map(([title, submenus, extra]) => [
        title,
        submenus,
        '/images/pxeboot/vmlinuz',
        `inst.stage2=hd:LABEL=Some\\x209\\x20x86_64${String(extra)} quiet`.split(' '),
        ['/images/pxeboot/initrd.img'],
      ]),
    );
  });

  it('resolves a default by position, id, title, and through submenus', () => {
    const menu = (wanted: string): string =>
      `set default=${wanted}\nmenuentry a --id=one { linux /a }\nsubmenu s { menuentry b --id two { linux /b }\nmenuentry c { linux /c } }\n`;
    const title = (wanted: string) => grub(menu(wanted)).defaultEntry?.title;
    assert.equal(title('0'), 'a');
    assert.equal(title('one'), 'a');
    assert.equal(title('"1>1"'), 'c');
    assert.equal(title("'s>two'"), 'b');
    assert.equal(title('1'), undefined, 'a submenu opens and starts nothing');
    assert.equal(title(`"\${saved_entry}"`), undefined);
    assert.equal(
      grub('menuentry a { linux /a }').defaultEntry?.title,
      'a',
      'the first one without a default',
    );
    assert.equal(grub('default=0\nmenuentry a { linux /a }').defaultEntry?.title, 'a', 'set is optional');
  });

  it('reads quotes, escapes, variables, comments and continued lines as GRUB does', () => {
    const words = (text: string) => values(grub(`menuentry x {\nlinux /k ${text}\n}`).entries[0]?.args ?? []);
    assert.deepEqual(words(`'a b' "c d" e\\ f`), ['a b', 'c d', 'e f']);
    assert.deepEqual(words(`"\\$x \\"q\\" \\n" '\\'`), ['$x "q" \\n', '\\']);
    assert.deepEqual(words('a=b#c # not this'), ['a=b#c']);
    assert.deepEqual(words(`$cmdline \${iso}/x`), ['$cmdline', `\${iso}/x`]);
    assert.deepEqual(words('a \\\n b'), ['a', 'b']);
    assert.deepEqual(words('LABEL=A\\x20B'), ['LABEL=A\\x20B']);
  });

  it('takes no function for an entry, and entries under a condition for entries', () => {
    const text = 'function menuentry_id_option { true }\nif [ x = y ]; then\nmenuentry a { linux /k }\nfi\n';
    assert.deepEqual(values(grub(text).entries.map(({ title }) => ({ value: title }))), ['a']);
  });

  it('says where a quote or a brace has no partner', () => {
    assert.throws(() => grub("set a=1\nmenuentry 'x {\n}\n"), /grub\.cfg:2:11: a quote without its partner/);
    assert.throws(() => grub('menuentry x {\n  linux /k\n'), /grub\.cfg:1:13: a '\{' without its '\}'/);
    assert.throws(() => grub('a\n}\n'), /grub\.cfg:2:1: a '\}' without its '\{'/);
  });
});

describe("reading isolinux's menu", () => {
  it('finds labels, the default, hotkeys and submenus, and passes over help texts', () => {
    const { entries, defaultEntry, timeoutSeconds } = isolinux(isolinuxMenu(facts));
    assert.equal(timeoutSeconds, 60);
    assert.equal(defaultEntry?.id, 'check');
    assert.deepEqual(
      entries.map(({ id, hotkey, submenus, kernel }) => [id, hotkey, submenus, kernel?.value]),
      [
        ['linux', 'i', [], 'vmlinuz'],
        ['check', 'm', [], 'vmlinuz'],
        ['basic', 'b', ['Troubleshooting'], 'vmlinuz'],
        ['rescue', 'r', ['Troubleshooting'], 'vmlinuz'],
        ['local', 'l', ['Troubleshooting'], undefined],
        ['returntomain', 'm', ['Troubleshooting'], undefined],
      ],
    );
    assert.deepEqual(entries[0]?.initrds, ['initrd.img']);
  });

  it('knows keywords in any case, a bare append, one for all, and one that takes it back', () => {
    const text =
      'DEFAULT b\nAPPEND all=1\nLABEL a\n LINUX k\n INITRD i.img,j.img\nLABEL b\n kernel k\n append\nlabel c\n kernel k\n append -\n';
    const { entries, defaultEntry } = isolinux(text);
    assert.deepEqual(
      entries.map(({ args }) => values(args)),
      [['all=1'], [], []],
    );
    assert.deepEqual(entries[0]?.initrds, ['i.img', 'j.img']);
    assert.equal(defaultEntry?.id, 'b');
  });

  it('takes what is no Linux kernel for none', () => {
    const { entries } = isolinux('label a\n kernel chain.c32\nlabel b\n kernel disk.bin\n');
    assert.deepEqual(
      entries.map(({ kernel }) => kernel),
      [undefined, undefined],
    );
  });

  it('says where a menu has no end', () => {
    assert.throws(() => isolinux('menu end\n'), /isolinux\.cfg:1:1: a menu end without its begin/);
    assert.throws(() => isolinux('menu begin x\nlabel a\n'), /isolinux\.cfg:3:1: the menu 'x' has no end/);
  });
});

describe('the entry that installs', () => {
  it('is the plain one, wherever it stands', () => {
    for (const menu of [grub(grubMenu(facts)), isolinux(isolinuxMenu(facts)), grub(ppcMenu(facts))]) {
      assert.match(
        findInstallEntry(menu.entries)?.title ?? '',
        /^Install Some Linux 9(?: \(64-bit kernel\))?$/,
      );
    }
    const turned =
      'submenu s { menuentry r { linux /k inst.rescue\ninitrd /i } }\nmenuentry i { linux /k\ninitrd /i }\n';
    assert.equal(findInstallEntry(grub(turned).entries)?.title, 'i');
  });

  it('is the one that checks the medium when there is no other, and none that has no initramfs', () => {
    const only = grub(
      'menuentry t { linux /k rd.live.check\ninitrd /i }\nmenuentry m { linux16 /memtest }\n',
    );
    assert.equal(findInstallEntry(only.entries)?.title, 't');
    assert.equal(findInstallEntry(grub('menuentry m { linux16 /memtest }').entries), undefined);
  });
});
