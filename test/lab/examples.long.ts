/** The boot matrix of the other examples. */
import { assertProven } from '../helpers/prove-run.ts';

const LIMIT_MS = 60 * 60_000;

for (const example of ['ha-pair', 'one-disk']) {
  it(`${example} starts as it must, installed from CD by BIOS and by UEFI`, async function () {
    this.timeout(LIMIT_MS);
    const rows = ['boot-matrix/bios-cd', 'boot-matrix/uefi-cd'];
    await assertProven(LIMIT_MS, `examples/${example}.yaml`, '--only', ...rows);
  });
}
