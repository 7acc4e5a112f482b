/** A node in a virtual machine: the live root, the installation, the first start. One run of each. */
import { withTempDir } from '../../src/host/atomic.ts';
import { Bench, buildExampleIso, choose, install, LIMIT } from '../../test/helpers/qemu.ts';
import { type Row, secondsSince } from './row.ts';

const EXAMPLE = 'standalone-raid1';
const NODE = 'standalone';
/** The kernel's own clock: firmware and the boot loader are not in it. */
const RESCUE = /slipway: rescue shell after ([\d.]+) s/;

export function benchNode(): Promise<readonly Row[]> {
  return withTempDir(async (out) => {
    const medium = { kind: 'cd', file: await buildExampleIso(EXAMPLE, out) } as const;
    const bench = await Bench.create({ disks: 2, firmware: 'bios' });
    try {
      const rescue = await bench.start({ medium });
      await choose(rescue, 'r');
      const line = await rescue.waitForLine(RESCUE, LIMIT.boot);
      const live = Number(RESCUE.exec(line)?.[1]);

      const powered = performance.now();
      await install(bench, medium, '1', NODE);
      const installed = secondsSince(powered);

      const started = performance.now();
      const machine = await bench.start();
      await machine.waitForLine(new RegExp(`slipway: complete ${NODE}$`), LIMIT.boot + LIMIT.agent);
      return [
        {
          name: 'live root',
          value: live,
          unit: 's',
          bar: 5,
          note: "from the kernel's start to a shell, by its own clock",
        },
        {
          name: `installing ${NODE}`,
          value: installed,
          unit: 's',
          bar: 90,
          note: 'from power-on to power-off, two disks of 8 GiB, the wait for /boot and the ESP included',
        },
        {
          name: `first start of ${NODE}`,
          value: secondsSince(started),
          unit: 's',
          note: 'from power-on to `slipway: complete`, the resync of the other arrays included',
        },
      ];
    } finally {
      await bench.clear(false);
    }
  });
}
