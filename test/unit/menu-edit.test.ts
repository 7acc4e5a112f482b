import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FailedError } from '../../src/errors/exit.ts';
import { isKickstartArgument } from '../../src/media/menu/arguments.ts';
import { withoutBlock } from '../../src/media/menu/edits.ts';
import { readGrubMenu } from '../../src/media/menu/grub.ts';
import { editGrubMenu } from '../../src/media/menu/grub-edit.ts';
import { readIsolinuxMenu } from '../../src/media/menu/isolinux.ts';
import { editIsolinuxMenu } from '../../src/media/menu/isolinux-edit.ts';
import { editParameters, withCommandLine } from '../../src/media/menu/parameters.ts';
import { DISK_ENTRY, type MenuChange } from '../../src/media/menu/types.ts';
import { grubMenu, isolinuxMenu, ppcMenu } from '../helpers/vendor-menus.ts';

const LABEL = 'Some 9 x86_64';
const ESCAPED = 'Some\\x209\\x20x86_64';
const facts = { product: 'Some Linux 9', label: LABEL };
const change: MenuChange = {
  nodes: [
    { id: 'slipway-node-a', hotkey: '1', title: 'Install a (2 disks)', kickstart: 'slipway/ks/a.ks' },
    { id: 'slipway-node-b', hotkey: '2', title: 'Install b (2 disks)', kickstart: 'slipway/ks/b.ks' },
  ],
  defaultId: 'slipway-node-b',
  timeoutSeconds: 30,
  label: { from: LABEL, to: LABEL },
  checkMedium: false,
};
const node = change.nodes[1] ?? assert.fail();

const grub = (text: string, changed: Partial<MenuChange> = {}): string =>
  editGrubMenu(text, 'grub.cfg', { ...change, ...changed });
const isolinux = (text: string, changed: Partial<MenuChange> = {}): string =>
  editIsolinuxMenu(text, 'isolinux.cfg', { ...change, ...changed });

const KINDS = [
  { name: 'GRUB', edit: grub, read: (text: string) => readGrubMenu(text, 'x'), menu: grubMenu(facts) },
  {
    name: 'GRUB of EL7',
    edit: grub,
    read: (text: string) => readGrubMenu(text, 'x'),
    menu: grubMenu(facts, { suffix: 'efi', rescue: 'rescue' }),
  },
  {
    name: 'GRUB of POWER',
    edit: grub,
    read: (text: string) => readGrubMenu(text, 'x'),
    menu: ppcMenu(facts),
  },
  {
    name: 'isolinux',
    edit: isolinux,
    read: (text: string) => readIsolinuxMenu(text, 'x'),
    menu: isolinuxMenu(facts),
  },
] as const;

/** A menu's entry with its arguments as text, `initrd=` and what stands before it left out. */
const argsOf = (kind: (typeof KINDS)[number], text: string, id: string): string =>
  (kind.read(text).entries.find((entry) => entry.id === id)?.args ?? [])
    .map(({ value }) => value)
    .filter((word) => !word.startsWith('initrd='))
    .join(' ');

for (const kind of KINDS) {
  describe(`a vendor's menu of ${kind.name} with our nodes`, () => {
    const edited = kind.edit(kind.menu);

    it('offers the disk and every node before the entries of the vendor', () => {
      const ids = kind.read(edited).entries.map(({ id }) => id);
      assert.deepEqual(ids.slice(0, 3), [DISK_ENTRY, 'slipway-node-a', 'slipway-node-b']);
      assert.equal(ids.length, kind.read(kind.menu).entries.length + 3);
      assert.deepEqual(
        kind
          .read(edited)
          .entries.slice(0, 3)
          .map(({ hotkey }) => hotkey),
        ['d', '1', '2'],
      );
    });

    it('takes the chosen entry when the time is up', () => {
      const menu = kind.read(edited);
      assert.equal(menu.defaultEntry?.id, 'slipway-node-b');
      assert.equal(menu.timeoutSeconds, 30);
      assert.equal(kind.read(kind.edit(kind.menu, { defaultId: DISK_ENTRY })).defaultEntry?.id, DISK_ENTRY);
    });

    it("gives a node the vendor's plain installation with its kickstart", () => {
      const vendors = kind.read(kind.menu).entries[0];
      const words = (vendors?.args ?? [])
        .map(({ value }) => value)
        .filter((word) => !word.startsWith('initrd='));
      const planned = [...words, `inst.ks=hd:LABEL=${ESCAPED}:/slipway/ks/a.ks`].join(' ');
      assert.equal(argsOf(kind, edited, 'slipway-node-a'), planned);
      const own = kind.read(edited).entries.find(({ id }) => id === 'slipway-node-a');
      assert.deepEqual([own?.kernel?.value, own?.initrds], [vendors?.kernel?.value, vendors?.initrds]);
    });

    it('has the medium checked only when asked for', () => {
      assert.doesNotMatch(argsOf(kind, edited, 'slipway-node-a'), /rd\.live\.check/);
      const asked = kind.edit(kind.menu, { checkMedium: true });
      assert.match(argsOf(kind, asked, 'slipway-node-a'), / rd\.live\.check /);
    });

    it("changes of the vendor's own text the default and the time-out, and no other byte", () => {
      const unset = (text: string): string =>
        text
          .replace(/^( *menu default|default=.*|set (?:default|timeout)=.*|timeout .*)\n/gm, '')
          .replace(/^set timeout_style=.*\n/m, '');
      assert.equal(unset(withoutBlock(edited)), unset(kind.menu));
    });

    it('comes out the same when it is done again', () => {
      assert.equal(kind.edit(edited), edited);
      const fewer = { nodes: [node] };
      assert.equal(kind.edit(edited, fewer), kind.edit(kind.menu, fewer));
    });

    it('names the new volume id everywhere when there is one', () => {
      const renamed = kind.edit(kind.menu, { label: { from: LABEL, to: 'HA_PAIR' } });
      assert.ok(!renamed.includes(ESCAPED));
      assert.ok(!renamed.includes(`'${LABEL}'`));
      assert.match(
        argsOf(kind, renamed, 'slipway-node-b'),
        /inst\.stage2=hd:LABEL=HA_PAIR.*LABEL=HA_PAIR:\/slip/,
      );
    });

    it('escapes a new volume id, and leaves other volumes alone', () => {
      const menu = kind.menu.replaceAll(' quiet', ' quiet inst.repo=hd:LABEL=Other:/x');
      const renamed = kind.edit(menu, { label: { from: LABEL, to: 'A B' } });
      assert.match(renamed, /inst\.stage2=hd:LABEL=A\\x20B /);
      if (menu !== kind.menu) assert.match(renamed, /LABEL=Other:\/x/);
    });

    it('leaves no kickstart of before, neither in the node nor in the entries of the vendor', () => {
      const old = kind.menu
        .replaceAll(' rd.live.check', ' inst.ks=nfs:server:/old.ks rd.live.check')
        .replace(/(LABEL=\S+)/, '$1 ks=http://old/ks inst.ks.sendmac');
      assert.match(old, /old\.ks/);
      const result = kind.edit(old);
      assert.doesNotMatch(result, /old/);
      assert.match(argsOf(kind, result, 'slipway-node-a'), /inst\.ks\.sendmac/);
    });

    it('refuses a menu in which nothing installs', () => {
      const none =
        kind.read(kind.menu).syntax === 'grub' ? 'menuentry a { reboot }\n' : 'label a\n localboot 0\n';
      assert.throws(() => kind.edit(none), FailedError);
    });
  });
}

describe("a vendor's menu, whatever it looks like", () => {
  // Kickstarts are the one thing that is taken out of the vendor's entries.
  const wordLike = (pattern: RegExp) =>
    fc.stringMatching(pattern).filter((each) => !isKickstartArgument(each));
  const word = wordLike(/^[a-z][a-z0-9.=_/-]{0,8}$/);
  const blank = fc.constantFrom(' ', '  ', '\t', ' \\\n  ');
  const quoted = fc.oneof(
    word,
    wordLike(/^[A-Za-z &>#{}-]{1,12}$/).map((text) => `'${text}'`),
    wordLike(/^[A-Za-z &>#{};-]{1,12}$/).map((text) => `"${text}"`),
    fc.constant('a\\x20b'),
    fc.constant(`\${var}`),
  );
  const noise = fc.oneof(
    fc.stringMatching(/^[ -~]{0,20}$/).map((text) => `# ${text}`),
    fc.tuple(fc.constantFrom('insmod', 'echo', 'set x='), quoted).map(([name, arg]) => `${name} ${arg}`),
    fc.constantFrom('', '  ', 'if [ a = b ]; then true; fi', 'function f {\n  true\n}', 'set gfx=\xe9\xff'),
  );
  const entry = fc
    .tuple(
      fc.array(fc.tuple(blank, quoted), { maxLength: 4 }),
      blank,
      fc.constantFrom('', 'efi', '16'),
      noise,
    )
    .map(
      ([args, gap, suffix, line]) =>
        `menuentry${gap}'x'${gap}{\n\t${line}\n\tlinux${suffix} /k${args.map(([b, a]) => b + a).join('')}\n\tinitrd${suffix}${gap}/i\n}`,
    );
  const text = fc
    .tuple(
      fc.array(noise, { maxLength: 5 }),
      fc.array(fc.oneof(entry, noise), { maxLength: 4 }),
      entry,
      noise,
    )
    .map(([head, middle, last, tail]) => [...head, ...middle, last, tail, ''].join('\n'));

  it('keeps every byte under GRUB, and is stable', () => {
    fc.assert(
      fc.property(text, (vendors) => {
        const edited = grub(vendors);
        assert.equal(withoutBlock(edited), vendors);
        assert.equal(grub(edited), edited);
        assert.equal(readGrubMenu(edited, 'x').defaultEntry?.id, 'slipway-node-b');
      }),
      { numRuns: 300 },
    );
  });

  const line = fc.oneof(
    fc.stringMatching(/^[ -~]{0,20}$/).map((each) => `# ${each}`),
    fc.constantFrom(
      '',
      'menu separator # x',
      'MENU TITLE \xe9',
      'text help\nlabel no\nappend ks=no\nendtext',
      'prompt 1',
    ),
  );
  const label = fc
    .tuple(
      word,
      fc.constantFrom('kernel', 'LINUX'),
      fc.array(word, { maxLength: 4 }),
      line,
      fc.constantFrom(' ', '\t'),
    )
    .map(
      ([name, keyword, args, other, gap]) =>
        `label l${name}\n  ${keyword}${gap}k\n  APPEND${gap}initrd=i ${args.join(gap)}\n${other}`,
    );
  const lines = fc
    .tuple(fc.array(line, { maxLength: 4 }), label, fc.array(fc.oneof(label, line), { maxLength: 4 }))
    .map(([head, first, rest]) => ['ui menu.c32', 'timeout 300', ...head, first, ...rest, ''].join('\n'));

  it('keeps every byte under isolinux, and is stable', () => {
    fc.assert(
      fc.property(lines, (vendors) => {
        const edited = isolinux(vendors);
        assert.equal(withoutBlock(edited), vendors);
        assert.equal(isolinux(edited), edited);
        assert.equal(readIsolinuxMenu(edited, 'x').defaultEntry?.id, 'slipway-node-b');
      }),
      { numRuns: 300 },
    );
  });
});

describe('what only one of the languages has', () => {
  it('GRUB: quotes an argument that was quoted, and keeps classes and who may choose', () => {
    const text = `menuentry 'x' --class a --unrestricted --id old --hotkey x { linux /k 'inst.stage2=hd:LABEL=${ESCAPED}'\ninitrd /i }\n`;
    const renamed = grub(text, { label: { from: LABEL, to: 'NEW' } });
    assert.match(renamed, /linux \/k 'inst\.stage2=hd:LABEL=NEW'/);
    assert.match(renamed, /--id='slipway-node-a' --hotkey=1 --class a --unrestricted \{/);
  });

  it('GRUB: puts the block before a condition that holds entries', () => {
    const text = 'if [ a = b ]; then\nmenuentry x { linux /k\ninitrd /i }\nfi\n';
    assert.match(grub(text), /^# slipway: begin\n/);
  });

  it('GRUB: gives a configuration without entries nothing but the volume id', () => {
    const text = `search --no-floppy --set=root -l '${LABEL}'\nconfigfile /EFI/BOOT/grub.cfg\n`;
    assert.equal(grub(text), text);
    assert.equal(grub(text, { label: { from: LABEL, to: 'NEW' } }), text.replace(`'${LABEL}'`, "'NEW'"));
  });

  it('keeps line ends of DOS', () => {
    const text = isolinuxMenu(facts).replaceAll('\n', '\r\n');
    assert.doesNotMatch(isolinux(text), /[^\r]\n/);
    assert.doesNotMatch(grub(grubMenu(facts).replaceAll('\n', '\r\n')), /[^\r]\n/);
  });

  it('isolinux: gives a bare append a kickstart', () => {
    const result = isolinux('default a\nlabel a\n  kernel k\n  initrd i\n  append\n');
    assert.match(
      result,
      /label slipway-node-a\n.*\n {2}kernel k\n {2}initrd i\n {2}append inst\.ks=hd:LABEL=/,
    );
    assert.match(result, /^default slipway-node-b\n/);
  });

  it('isolinux: takes no longer time-out than it can', () => {
    assert.match(isolinux(isolinuxMenu(facts), { timeoutSeconds: 86_400 }), /^timeout 35996$/m);
  });
});

describe('parameters of s390x', () => {
  it('get the kickstart on lines that fit a punched card, and keep their words', () => {
    const text = `ro inst.stage2=hd:LABEL=${ESCAPED}\nks=old cio_ignore=all,!condev quiet\n`;
    assert.equal(
      editParameters(text, node, change),
      `ro inst.stage2=hd:LABEL=${ESCAPED}\ncio_ignore=all,!condev quiet\ninst.ks=hd:LABEL=${ESCAPED}:/slipway/ks/b.ks\n`,
    );
  });

  it('are changed inside the image too, and only where they are expected', () => {
    const image = new Uint8Array(0x11000).fill(7);
    image.fill(0, 0x10480, 0x10480 + 896);
    image.set(Buffer.from('ro a=b'), 0x10480);
    const changed = withCommandLine(image, 'ro\na=b\n', 'ro a=b\nc=d\n') ?? assert.fail();
    assert.equal(Buffer.from(changed.subarray(0x10480, 0x10480 + 12)).toString(), 'ro a=b c=d\0\0');
    assert.deepEqual(changed.subarray(0, 0x10480), image.subarray(0, 0x10480));
    assert.deepEqual(changed.subarray(0x10480 + 896), image.subarray(0x10480 + 896));
    assert.equal(withCommandLine(image, 'other', 'x'), undefined);
    assert.throws(() => withCommandLine(image, 'ro a=b', 'x'.repeat(900)), RangeError);
  });
});
