/** A pair installed from its ISO: the node that serves loses its power, and the other one takes over with its data. */
import assert from 'node:assert/strict';
import { prove } from '../helpers/prove-run.ts';

const LIMIT_MS = 60 * 60_000;

it('a pair goes on when the node that serves loses its power', async function () {
  this.timeout(LIMIT_MS);
  const { exitCode, output, cells } = await prove(LIMIT_MS, 'examples/ha-pair.yaml', '--only', 'failover');
  assert.deepEqual(cells('passed'), ['failover/installs', 'failover/complete', 'failover/power-cut'], output);
  assert.equal(exitCode, 0, output);
});
