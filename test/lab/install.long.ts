/** Installing by every firmware and medium, and booting from each disk alone afterwards. */
import assert from 'node:assert/strict';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createExec } from '../../src/host/exec.ts';
import { type LabDisk, LabFailure, type LabFirmware, type LabMedium } from '../../src/lab/engine.ts';
import { Bench, buildExampleIso, expectLogin, install, LIMIT, Sequence } from '../helpers/qemu.ts';
import { examplePlan } from '../helpers/tiny-base.ts';

interface Case {
  readonly example: string;
  readonly node: string;
  readonly firmware: LabFirmware;
  readonly medium: LabMedium['kind'];
  readonly bus?: LabDisk['bus'];
}

const CASES: readonly Case[] = [
  { example: 'standalone-raid1', node: 'standalone', firmware: 'uefi', medium: 'cd' },
  { example: 'standalone-raid1', node: 'standalone', firmware: 'uefi-secure', medium: 'cd', bus: 'sata' },
  { example: 'standalone-raid1', node: 'standalone', firmware: 'bios', medium: 'usb', bus: 'scsi' },
  { example: 'standalone-raid1', node: 'standalone', firmware: 'uefi', medium: 'usb', bus: 'nvme' },
  { example: 'ha-pair', node: 'node-a', firmware: 'bios', medium: 'cd' },
  { example: 'ha-pair', node: 'node-a', firmware: 'uefi', medium: 'cd' },
  { example: 'ha-pair', node: 'node-b', firmware: 'bios', medium: 'cd' },
  { example: 'ha-pair', node: 'node-b', firmware: 'uefi', medium: 'cd' },
  { example: 'one-disk', node: 'single', firmware: 'bios', medium: 'cd' },
  { example: 'one-disk', node: 'single', firmware: 'uefi', medium: 'cd' },
];

/** A disk that boots shows its kernel well within this. */
const SILENCE_MS = 60_000;

const isos = new Map<string, Promise<string>>();
let out: string;

before(async () => {
  out = await mkdtemp(join(tmpdir(), 'slipway-install-'));
});
after(() => rm(out, { recursive: true, force: true }));

/** Each ISO is built once, whichever case wants it first. */
function isoOf(example: string): Promise<string> {
  const iso = isos.get(example) ?? buildExampleIso(example, out);
  isos.set(example, iso);
  return iso;
}

for (const { example, node, firmware, medium, bus } of CASES) {
  describe(`${example}: ${node} by ${firmware} from ${medium}`, () => {
    const proof = new Sequence();
    let bench: Bench;
    let iso: string;
    let hotkey: string;
    let disks: readonly LabDisk[];
    /** How far a node comes without its peer. */
    let healthy: RegExp;

    before('build the ISO', async function () {
      this.timeout(LIMIT.build);
      iso = await isoOf(example);
      const plan = await examplePlan(example);
      const planned = plan.nodes.find(({ name }) => name === node);
      assert.ok(planned, `${example} has no ${node}`);
      hotkey = String(planned.index + 1);
      healthy =
        planned.ha === undefined
          ? new RegExp(`slipway: complete ${node}$`)
          : /slipway: \[.*waits for you.*there is no key medium and no secret was pushed/;
      bench = await Bench.create({
        disks: planned.layout.diskCount,
        firmware,
        ...(bus === undefined ? {} : { bus }),
        macs: planned.interfaces.flatMap((nic) => nic.mac ?? nic.bond?.macs ?? []),
      });
      // What one proof does to the disks must not help or hinder the next.
      disks = bench.disks.map((disk) => ({ ...disk, discardWrites: true }));
    });
    after(() => bench?.clear(proof.failed));

    proof.step('installs', LIMIT.installed, () => install(bench, { kind: medium, file: iso }, hotkey, node));

    proof.step(
      'is complete with every disk there, or waits for the secret of its pair',
      LIMIT.settled,
      async () => {
        const machine = await bench.start({ disks });
        await machine.waitForLine(healthy, LIMIT.boot + LIMIT.agent);
        await expectLogin(machine, node);
      },
    );

    if (example !== 'one-disk') {
      for (const which of [0, 1]) {
        proof.step(
          `boots from disk ${which + 1} alone, by firmware that has forgotten it`,
          LIMIT.settled,
          async () => {
            await bench.forgetFirmware();
            const machine = await bench.start({ disks: disks.slice(which, which + 1) });
            await machine.waitForLine(
              new RegExp(`slipway: failed ${node}: .*degraded`),
              LIMIT.boot + LIMIT.agent,
            );
            await expectLogin(machine, node);
          },
        );
      }
    }

    proof.step('does not boot from a disk without its boot loader', LIMIT.settled, async () => {
      const victim = bench.disks.at(-1);
      assert.ok(victim);
      await eraseBootLoader(victim.file, firmware);
      await bench.forgetFirmware();
      const machine = await bench.start({ disks: [victim] });
      await assert.rejects(
        machine.waitForLine(/Linux version|login:/, SILENCE_MS),
        (error) => error instanceof LabFailure && /did not print/.test(error.message),
      );
    });
  });
}

/** GRUB's code in the MBR under BIOS, the EFI system partition under UEFI. */
async function eraseBootLoader(disk: string, firmware: LabFirmware): Promise<void> {
  const [start, length] = firmware === 'bios' ? [0, 440] : await espOf(disk);
  const file = await open(disk, 'r+');
  try {
    await file.write(Buffer.alloc(length), 0, length, start);
  } finally {
    await file.close();
  }
}

/** Where the EFI system partition starts, and as much of it as makes it unreadable. In bytes. */
async function espOf(disk: string): Promise<readonly [number, number]> {
  const { stdout } = await createExec()({ file: 'sfdisk', args: ['--json', disk], effect: 'read' });
  const esp = JSON.parse(stdout).partitiontable.partitions.find(
    ({ type }: { type: string }) => type === 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  );
  return [esp.start * 512, 1024 ** 2];
}
