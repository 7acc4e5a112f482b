import assert from 'node:assert/strict';
import { planBootMenu } from '../../src/media/boot-menu.ts';
import { grubQuote, grubWord, renderBootMenu, renderEspConfig } from '../../src/media/grub-config.ts';
import type { Plan } from '../../src/plan/types.ts';
import { examplePlan } from '../helpers/tiny-base.ts';

const BUILD = '0123456789abcdef';

/** The pair's first node many times over, as node-1, node-2, … */
const withNodes = (plan: Plan, count: number): Plan => ({
  ...plan,
  nodes: Array.from({ length: count }, (_, index) => {
    const [first] = plan.nodes;
    assert.ok(first);
    return { ...first, name: `node-${index + 1}`, index };
  }),
});

describe('the boot menu', () => {
  it('has an entry for every node in the order of the spec, then a rescue shell', async () => {
    const { entries } = planBootMenu(await examplePlan('ha-pair', { volumeId: 'HA_PAIR' }), BUILD);
    assert.deepEqual(entries, [
      {
        id: 'node:node-a',
        hotkey: '1',
        title: 'Install node-a (2 disks, RAID1)',
        kernelArgs: [
          'inst.ks=hd:LABEL=HA_PAIR:/slipway/ks/node-a.ks',
          'inst.stage2=hd:LABEL=HA_PAIR',
          'slipway.node=node-a',
          `slipway.medium=${BUILD}`,
          'loglevel=5',
          'console=tty0',
          'console=ttyS0,115200',
        ],
      },
      {
        id: 'node:node-b',
        hotkey: '2',
        title: 'Install node-b (2 disks, RAID1)',
        kernelArgs: [
          'inst.ks=hd:LABEL=HA_PAIR:/slipway/ks/node-b.ks',
          'inst.stage2=hd:LABEL=HA_PAIR',
          'slipway.node=node-b',
          `slipway.medium=${BUILD}`,
          'loglevel=5',
          'console=tty0',
          'console=ttyS0,115200',
        ],
      },
      {
        id: 'rescue',
        hotkey: 'r',
        title: 'Rescue shell (changes nothing by itself)',
        kernelArgs: [
          'inst.stage2=hd:LABEL=HA_PAIR',
          'slipway.rescue',
          `slipway.medium=${BUILD}`,
          'loglevel=5',
          'console=tty0',
          'console=ttyS0,115200',
        ],
      },
    ]);
  });

  it('leaves a forgotten medium to the disk unless the spec says otherwise', async () => {
    assert.equal(planBootMenu(await examplePlan('ha-pair'), BUILD).defaultId, 'disk');
    assert.equal(
      planBootMenu(await examplePlan('ha-pair', { default: 'node-b' }), BUILD).defaultId,
      'node:node-b',
    );
  });

  it('chooses by MAC address only when asked to, and then names no kickstart', async () => {
    const menu = planBootMenu(await examplePlan('ha-pair', { default: 'by-mac' }), BUILD);
    assert.equal(menu.defaultId, 'by-mac');
    const entry = menu.entries.find(({ id }) => id === 'by-mac');
    assert.ok(entry?.kernelArgs.includes('slipway.node=by-mac'));
    assert.ok(!entry?.kernelArgs.some((arg) => arg.startsWith('inst.ks=')));
    assert.ok(!planBootMenu(await examplePlan('ha-pair'), BUILD).entries.some(({ id }) => id === 'by-mac'));
  });

  it('refuses a default that is no node', async () => {
    const plan = await examplePlan('ha-pair', { default: 'node-c' });
    assert.throws(() => planBootMenu(plan, BUILD), /default 'node-c' is no node/);
  });

  it('says how many disks an entry takes', async () => {
    const [one] = planBootMenu(await examplePlan('one-disk'), BUILD).entries;
    assert.match(one?.title ?? '', /\(1 disk\)$/);
  });

  it('gives keys to nine nodes and entries to all', async () => {
    const menu = planBootMenu(withNodes(await examplePlan('ha-pair'), 11), BUILD);
    const keys = menu.entries.map(({ hotkey }) => hotkey);
    assert.deepEqual(keys, ['1', '2', '3', '4', '5', '6', '7', '8', '9', undefined, undefined, 'r']);
    assert.equal(new Set(menu.entries.map(({ id }) => id)).size, 12);
  });
});

describe('grub.cfg', () => {
  const lines = async (plan: Plan): Promise<readonly string[]> =>
    renderBootMenu(planBootMenu(plan, BUILD)).split('\n');

  it('lists the disk first and takes it after the time-out', async () => {
    const text = await lines(await examplePlan('ha-pair', { timeoutSeconds: 60 }));
    assert.ok(text.includes("set default='disk'"));
    assert.ok(text.includes('set timeout=60'));
    assert.deepEqual(
      text.filter((line) => line.startsWith('menuentry')),
      [
        "menuentry 'd  Boot from disk' --id='disk' --hotkey=d {",
        "menuentry '1  Install node-a (2 disks, RAID1)' --id='node:node-a' --hotkey=1 {",
        "menuentry '2  Install node-b (2 disks, RAID1)' --id='node:node-b' --hotkey=2 {",
        "menuentry 'r  Rescue shell (changes nothing by itself)' --id='rescue' --hotkey=r {",
      ],
    );
  });

  it('boots the kernel of the medium with the planned arguments', async () => {
    const plan = await examplePlan('ha-pair');
    const [first] = planBootMenu(plan, BUILD).entries;
    const text = await lines(plan);
    assert.ok(text.includes(`  linux ($medium)/boot/vmlinuz ${first?.kernelArgs.join(' ')}`));
    assert.ok(text.includes('  initrd ($medium)/boot/installer.img'));
  });

  it('gives the tenth node no key', async () => {
    const text = await lines(withNodes(await examplePlan('ha-pair'), 10));
    assert.ok(text.includes("menuentry '   Install node-10 (2 disks, RAID1)' --id='node:node-10' {"));
  });

  it('lets no name start a command', async () => {
    const plan = await examplePlan('ha-pair');
    for (const name of ["a'; reboot; '", 'a\nreboot', 'a b', 'a;reboot', '$root', '`x`']) {
      const [first] = plan.nodes;
      assert.ok(first);
      const evil: Plan = { ...plan, nodes: [{ ...first, name }] };
      assert.throws(() => renderBootMenu(planBootMenu(evil, BUILD)), RangeError, JSON.stringify(name));
    }
  });

  it('is found from the EFI image by the id of the build', () => {
    assert.deepEqual(renderEspConfig(BUILD).split('\n').slice(1), [
      `search --no-floppy --file --set=root /slipway/id/${BUILD}`,
      'set prefix=($root)/boot/grub',
      'configfile ($root)/boot/grub/grub.cfg',
      '',
    ]);
  });
});

describe("GRUB's language", () => {
  it('has words of harmless characters only', () => {
    assert.equal(
      grubWord('inst.ks=hd:LABEL=A_1:/slipway/ks/node-a.ks'),
      'inst.ks=hd:LABEL=A_1:/slipway/ks/node-a.ks',
    );
    assert.equal(grubWord(60), '60');
    for (const bad of ['', 'a b', 'a;b', 'a{', '$x', '"', "'", '\\', '#', '&', '|', '<', 'a\n', 'ä']) {
      assert.throws(() => grubWord(bad), RangeError, JSON.stringify(bad));
    }
  });

  it('quotes printable ASCII without quotes', () => {
    assert.equal(grubQuote('Install a (2 disks, RAID1); $x'), "'Install a (2 disks, RAID1); $x'");
    for (const bad of ['', "it's", 'a\nb', 'ä', '\t']) assert.throws(() => grubQuote(bad), RangeError);
  });
});
