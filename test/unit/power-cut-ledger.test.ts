import assert from 'node:assert/strict';
import { changedRecord } from '../helpers/journal-change.ts';
import type { CutPoint } from '../helpers/pair-power-cuts.ts';
import {
  chosenCuts,
  type Ledger,
  nextCuts,
  powerCutsPage,
  withOutcomes,
} from '../helpers/power-cut-ledger.ts';

const POINTS: readonly CutPoint[] = [1, 2].flatMap((node) =>
  ['before a', 'after a', 'before b', 'after b'].map((at) => ({ node: node === 1 ? 1 : 2, at })),
);
const EMPTY: Ledger = { points: POINTS, outcomes: [] };

describe('the ledger of power cuts', () => {
  it('goes through every point once, whatever is cut together, and ends', () => {
    for (const together of [1, 3]) {
      let ledger = EMPTY;
      const tried: string[] = [];
      for (let cuts = nextCuts(ledger, together); cuts.length > 0; cuts = nextCuts(ledger, together)) {
        assert.ok(cuts.length <= together);
        assert.equal(new Set(cuts.map(({ node }) => node)).size, 1);
        const order = cuts.map((cut) =>
          POINTS.findIndex(({ node, at }) => node === cut.node && at === cut.at),
        );
        assert.deepEqual(
          order,
          order.toSorted((a, b) => a - b),
        );
        tried.push(...cuts.map(({ node, at }) => `${node} ${at}`));
        ledger = withOutcomes(
          ledger,
          cuts.map((cut) => ({ ...cut, result: 'complete', detail: '' })),
        );
      }
      assert.deepEqual(tried.toSorted(), POINTS.map(({ node, at }) => `${node} ${at}`).toSorted());
      assert.deepEqual(new Set(ledger.outcomes.map(({ who }) => who)), new Set(['that node', 'both']));
    }
  });

  it('chooses the same points for the same seed, and none twice', () => {
    const once = chosenCuts(POINTS, 5, 42);
    assert.deepEqual(once, chosenCuts(POINTS, 5, 42));
    assert.equal(new Set(once.map(({ node, at }) => `${node} ${at}`)).size, 5);
    assert.notDeepEqual(once, chosenCuts(POINTS, 5, 43));
    assert.equal(chosenCuts(POINTS, 99, 1).length, POINTS.length);
  });

  it('counts what failed in its page, and says why', () => {
    const [first, second] = chosenCuts(POINTS, 2, 1);
    assert.ok(first && second);
    const failed = { ...second, result: 'failed', detail: 'DRBD | of n1:\nmore' } as const;
    const page = powerCutsPage(withOutcomes(EMPTY, [{ ...first, result: 'complete', detail: '' }, failed]));
    assert.match(
      page,
      /8 points in one formation; 2 tried in 1 formations: 1 complete, 0 passed by, 1 failed\./,
    );
    assert.match(page, /\| failed: DRBD \\\| of n1: \|$/m);
  });

  it('names what a write adds to a journal', () => {
    const journal = (state: string, steps: object): string => JSON.stringify({ verdict: { state }, steps });
    const running = journal('running', { a: { state: 'intent', at: '1' } });
    assert.equal(changedRecord('', running), 'verdict running');
    assert.equal(
      changedRecord(running, journal('running', { a: { state: 'applied', at: '2' } })),
      'applied a',
    );
    assert.equal(changedRecord(running, journal('complete', {})), 'verdict complete');
  });
});
