/**
 * Takes the power from one or both of two real nodes at every operation of the agent while they form a pair, and tells
 * what became of it:
 *
 *     npm run test:power-cuts                           every point that has no outcome yet; hours
 *     npm run test:power-cuts -- --minutes 30           as many as fit
 *     npm run test:power-cuts -- --together 8           up to 8 cuts in one formation; default 1
 *     npm run test:power-cuts -- --record               writes docs/power-cuts.md from the outcomes
 *
 * Outcomes are kept in dist/power-cuts.json, and taken up again. Exit code 0, or 3 when a formation did not survive.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../src/host/package-root.ts';
import { interruption, interruptionExitCode } from '../../src/host/signals.ts';
import { enumeratePoints, formWithCuts, keepInstalled } from '../helpers/pair-power-cuts.ts';
import { type Ledger, nextCuts, powerCutsPage, withOutcomes } from '../helpers/power-cut-ledger.ts';
import { FENCED, makeUmlPair, type UmlPair } from '../helpers/uml-pair.ts';

const LEDGER = join(packageRoot(), 'dist/power-cuts.json');
const PAGE = join(packageRoot(), 'docs/power-cuts.md');

async function read(): Promise<Ledger> {
  if (!existsSync(LEDGER)) return { points: [], outcomes: [] };
  const ledger: Ledger = JSON.parse(await readFile(LEDGER, 'utf8'));
  return ledger;
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

const keep = (ledger: Ledger): Promise<void> => write(LEDGER, `${JSON.stringify(ledger, null, 1)}\n`);

async function runAll(pair: UmlPair, until: number, together: number): Promise<boolean> {
  let ledger = await read();
  await keepInstalled(pair);
  if (ledger.points.length === 0) {
    process.stdout.write('finding the points of one formation ...\n');
    ledger = { ...ledger, points: await enumeratePoints(pair) };
    await keep(ledger);
    process.stdout.write(`${ledger.points.length} points\n`);
  }
  let isGood = true;
  for (;;) {
    const cuts = nextCuts(ledger, together);
    if (cuts.length === 0 || Date.now() > until) return isGood;
    const outcomes = await formWithCuts(pair, cuts);
    // What a formation ends in whose machines were taken away by Ctrl-C says nothing.
    if (interruption().aborted) return isGood;
    ledger = withOutcomes(ledger, outcomes);
    await keep(ledger);
    for (const { node, at, who, result, detail } of outcomes)
      process.stdout.write(`${result}: n${node} ${at}, cut ${who}${detail === '' ? '' : `: ${detail}`}\n`);
    isGood &&= outcomes.every(({ result }) => result !== 'failed');
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      record: { type: 'boolean', default: false },
      minutes: { type: 'string', default: '100000' },
      together: { type: 'string', default: '1' },
    },
  });
  if (values.record) {
    await write(PAGE, powerCutsPage(await read()));
    return 0;
  }
  const until = Date.now() + Number(values.minutes) * 60_000;
  const pair = await makeUmlPair(FENCED);
  let cleared: Promise<void> | undefined;
  // Once: whoever comes second, Ctrl-C or the end, waits for it.
  const clear = (): Promise<void> => {
    cleared ??= pair.down();
    return cleared;
  };
  interruption().addEventListener('abort', () => {
    void clear().finally(() => process.exit(interruptionExitCode()));
  });
  try {
    return (await runAll(pair, until, Number(values.together))) ? 0 : 3;
  } finally {
    await clear();
  }
}

process.exitCode = await main();
