/** What `lab apply` has found, for people. */
import Table from 'cli-table3';
import type { NodeReport } from './upgrade-node.ts';

/** One row for each step of each node, and below it why a node is not as it should be. */
export function reportTable(reports: readonly NodeReport[]): string {
  const table = new Table({
    head: ['node', 'step', 'outcome', 'seconds'],
    colAligns: ['left', 'left', 'left', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { node, steps } of reports) {
    for (const { id, outcome, seconds } of steps) table.push([node, id, outcome, seconds.toFixed(1)]);
  }
  const ends = reports.map(
    ({ node, upgraded, problem, seconds }) =>
      `${node}: ${upgraded ? 'upgraded, ' : ''}${problem === undefined ? 'verified' : 'failed'} in ${seconds.toFixed(1)} s`,
  );
  return [...(table.length === 0 ? [] : [table.toString()]), ...ends].join('\n');
}
