/** A run as the page shows it: everything worked out and put into words, nothing yet drawn. Pure. */
import type { Cell, NodeEvidence, Run, Verdict } from '../evidence/types.ts';
import { type ConsoleLine, consoleLines, plainText } from './console-text.ts';
import { clockText, durationText } from './durations.ts';
import { groupBy } from './group-by.ts';
import type { Material, Picture } from './material.ts';
import { type DiskView, diskViews } from './partition-map.ts';
import { type Timeline, timelineOf } from './timeline.ts';

/** Lines of a node's console; what a person reads of it before opening the file. */
const CONSOLE_LINES = { characters: 48_000, lines: 300 };

export interface CellView {
  /** For links, unique on the page. */
  readonly anchor: string;
  readonly id: string;
  readonly row: string;
  readonly column: string;
  readonly verdict: Verdict;
  /** The verdict in words. */
  readonly word: string;
  /** A sign that does not depend on colour. */
  readonly sign: string;
  readonly message: string;
  /** How long it took; empty when it has not ended. */
  readonly time: string;
  /** The same, as short as it fits into a grid. */
  readonly clock: string;
  /** When it began and ended, on the clock of the timeline. */
  readonly when: string;
  readonly lines: readonly ConsoleLine[];
  readonly console: string;
  readonly picture: Picture | undefined;
  /** Why there is no picture although there should be one. */
  readonly pictureMissing: string;
  readonly repeat: string;
}

export interface GridView {
  readonly proof: string;
  readonly title: string;
  readonly columns: readonly string[];
  /** A cell for each column; undefined where the proof has none. */
  readonly rows: readonly { readonly name: string; readonly cells: readonly (CellView | undefined)[] }[];
  /** All cells in the order they were given. */
  readonly cells: readonly CellView[];
  readonly tally: string;
}

export interface NodeView {
  readonly name: string;
  readonly disks: readonly DiskView[];
  readonly lines: readonly ConsoleLine[];
  readonly console: string;
}

export interface PageView {
  readonly run: Run;
  readonly title: string;
  /** The whole run in a word, and what it consists of. */
  readonly verdict: Verdict;
  readonly sign: string;
  readonly headline: string;
  readonly counts: readonly { readonly verdict: Verdict; readonly count: number; readonly word: string }[];
  readonly started: string;
  readonly took: string;
  readonly failed: readonly CellView[];
  readonly grids: readonly GridView[];
  readonly timeline: Timeline;
  readonly nodes: readonly NodeView[];
  readonly facts: readonly { readonly name: string; readonly value: string; readonly exact: boolean }[];
}

const WORDS: Readonly<Record<Verdict, string>> = {
  failed: 'failed',
  running: 'running',
  'not-run': 'not run',
  passed: 'passed',
};
const SIGNS: Readonly<Record<Verdict, string>> = { passed: '✓', failed: '✗', running: '◔', 'not-run': '–' };
/** The first one of these that any cell has is the verdict of all. */
const WORST_FIRST: readonly Verdict[] = ['failed', 'running', 'not-run', 'passed'];

/** @param now seconds since the run began; only a run that goes on asks for it. */
export function pageView(run: Run, material: Material, now: number): PageView {
  const grids = [...groupBy(run.cells, ({ proof }) => proof)].map(([proof, cells]) =>
    gridView(proof, cells, material),
  );
  const counts = WORST_FIRST.map((verdict) => ({
    verdict,
    count: run.cells.filter((cell) => cell.verdict === verdict).length,
    word: WORDS[verdict],
  })).filter(({ count }) => count > 0);
  const verdict = verdictOf(run);
  const headline = headlineOf(run, verdict);
  return {
    run,
    title: `${SIGNS[verdict]} ${headline} · ${run.cluster}`,
    verdict,
    sign: SIGNS[verdict],
    headline,
    counts,
    started: run.startedAt.replace('T', ' ').replace(/(:\d{2})(\.\d+)?Z$/, '$1 UTC'),
    took: durationText(run.seconds ?? now),
    failed: grids.flatMap(({ cells }) => cells).filter((cell) => cell.verdict === 'failed'),
    grids,
    timeline: timelineOf(run, now),
    nodes: run.nodes.map((node) => nodeView(node, material)),
    facts: factsOf(run),
  };
}

function verdictOf(run: Run): Verdict {
  if (run.cells.some((cell) => cell.verdict === 'failed')) return 'failed';
  if (run.seconds === undefined) return 'running';
  // A run without proofs is a lab: it has done what its nodes have done.
  if (run.cells.length === 0) return run.nodes.some(hasFailed) ? 'failed' : 'passed';
  return WORST_FIRST.find((verdict) => run.cells.some((cell) => cell.verdict === verdict)) ?? 'not-run';
}

const hasFailed = ({ spans }: NodeEvidence): boolean => spans.at(-1)?.outcome === 'failed';

function headlineOf({ cells, nodes, seconds }: Run, verdict: Verdict): string {
  const all = cells.length;
  const count = (wanted: Verdict): number => cells.filter((cell) => cell.verdict === wanted).length;
  if (all === 0) {
    const failed = nodes.filter(hasFailed).length;
    if (failed > 0) return `${failed} of ${nodes.length} nodes failed`;
    return `${nodes.length === 1 ? '1 node' : `${nodes.length} nodes`}${seconds === undefined ? ', running' : ''}`;
  }
  switch (verdict) {
    case 'failed':
      return `${count('failed')} of ${all} proofs failed`;
    case 'running':
      return `${all - count('running') - count('not-run')} of ${all} proofs done`;
    case 'not-run':
      return `${count('passed')} of ${all} proofs passed, the others were not run`;
    case 'passed':
      return all === 1 ? 'The proof passed' : `All ${all} proofs passed`;
  }
}

function gridView(proof: string, cells: readonly Cell[], material: Material): GridView {
  const views = cells.map((cell) => cellView(cell, material));
  const columns = [...new Set(views.map(({ column }) => column))];
  const passed = cells.filter(({ verdict }) => verdict === 'passed').length;
  return {
    proof,
    title: `${proof.charAt(0).toUpperCase()}${proof.slice(1).replaceAll('-', ' ')}`,
    columns,
    rows: [...groupBy(views, ({ row }) => row)].map(([name, inRow]) => ({
      name,
      cells: columns.map((column) => inRow.find((cell) => cell.column === column)),
    })),
    cells: views,
    tally: `${passed} of ${cells.length} passed`,
  };
}

function cellView(cell: Cell, { consoles, pictures }: Material): CellView {
  const { id, row, column, verdict, console = '', screenshot, repeat } = cell;
  const picture = screenshot === undefined ? undefined : pictures.get(screenshot);
  return {
    anchor: anchorOf(id),
    ...{ id, row, column, verdict, console, repeat },
    word: WORDS[verdict],
    sign: SIGNS[verdict],
    message: plainText(cell.message ?? ''),
    time: cell.seconds === undefined ? '' : durationText(cell.seconds),
    clock: cell.seconds === undefined ? '' : clockText(cell.seconds),
    when: whenOf(cell),
    lines: consoleLines(cell.excerpt ?? consoles.get(console) ?? ''),
    picture: typeof picture === 'string' ? undefined : picture,
    pictureMissing: typeof picture === 'string' ? picture : '',
  };
}

function whenOf({ from, seconds }: Cell): string {
  if (from === undefined) return '';
  return seconds === undefined
    ? `since ${clockText(from)}`
    : `${clockText(from)} to ${clockText(from + seconds)}`;
}

/** Injective: ids that differ stay different. */
const anchorOf = (id: string): string =>
  `cell-${id.replace(/[^a-zA-Z0-9./-]/g, (character) => `_${character.charCodeAt(0).toString(16)}_`)}`;

function nodeView({ name, disks, console = '' }: NodeEvidence, { consoles }: Material): NodeView {
  return {
    ...{ name, console },
    disks: diskViews(disks),
    lines: consoleLines(consoles.get(console) ?? '', CONSOLE_LINES),
  };
}

function factsOf({ machine, plan, iso, versions, startedAt }: Run): PageView['facts'] {
  const fact = (name: string, value: string, exact = true) => ({ name, value, exact });
  return [
    fact('Machine', machine, false),
    fact('Began', startedAt, false),
    ...(iso === undefined ? [] : [fact('Medium', iso.name), fact('SHA-256 of the medium', iso.sha256)]),
    fact('SHA-256 of the plan', plan),
    ...Object.entries(versions).map(([name, version]) => fact(name, version)),
  ];
}
