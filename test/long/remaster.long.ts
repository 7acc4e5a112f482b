/** Every way to boot a remastered medium ends in the vendor's kernel with the planned arguments, or on the disk. */
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createExec } from '../../src/host/exec.ts';
import type { LabFirmware, LabMachine, LabMedium } from '../../src/lab/engine.ts';
import { readMedium } from '../../src/media/image/medium.ts';
import { withImage } from '../../src/media/image/source.ts';
import { codelessDisk, sayingBiosDisk, sayingEfiDisk } from '../helpers/boot-disks.ts';
import { Bench, LIMIT } from '../helpers/qemu.ts';
import { remasterBase } from '../helpers/remastered.ts';
import { debianKernel, HOST, talkingInitrd, whyNotBootable } from '../helpers/tiny-base.ts';
import { makeTempDir } from '../helpers/tmp.ts';
import {
  type VendorBaseOptions,
  type VendorLayout,
  vendorBase,
  vendorLabel,
} from '../helpers/vendor-bases.ts';

const exec = createExec();
const WAYS: readonly (readonly [firmware: LabFirmware, kind: LabMedium['kind']])[] = [
  ['bios', 'cd'],
  ['uefi', 'cd'],
  ['uefi-secure', 'cd'],
  ['bios', 'usb'],
  ['uefi', 'usb'],
];
const LAYOUTS: readonly VendorLayout[] = ['el7', 'el8', 'el9', 'el10', 'fedora'];

describe('booting a remastered medium', function () {
  this.timeout(2 * LIMIT.menu);
  let dir: string;
  let kernel: string;
  let initrd: string;

  before(async () => {
    const lacking = whyNotBootable();
    if (lacking !== undefined) throw new Error(lacking);
    dir = makeTempDir('slipway-remaster-');
    kernel = await debianKernel(exec);
    initrd = await talkingInitrd(dir, exec);
  });
  after(() => rm(dir, { recursive: true, force: true }));

  const makeBase = async (options: VendorBaseOptions, name: string): Promise<string> => {
    await mkdir(join(dir, name), { recursive: true });
    return vendorBase(join(dir, name), { kernel, initrd, ...options }, exec);
  };

  const withBench = async (firmware: LabFirmware, prove: (bench: Bench) => Promise<void>): Promise<void> => {
    const bench = await Bench.create({ disks: 0, firmware });
    try {
      await prove(bench);
    } finally {
      await bench.clear(false);
    }
  };

  /** What the kernel was given, without what loaders add. */
  const argumentsOf = async (machine: LabMachine): Promise<readonly string[]> => {
    const line = await machine.waitForLine(/^tiny: BOOT_IMAGE/, LIMIT.menu);
    await machine.waitForPowerOff(LIMIT.powerOff);
    return line.split(' ').filter((word) => !/^(?:tiny:|BOOT_IMAGE=.*|initrd=.*|)$/.test(word));
  };
  const planned = (label: string, node: string): readonly string[] => [
    `inst.stage2=hd:LABEL=${label}`,
    'console=ttyS0',
    'ignore_loglevel',
    'quiet',
    `inst.ks=hd:LABEL=${label}:/slipway/ks/${node}.ks`,
  ];

  for (const layout of LAYOUTS) {
    describe(`of the layout of ${layout}`, () => {
      let iso: string;
      // GRUB of Debian, which stands in for the vendors', drops the backslash of \x20.
      const volumeId = vendorLabel(layout).includes(' ') ? 'NO_SPACES' : undefined;
      const label = volumeId ?? vendorLabel(layout);

      before(async () => {
        const base = await makeBase(
          { layout, extra: ' console=ttyS0 ignore_loglevel inst.ks=http://old.example/ks' },
          layout,
        );
        const media = { default: 'node-b', timeoutSeconds: 4 };
        iso = (await remasterBase(join(dir, layout), base, { media, volumeId })).iso;
      });

      for (const [firmware, kind] of WAYS) {
        it(`${firmware} from ${kind}: the chosen node starts with the planned arguments`, () =>
          withBench(firmware, async (bench) => {
            const machine = await bench.start({ medium: { kind, file: iso }, screen: true });
            assert.deepEqual(await argumentsOf(machine), planned(label, 'node-b'));
            const lines = machine.transcript();
            assert.match(lines, new RegExp(`^tiny: firmware ${firmware.replace('-secure', '')}$`, 'm'));
            if (firmware === 'uefi-secure') assert.match(lines, /Secure boot enabled/);
          }));
      }

      it('the key of another node starts that node', () =>
        withBench('bios', async (bench) => {
          const machine = await bench.start({ medium: { kind: 'cd', file: iso }, screen: true });
          const typing = setInterval(() => void machine.press('1').then(() => machine.press('ret')), 700);
          try {
            assert.deepEqual(await argumentsOf(machine), planned(label, 'node-a'));
          } finally {
            clearInterval(typing);
          }
        }));
    });
  }

  it("keeps a label with spaces, and isolinux passes it as the vendor's menu does", async () => {
    const base = await makeBase({ layout: 'el7', extra: ' console=ttyS0 ignore_loglevel' }, 'spaces');
    const media = { default: 'node-a', timeoutSeconds: 2 };
    const { iso } = await remasterBase(join(dir, 'spaces'), base, { media });
    await withBench('bios', async (bench) => {
      const machine = await bench.start({ medium: { kind: 'cd', file: iso }, screen: true });
      assert.deepEqual(await argumentsOf(machine), planned('CentOS\\x207\\x20x86_64', 'node-a'));
    });
  });

  it('copies files of 4 GiB and more, and still starts', async () => {
    const base = await makeBase(
      { layout: 'el9', extra: ' console=ttyS0 ignore_loglevel', payloadBytes: 4.4e9 },
      'large',
    );
    const { iso } = await remasterBase(join(dir, 'large'), base, {
      media: { default: 'node-a', timeoutSeconds: 2 },
    });
    const sizes = await withImage(iso, async (image) => {
      const { tree } = await readMedium(image);
      return [
        tree.entries.get('images/install.img')?.bytes,
        tree.entries.get('images/install.img')?.extents.length,
      ];
    });
    assert.deepEqual(sizes, [4.4e9, 2]);
    await withBench('uefi', async (bench) => {
      const machine = await bench.start({ medium: { kind: 'usb', file: iso }, screen: true });
      assert.deepEqual(await argumentsOf(machine), planned(vendorLabel('el9'), 'node-a'));
    });
  }).timeout(LIMIT.build);

  for (const layout of ['el9', 'el10'] as const) {
    for (const [firmware, kind] of [
      ['bios', 'cd'],
      ['bios', 'usb'],
      ['uefi', 'cd'],
      ['uefi', 'usb'],
    ] as const) {
      it(`${layout}, ${firmware} from ${kind}: boots from disk when nobody chooses a node`, async () => {
        const name = `${layout}-${firmware}-${kind}`;
        const base = await makeBase({ layout }, name);
        const { iso } = await remasterBase(join(dir, name), base, {
          media: { timeoutSeconds: 3 },
        });
        await withBench(firmware, async (bench) => {
          const bare = join(bench.dir, 'bare.raw');
          const full = join(bench.dir, 'full.raw');
          await codelessDisk(bare, exec);
          if (firmware === 'bios') await sayingBiosDisk(full, 'the disk speaks');
          else await sayingEfiDisk(full, 'the disk speaks', { ...HOST }, exec);
          const disks = [
            // isolinux leaves the choice to the BIOS, which has no eye for a disk without code.
            ...(layout === 'el9' && firmware === 'bios'
              ? []
              : [{ file: bare, bus: 'virtio' as const, serial: 'BARE' }]),
            { file: full, bus: 'virtio' as const, serial: 'FULL' },
          ];
          const machine = await bench.start({ medium: { kind, file: iso }, disks, screen: true });
          await machine.waitForLine(/the disk speaks/, LIMIT.menu);
        });
      });
    }
  }
});
