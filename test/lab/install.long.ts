/** The boot matrix of the other examples, and of disks on other buses. */
import assert from 'node:assert/strict';
import { prove } from '../helpers/prove-run.ts';

const MATRICES = [
  ['standalone-raid1', '--bus', 'sata', '--only', 'boot-matrix/uefi-secure-cd'],
  ['standalone-raid1', '--bus', 'scsi', '--only', 'boot-matrix/bios-usb'],
  ['standalone-raid1', '--bus', 'nvme', '--only', 'boot-matrix/uefi-usb'],
  ['ha-pair', '--only', 'boot-matrix/bios-cd', 'boot-matrix/uefi-cd'],
  ['one-disk', '--only', 'boot-matrix/bios-cd', 'boot-matrix/uefi-cd'],
] as const;

const LIMIT_MS = 60 * 60_000;

for (const [example, ...options] of MATRICES) {
  it(`${example} starts as it must: ${options.join(' ')}`, async function () {
    this.timeout(LIMIT_MS);
    const { exitCode, output, run, cells } = await prove(LIMIT_MS, `examples/${example}.yaml`, ...options);
    assert.equal(cells('passed').length, run.cells.length, output);
    assert.equal(exitCode, 0, output);
  });
}
