/** A run as JUnit XML, for whatever shows test results. */
import { create } from 'xmlbuilder2';
import type { Cell, Run } from '../evidence/types.ts';
import { consoleLines, plainText } from './console-text.ts';
import { groupBy } from './group-by.ts';

/**
 * One suite for each proof, one case for each cell, named as `--only` takes it. Follows the schema that Jenkins and
 * GitLab read: `failure` for what failed, `error` for what a run left unfinished, `skipped` for what was not run.
 */
export function junitXml(run: Run): string {
  const all = counts(run.cells);
  const root = create({ version: '1.0', encoding: 'UTF-8', invalidCharReplacement: '\ufffd' }).ele(
    'testsuites',
    {
      name: run.cluster,
      ...all,
      ...(run.seconds === undefined ? {} : { time: run.seconds.toFixed(3) }),
    },
  );
  for (const [proof, cells] of groupBy(run.cells, (cell) => cell.proof)) {
    const time = cells.reduce((sum, { seconds = 0 }) => sum + seconds, 0);
    const suite = root.ele('testsuite', {
      name: proof,
      ...counts(cells),
      time: time.toFixed(3),
      timestamp: run.startedAt.replace(/(\.\d+)?Z$/, ''),
    });
    for (const cell of cells) {
      const test = suite.ele('testcase', {
        classname: proof,
        name: `${cell.row}: ${cell.column}`,
        ...(cell.seconds === undefined ? {} : { time: cell.seconds.toFixed(3) }),
      });
      const message = plainText(cell.message ?? '');
      if (cell.verdict === 'failed')
        test.ele('failure', { message: message || 'failed' }).txt(explanation(cell));
      if (cell.verdict === 'running') test.ele('error', { message: 'the run ended before it' });
      if (cell.verdict === 'not-run') test.ele('skipped', { message });
      test.ele('system-out').txt(explanation(cell));
    }
  }
  return `${root.end({ prettyPrint: true })}\n`;
}

function counts(cells: readonly Cell[]) {
  const count = (verdict: Cell['verdict']) => cells.filter((cell) => cell.verdict === verdict).length;
  return {
    tests: cells.length,
    failures: count('failed'),
    errors: count('running'),
    skipped: count('not-run'),
  };
}

const explanation = ({ excerpt = '', repeat }: Cell): string =>
  [...consoleLines(excerpt).map(({ text }) => text), `To repeat it: ${repeat}`].join('\n');
