/** The boot matrix of the other examples. */
import assert from 'node:assert/strict';
import { prove } from '../helpers/prove-run.ts';

const LIMIT_MS = 60 * 60_000;

for (const example of ['ha-pair', 'one-disk']) {
  it(`${example} starts as it must, installed from CD by BIOS and by UEFI`, async function () {
    this.timeout(LIMIT_MS);
    const rows = ['boot-matrix/bios-cd', 'boot-matrix/uefi-cd'];
    const { exitCode, output, run, cells } = await prove(
      LIMIT_MS,
      ...[`examples/${example}.yaml`, '--only', ...rows],
    );
    assert.equal(cells('passed').length, run.cells.length, output);
    assert.equal(exitCode, 0, output);
  });
}
