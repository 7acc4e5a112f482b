import { rm } from 'node:fs/promises';
import { Bench, buildExampleIso, expectLogin, install, LIMIT, Sequence } from '../helpers/qemu.ts';
import { makeTempDir } from '../helpers/tmp.ts';

const NODE = 'standalone';

describe('a node on two mirrored disks, from spec to login', () => {
  const proof = new Sequence();
  let out: string;
  let iso: string;
  let bench: Bench;

  before('build the ISO', async function () {
    this.timeout(LIMIT.build);
    out = makeTempDir('slipway-smoke-');
    iso = await buildExampleIso('standalone-raid1', out);
    bench = await Bench.create({ disks: 2, firmware: 'bios' });
  });

  after('remove the machine', async () => {
    await bench?.clear(proof.failed);
    await rm(out, { recursive: true, force: true });
  });

  proof.step('installs from the CD under BIOS when its key is pressed', LIMIT.installed, () =>
    install(bench, { kind: 'cd', file: iso }, '1', NODE),
  );

  proof.step('is complete once it has booted from both disks', LIMIT.settled, async () => {
    const machine = await bench.start();
    await machine.waitForLine(new RegExp(`slipway: complete ${NODE}$`), LIMIT.boot + LIMIT.agent);
    await machine.powerButton();
    await machine.waitForPowerOff(LIMIT.powerOff);
  });

  proof.step(
    'boots from the second disk alone, says that it is degraded, and stays up',
    LIMIT.settled,
    async () => {
      const machine = await bench.start({ disks: bench.disks.slice(1) });
      await machine.waitForLine(new RegExp(`slipway: failed ${NODE}: .*degraded`), LIMIT.boot + LIMIT.agent);
      await expectLogin(machine, NODE);
    },
  );
});
