/** Which points of a formation had their power cut, and what became of each. Pure. */
import type { Cut, CutOutcome, CutPoint } from './pair-power-cuts.ts';

export interface Ledger {
  /** Of one formation without a cut, in the order of each node. */
  readonly points: readonly CutPoint[];
  readonly outcomes: readonly (CutOutcome & { readonly formation: number })[];
}

/** As many cuts of one formation as there may be together: points of one node without an outcome, in their order. */
export function nextCuts({ points, outcomes }: Ledger, together: number): readonly Cut[] {
  const known = new Set(outcomes.map(keyOf));
  const left = cutsAt(points).filter((point) => !known.has(keyOf(point)));
  const [first] = left;
  const ofNode = left.filter(({ node }) => node === first?.node);
  // Spread over the whole formation, so that every part of it is met early.
  const stride = Math.max(1, Math.floor(ofNode.length / together));
  return ofNode.filter((_, i) => i % stride === 0).slice(0, together);
}

/** Half of the cuts hit one node, half of them both. */
const cutsAt = (points: readonly CutPoint[]): readonly Cut[] =>
  points.map((point, i) => ({ ...point, who: i % 2 === 0 ? 'that node' : 'both' }));

const keyOf = ({ node, at }: CutPoint): string => `${node} ${at}`;

export function withOutcomes(ledger: Ledger, outcomes: readonly CutOutcome[]): Ledger {
  const formation = 1 + Math.max(0, ...ledger.outcomes.map((one) => one.formation));
  return {
    ...ledger,
    outcomes: [...ledger.outcomes, ...outcomes.map((outcome) => ({ ...outcome, formation }))],
  };
}

/** `count` cuts chosen by `seed`, in the order of the points. */
export function chosenCuts(points: readonly CutPoint[], count: number, seed: number): readonly Cut[] {
  const all = cutsAt(points);
  const left = [...all];
  let state = seed >>> 0;
  // A linear congruential generator (Numerical Recipes): the same choice for the same seed anywhere.
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const chosen = Array.from({ length: Math.min(count, left.length) }, () =>
    left.splice(random(left.length), 1),
  ).flat();
  return all.filter((cut) => chosen.includes(cut));
}

/** The record for people. */
export function powerCutsPage({ points, outcomes }: Ledger): string {
  const count = (result: CutOutcome['result']): number =>
    outcomes.filter((outcome) => outcome.result === result).length;
  const formations = new Set(outcomes.map(({ formation }) => formation)).size;
  const rows = outcomes.map(
    ({ formation, node, at, who, result, detail }) =>
      `| ${formation} | n${node} | ${at.replaceAll('|', '\\|')} | ${who} | ${result}${detail === '' ? '' : `: ${detail.split('\n')[0]?.replaceAll('|', '\\|')}`} |`,
  );
  return `${[
    '# Power cuts on real nodes',
    '',
    'Written by `npm run test:power-cuts -- --record`. Two nodes under User-Mode Linux form a pair; at the named operation',
    'of the agent the power of that node, or of both, goes off at once. They are started again, go on to the next cut of',
    'the same formation, and at last are left to finish. `complete`: both nodes were complete in the end, every step was',
    'verified again by `slipway-agent run --check`, DRBD and the array were in sync, what was written before was there,',
    'and e2fsck found no flaw. `passed by`: after the restart before, nothing was left to be done at this point.',
    '',
    `${points.length} points in one formation; ${outcomes.length} tried in ${formations} formations: ` +
      `${count('complete')} complete, ${count('passed by')} passed by, ${count('failed')} failed.`,
    '',
    '| formation | node | at | who lost power | outcome |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n')}\n`;
}
