/** Carries proofs out: groups side by side, the cells of a group one after the other. */
import { join } from 'node:path';
import { LabFailure } from '../engine.ts';
import type { Cell, Verdict } from '../evidence/types.ts';
import type { EvidenceBook } from './book.ts';
import { CellLog } from './cell-log.ts';
import type { InstalledComputer } from './computer.ts';
import { Disproof, expectedSeconds, NotApplicable, type PlannedCell, type ProofGroup } from './proof.ts';
import { computerFolder } from './report-folder.ts';
import type { Sabotage } from './sabotage.ts';
import { Stage, type StageSurroundings } from './stage.ts';

export interface CarryOut extends Omit<StageSurroundings, 'now'> {
  /** The report's folder, absolute; it is there. */
  readonly report: string;
  /** A folder for the disks, absolute; it is there. */
  readonly work: string;
  readonly book: EvidenceBook;
  /** Groups at a time. */
  readonly jobs: number;
  readonly sabotages: readonly Sabotage[];
  readonly signal: AbortSignal;
  /** Hears of each cell when it begins and when it has ended. */
  told(cell: Cell): void;
}

/** @throws the signal's reason when it is aborted; by then nothing runs any more, and no disk is left. */
export async function carryOut(groups: readonly ProofGroup[], options: CarryOut): Promise<void> {
  const queue = [...groups.entries()];
  // The longest first: begun last it would go on alone.
  if (options.jobs > 1) queue.sort(([, a], [, b]) => expectedSeconds(b) - expectedSeconds(a));
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      options.signal.throwIfAborted();
      await carryOutGroup(next[1], join(options.work, computerFolder(next[0])), options);
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: options.jobs }, worker));
  await options.book.written();
  options.signal.throwIfAborted();
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
}

async function carryOutGroup(group: ProofGroup, dir: string, options: CarryOut): Promise<void> {
  const { book, signal } = options;
  const stage = new Stage(group.computer, dir, { ...options, now: () => book.now() });
  const interrupt = (): void => void stage.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    await stage.build();
    const verdicts = new Map<string, Verdict>();
    let prepared: Promise<void> | undefined;
    for (const cell of group.cells) {
      signal.throwIfAborted();
      const course: Course = {
        stage,
        prepare: () => {
          prepared ??= group.prepare?.(stage) ?? Promise.resolve();
          return prepared;
        },
        ...(cell.after === undefined ? {} : { before: verdicts.get(cell.after) }),
      };
      verdicts.set(cell.id, await carryOutCell(cell, course, options));
      for (const { computer, spans } of stage.histories) {
        book.node({ name: nameOf(computer), disks: computer.disks, spans });
      }
    }
  } finally {
    signal.removeEventListener('abort', interrupt);
    await stage.clear();
  }
}

/** Told apart from the same node on other computers. */
const nameOf = ({ node, title }: InstalledComputer): string =>
  title.startsWith(`${node}: `) ? title : `${node}: ${title}`;

interface Course {
  readonly stage: Stage;
  prepare(): Promise<void>;
  /** What became of the cell that this one starts from. */
  readonly before?: Verdict | undefined;
}

async function carryOutCell(
  cell: PlannedCell,
  { stage, prepare, before }: Course,
  { report, book, told, sabotages, signal }: CarryOut,
): Promise<Verdict> {
  const { id } = cell;
  const tell = (finding: Parameters<EvidenceBook['note']>[1]): Verdict => {
    const noted = book.note(id, finding);
    if (noted !== undefined) told(noted);
    return finding.verdict;
  };
  const breakOff = (): Verdict =>
    tell({ verdict: 'not-run', message: signal.aborted ? 'interrupted' : 'the run has broken off' });
  if (cell.after !== undefined && before !== 'passed') {
    return tell({ verdict: 'not-run', message: `it starts from ${cell.after}, which has not passed` });
  }
  const from = book.now();
  const log = await CellLog.open(report, id);
  tell({ verdict: 'running', from, console: log.console });
  const sabotage = sabotages.find((one) => one.cell === id);
  stage.enter(log);
  let finding: Finding;
  try {
    await prepare();
    // Not sooner: what the cells of a group have in common is to strike none of the others.
    if (sabotage !== undefined) stage.harm(sabotage.tamper);
    await cell.prove(stage);
    finding = { verdict: 'passed', lines: log.excerpt };
  } catch (error) {
    const found = judge(error, log.excerpt);
    if (found === undefined) {
      breakOff();
      throw error;
    }
    finding = found;
  }
  await stage.leave();
  await log.close().catch((error: unknown) => {
    breakOff();
    throw error;
  });
  // A machine that was ended by us proves nothing.
  if (signal.aborted) return tell({ verdict: 'not-run', message: 'interrupted' });
  const { verdict, message, lines } = finding;
  return tell({
    ...{ verdict, from, seconds: Math.round((book.now() - from) * 10) / 10, console: log.console },
    ...(message === undefined ? {} : { message }),
    ...(lines.length === 0 ? {} : { excerpt: lines.join('\n') }),
    ...(log.screenshotFile === undefined ? {} : { screenshot: log.screenshotFile }),
  });
}

interface Finding {
  readonly verdict: Verdict;
  readonly message?: string;
  readonly lines: readonly string[];
}

/** What a cell ended with; undefined for what no proof is about: a full disk, a program that fails, a mistake of ours. */
function judge(error: unknown, shown: readonly string[]): Finding | undefined {
  if (error instanceof NotApplicable) return { verdict: 'not-run', message: error.message, lines: shown };
  if (error instanceof Disproof) {
    return { verdict: 'failed', message: error.message, lines: [...shown, ...error.lines] };
  }
  if (error instanceof LabFailure) {
    return { verdict: 'failed', message: error.reason, lines: error.lastLines };
  }
  return undefined;
}
