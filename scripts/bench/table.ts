/** The table of all figures, with the machine they were measured on. */
import { loadavg } from 'node:os';
import Table from 'cli-table3';
import { describeMachine, runnerOf } from '../../src/commands/describe-machine.ts';
import type { Acceleration } from '../../src/lab/qemu-args.ts';
import { quantity, type Row } from './row.ts';

/** Columns of a note; longer ones go on below. */
const NOTE_WIDTH = 56;

/** To be asked before anything is measured: what else the machine does is in every figure. */
export function describeBench(acceleration: Acceleration): string {
  const load = (loadavg()[0] ?? 0).toFixed(1);
  return `${describeMachine(runnerOf(acceleration))}, Node ${process.versions.node}, load ${load} before`;
}

export function formatTable(rows: readonly Row[]): string {
  const table = new Table({
    head: ['what', 'value', 'bar', 'holds', 'note'],
    colAligns: ['left', 'right', 'right', 'left', 'left'],
    colWidths: [null, null, null, null, NOTE_WIDTH],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  for (const { name, value, unit, bar, note = '' } of rows) {
    const measured = quantity(value, unit);
    const holds = bar === undefined ? '' : value <= bar ? 'yes' : 'NO';
    table.push([name, measured, bar === undefined ? '' : `≤ ${bar}`, holds, note]);
  }
  return table.toString();
}
