/** Every proof of a mirrored node is green; and each of them turns red when there is a reason to. */
import assert from 'node:assert/strict';
import { SABOTAGES } from '../../src/lab/prove/sabotage-names.ts';
import { prove } from '../helpers/prove-run.ts';

const SPEC = 'examples/standalone-raid1.yaml';
const HOUR = 60 * 60_000;

describe('slipway lab prove', () => {
  it('finds a mirrored node sound, whatever it was installed by, and whatever became of it', async function () {
    this.timeout(2 * HOUR);
    const { exitCode, output, cells } = await prove(2 * HOUR, SPEC);
    assert.deepEqual(cells('failed'), [], output);
    // Steps of the installer that such a node has no need of.
    assert.ok(
      cells('not-run').every((id) => id.startsWith('power-cuts/')),
      output,
    );
    assert.ok(cells('passed').includes('power-cuts/bios-cd/partition-disks'), output);
    assert.equal(exitCode, 0, output);
  });

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
