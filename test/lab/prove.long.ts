/** Every proof of a mirrored node is green. */
import assert from 'node:assert/strict';
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
});
