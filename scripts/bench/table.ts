/** The table of all figures, with the machine they were measured on. */
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import Table from 'cli-table3';
import type { Acceleration } from '../../src/lab/qemu-args.ts';
import { quantity, type Row } from './row.ts';

/** Columns of a note; longer ones go on below. */
const NOTE_WIDTH = 56;

export function describeMachine(acceleration: Acceleration): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`;
  return `${model}, ${availableParallelism()} cores, ${memory}, Linux ${release()}, Node ${process.versions.node}, ${acceleration.toUpperCase()}`;
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
