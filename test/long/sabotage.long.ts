/** Each proof of a mirrored node turns red when there is a reason to, and no other does. */
import assert from 'node:assert/strict';
import { SABOTAGES } from '../../src/lab/prove/sabotage-names.ts';
import { prove } from '../helpers/prove-run.ts';

const SPEC = 'examples/standalone-raid1.yaml';
const HOUR = 60 * 60_000;

describe('slipway lab prove --sabotage', () => {
  it('turns exactly those cells red that were sabotaged', async function () {
    this.timeout(HOUR);
    const wanted = [
      ...['boot-matrix/bios-cd/disk-*-alone', 'boot-matrix/uefi-cd/disk-*-alone'],
      ...['second-run/bios-cd/agent', 'undeclared-disks', 'trap/bios-cd/reboot-before-sync'],
      ...['power-cuts/bios-cd/partition-disks', 'power-cuts/bios-cd/create-arrays'],
    ];
    const { exitCode, output, cells } = await prove(
      HOUR,
      ...[SPEC, '--only', ...wanted, '--sabotage', ...SABOTAGES],
    );
    assert.deepEqual(
      cells('failed').toSorted(),
      [
        ...['boot-matrix/bios-cd/disk-2-alone', 'boot-matrix/uefi-cd/disk-2-alone'],
        ...['power-cuts/bios-cd/partition-disks', 'second-run/bios-cd/agent'],
        ...['trap/bios-cd/reboot-before-sync', 'undeclared-disks/bios-cd'],
      ],
      output,
    );
    assert.deepEqual(cells('not-run'), [], output);
    assert.equal(exitCode, 3, output);
  });
});
