/** A dozen of the power cuts of power-cuts.ts, each in a formation of its own. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enumeratePoints, formWithCuts, keepInstalled } from '../helpers/pair-power-cuts.ts';
import { chosenCuts } from '../helpers/power-cut-ledger.ts';
import { FENCED, makeUmlPair, type UmlPair } from '../helpers/uml-pair.ts';

const CUTS = 12;

describe('a pair that loses its power while it is formed', function () {
  this.timeout(60 * 60_000);
  let folder: string;
  let pair: UmlPair;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'slipway-'));
    pair = await makeUmlPair(folder, FENCED);
    await keepInstalled(pair);
  });
  after(async () => {
    await pair?.down();
    await rm(folder, { recursive: true, force: true });
  });

  it(`is complete in the end, ${CUTS} times, and has lost nothing`, async () => {
    const seed = Number(process.env['SLIPWAY_SEED'] ?? randomInt(2 ** 32));
    process.stdout.write(`      SLIPWAY_SEED=${seed}\n`);
    const points = await enumeratePoints(pair);
    assert.ok(points.length >= 150, `${points.length} points`);
    for (const cut of chosenCuts(points, CUTS, seed)) {
      process.stdout.write(`      n${cut.node} ${cut.at}, cut ${cut.who}\n`);
      const [outcome] = await formWithCuts(pair, [cut]);
      assert.notEqual(outcome?.result, 'failed', outcome?.detail);
    }
  });
});
