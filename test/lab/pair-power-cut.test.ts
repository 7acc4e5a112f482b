/** The most delicate of the power cuts of power-cuts.ts: DRBD was just told whose data counts, and both nodes go dark. */
import assert from 'node:assert/strict';
import { formWithCuts, keepInstalled } from '../helpers/pair-power-cuts.ts';
import { FENCED, makeUmlPair, type UmlPair } from '../helpers/uml-pair.ts';

const MINUTE = 60_000;

describe('a pair whose power goes off after `primary --force`', () => {
  let pair: UmlPair;

  before('install two nodes', async function () {
    this.timeout(10 * MINUTE);
    // A network namespace of its own, and User-Mode Linux in it.
    if (process.getuid?.() !== 0) this.skip();
    pair = await makeUmlPair(FENCED);
    await keepInstalled(pair);
  });
  after(() => pair?.down());

  it('is complete in the end, and has lost nothing', async function () {
    this.timeout(20 * MINUTE);
    const cut = { node: 1, at: 'after drbdadm primary --force slipway', who: 'both' } as const;
    assert.deepEqual(await formWithCuts(pair, [cut]), [{ ...cut, result: 'complete', detail: '' }]);
  });
});
