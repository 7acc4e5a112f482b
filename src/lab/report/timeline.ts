/** Where things stand on the axis of time; all places and lengths are percent of its width. */
import { scaleLinear, scaleUtc } from 'd3-scale';
import type { Cell, NodeEvidence, Run, Span } from '../evidence/types.ts';
import { clockText, durationText } from './durations.ts';
import { groupBy } from './group-by.ts';

/** Ticks that a phone has room for, and those between them that it leaves out. */
const TICKS = 8;
/** A bar without a width is not drawn at all. */
const THINNEST = 0.1;

export interface Tick {
  readonly at: number;
  readonly label: string;
}

export interface Bar {
  readonly x: number;
  readonly width: number;
  /** Names its colour: by whom, or a verdict. */
  readonly tone: string;
  readonly running: boolean;
  readonly title: string;
}

/** A step, with a bar for each time it ran. */
export interface Row {
  readonly by: Span['by'];
  readonly title: string;
  readonly bars: readonly Bar[];
  /** `12 s`, or `3 × 12 s` for the sum of several. */
  readonly time: string;
  readonly outcome: string;
  readonly failed: boolean;
}

export interface Lane {
  readonly name: string;
  readonly bars: readonly Bar[];
}

export interface NodeTimeline {
  readonly name: string;
  /** One for each program that worked on the node. */
  readonly lanes: readonly Lane[];
  readonly rows: readonly Row[];
}

export interface ProofTimeline {
  readonly proof: string;
  /** As many as cells ran at the same time. */
  readonly lanes: readonly Lane[];
}

export interface Timeline {
  /** Seconds. */
  readonly end: number;
  readonly ticks: readonly Tick[];
  readonly nodes: readonly NodeTimeline[];
  readonly proofs: readonly ProofTimeline[];
}

const WORKERS: readonly Span['by'][] = ['lab', 'installer', 'agent'];

/** @param now seconds since the run began, for what still runs. */
export function timelineOf(run: Run, now: number): Timeline {
  const end = Math.max(1, run.seconds ?? now, ...run.nodes.flatMap(lastMoments), ...run.cells.map(endOf));
  const x = scaleLinear([0, end], [0, 100]).clamp(true);
  const place = (from: number, to: number) => ({
    x: round(x(from)),
    width: Math.max(THINNEST, round(x(to) - x(from))),
  });
  return {
    end,
    ticks: ticksOf(end).map((at) => ({ at: round(x(at)), label: clockText(at) })),
    nodes: run.nodes.filter(({ spans }) => spans.length > 0).map((node) => nodeTimeline(node, end, place)),
    proofs: proofTimelines(run.cells, end, place),
  };
}

/** Whole seconds, minutes, quarters of an hour: what people count time in. */
function ticksOf(end: number): readonly number[] {
  const scale = scaleUtc([0, end * 1000], [0, 100]);
  return scale.ticks(TICKS).map((date) => date.getTime() / 1000);
}

type Place = (from: number, to: number) => { readonly x: number; readonly width: number };

function nodeTimeline({ name, spans }: NodeEvidence, end: number, place: Place): NodeTimeline {
  const barOf = (span: Span): Bar => ({
    ...place(span.from, span.to ?? end),
    tone: span.outcome === 'failed' ? 'failed' : span.by,
    running: span.to === undefined,
    title: `${span.title}: ${outcomeText(span)}, ${durationText((span.to ?? end) - span.from)}, from ${clockText(span.from)}`,
  });
  const steps = groupBy(spans, ({ by, title }) => `${by} ${title}`);
  return {
    name,
    lanes: WORKERS.map((by) => ({
      name: by,
      bars: spans.filter((span) => span.by === by).map(barOf),
    })).filter(({ bars }) => bars.length > 0),
    rows: [...steps.values()].flatMap((times) => {
      const [first] = times;
      const last = times.at(-1);
      if (first === undefined || last === undefined) return [];
      const sum = times.reduce((total, { from, to }) => total + (to ?? end) - from, 0);
      return {
        by: first.by,
        title: first.title,
        bars: times.map(barOf),
        time: `${times.length === 1 ? '' : `${times.length} × `}${durationText(sum)}`,
        outcome: outcomeText(last),
        failed: times.some(({ outcome }) => outcome === 'failed'),
      };
    }),
  };
}

function outcomeText({ outcome, to }: Span): string {
  if (outcome !== undefined) return outcome.replace('-', ' ');
  return to === undefined ? 'running' : 'ended';
}

function proofTimelines(cells: readonly Cell[], end: number, place: Place): readonly ProofTimeline[] {
  const timed = cells.filter((cell) => cell.from !== undefined);
  return [...groupBy(timed, ({ proof }) => proof)].map(([proof, ran]) => ({
    proof,
    lanes: sideBySide(ran, end).map((lane, i) => ({
      name: `${i + 1}`,
      bars: lane.map((cell) => ({
        ...place(cell.from ?? 0, until(cell, end)),
        tone: cell.verdict,
        running: cell.verdict === 'running',
        title: `${cell.row}, ${cell.column}: ${cell.verdict}, from ${clockText(cell.from ?? 0)}`,
      })),
    })),
  }));
}

/** Puts each cell, by its beginning, into the first lane that is free by then. */
function sideBySide(cells: readonly Cell[], end: number): readonly (readonly Cell[])[] {
  const lanes: Cell[][] = [];
  for (const cell of [...cells].sort((a, b) => (a.from ?? 0) - (b.from ?? 0))) {
    const free = lanes.find((lane) => {
      const last = lane.at(-1);
      return last !== undefined && until(last, end) <= (cell.from ?? 0);
    });
    if (free === undefined) lanes.push([cell]);
    else free.push(cell);
  }
  return lanes;
}

const until = (cell: Cell, end: number): number => (cell.seconds === undefined ? end : endOf(cell));
const endOf = ({ from = 0, seconds = 0 }: Cell): number => from + seconds;
const lastMoments = ({ spans }: NodeEvidence): readonly number[] => spans.map(({ from, to }) => to ?? from);
const round = (value: number): number => Math.round(value * 100) / 100;
