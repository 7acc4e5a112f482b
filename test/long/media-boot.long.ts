/** Every way to boot a medium ends in the kernel with the planned arguments, or on the right disk. */
import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireSound } from '../../src/commands/audit-iso.ts';
import { createExec } from '../../src/host/exec.ts';
import type { LabFirmware, LabMedium } from '../../src/lab/engine.ts';
import { planBootMenu } from '../../src/media/boot-menu.ts';
import { assembleIso } from '../../src/media/iso.ts';
import type { BaseArtefact, IsoResult } from '../../src/media/types.ts';
import type { MediaPlan, Plan } from '../../src/plan/types.ts';
import { codelessDisk, sayingBiosDisk, sayingEfiDisk } from '../helpers/boot-disks.ts';
import { Bench, choose, LIMIT } from '../helpers/qemu.ts';
import { examplePlan, tinyBase, tinyInputs, whyNotBootable } from '../helpers/tiny-base.ts';
import { makeTempDir } from '../helpers/tmp.ts';

const exec = createExec();
const WAYS: readonly (readonly [firmware: LabFirmware, kind: LabMedium['kind']])[] = [
  ['bios', 'cd'],
  ['bios', 'usb'],
  ['uefi', 'cd'],
  ['uefi', 'usb'],
  ['uefi-secure', 'cd'],
  ['uefi-secure', 'usb'],
];

describe('booting a medium', function () {
  this.timeout(2 * LIMIT.menu);
  let dir: string;
  let base: BaseArtefact;
  let plan: Plan;
  let medium: IsoResult;

  const build = async (media: Partial<MediaPlan>, name: string): Promise<IsoResult> => {
    const changed = await examplePlan('ha-pair', media);
    return assembleIso(await tinyInputs(join(dir, name), changed, base), {
      exec,
      version: '0.0.0',
      audit: requireSound,
    });
  };

  before(async () => {
    const lacking = whyNotBootable();
    if (lacking !== undefined) throw new Error(lacking);
    dir = makeTempDir('slipway-boot-');
    base = await tinyBase(join(dir, 'base'), exec);
    plan = await examplePlan('ha-pair');
    medium = await build({}, 'disk');
  });
  after(() => rm(dir, { recursive: true, force: true }));

  /** What the kernel must have been given for an entry. */
  const expected = (of: Plan, buildId: string, id: string): string =>
    planBootMenu(of, buildId)
      .entries.find((entry) => entry.id === id)
      ?.kernelArgs.join(' ') ?? 'no such entry';

  const withBench = async (firmware: LabFirmware, prove: (bench: Bench) => Promise<void>): Promise<void> => {
    const bench = await Bench.create({ disks: 0, firmware });
    try {
      await prove(bench);
    } finally {
      await bench.clear(false);
    }
  };

  const keys = [
    ['1', 'node:node-a'],
    ['2', 'node:node-b'],
    ['r', 'rescue'],
  ] as const;
  for (const [i, [firmware, kind]] of WAYS.entries()) {
    const [key, id] = keys[i % keys.length] ?? keys[0];
    it(`${firmware} from ${kind}: key ${key} starts ${id} with the planned arguments`, () =>
      withBench(firmware, async (bench) => {
        const machine = await bench.start({ medium: { kind, file: medium.iso } });
        await choose(machine, key);
        const line = await machine.waitForLine(/^tiny: BOOT_IMAGE/, LIMIT.boot);
        assert.equal(line.replace(/^tiny: BOOT_IMAGE=\S+ /, ''), expected(plan, medium.buildId, id));
        await machine.waitForLine(
          new RegExp(`^tiny: firmware ${firmware.replace('-secure', '')}$`),
          LIMIT.boot,
        );
        await machine.waitForPowerOff(LIMIT.powerOff);
        if (firmware === 'uefi-secure') assert.match(machine.transcript(), /UEFI Secure Boot is enabled/);
      }));

    it(`${firmware} from ${kind}: the disk entry passes over a disk without code and over the medium itself`, () =>
      withBench(firmware, async (bench) => {
        const bare = join(bench.dir, 'bare.raw');
        const full = join(bench.dir, 'full.raw');
        await codelessDisk(bare, exec);
        if (firmware === 'bios') await sayingBiosDisk(full, 'the second disk speaks');
        else await sayingEfiDisk(full, 'the second disk speaks', base.boot, exec);
        const machine = await bench.start({
          medium: { kind, file: medium.iso },
          disks: [
            { file: bare, bus: 'virtio', serial: 'BARE' },
            { file: full, bus: 'virtio', serial: 'FULL' },
          ],
        });
        await choose(machine, 'd');
        await machine.waitForLine(/the second disk speaks/, LIMIT.boot);
      }));
  }

  for (const [id, media] of [
    ['disk', {}],
    ['node:node-b', { default: 'node-b' }],
    ['by-mac', { default: 'by-mac' }],
  ] as const) {
    it(`takes ${id} when nobody presses a key and the spec says so`, () =>
      withBench('bios', async (bench) => {
        const changed = await examplePlan('ha-pair', { ...media, timeoutSeconds: 2 });
        const { iso, buildId } = await build(
          { ...media, timeoutSeconds: 2 },
          `default-${id.replace(':', '-')}`,
        );
        const full = join(bench.dir, 'full.raw');
        await sayingBiosDisk(full, 'the disk speaks');
        const machine = await bench.start({
          medium: { kind: 'cd', file: iso },
          disks: [{ file: full, bus: 'virtio', serial: 'FULL' }],
        });
        if (id === 'disk') {
          await machine.waitForLine(/the disk speaks/, LIMIT.menu);
          return;
        }
        const line = await machine.waitForLine(/^tiny: BOOT_IMAGE/, LIMIT.menu);
        assert.equal(line.replace(/^tiny: BOOT_IMAGE=\S+ /, ''), expected(changed, buildId, id));
      }));
  }

  it('refuses a kernel whose signature does not fit, under Secure Boot', () =>
    withBench('uefi-secure', async (bench) => {
      const kernel = join(bench.dir, 'vmlinuz');
      const bytes = await readFile(base.kernel);
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 1;
      await writeFile(kernel, bytes);
      const inputs = await tinyInputs(join(dir, 'unsigned'), plan, { ...base, id: 'c'.repeat(64), kernel });
      const { iso } = await assembleIso(inputs, { exec, version: '0.0.0', audit: requireSound });
      const machine = await bench.start({ medium: { kind: 'cd', file: iso } });
      await choose(machine, '1');
      await machine.waitForLine(/bad shim signature/, LIMIT.menu);
    }));
});
