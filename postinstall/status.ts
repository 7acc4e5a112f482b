/** What `slipway-agent status` says: how far the run of this boot got. */
import { type JournalContent, readJournal, type StepRecord } from '../src/engine/journal.ts';
import type { Machine } from '../src/engine/machine.ts';
import type { StepProblem } from '../src/engine/run-step.ts';
import type { AgentStep } from './agent-step.ts';

export const JOURNAL_PATH = '/var/lib/slipway/journal.json';
/** One line, for shell scripts: the line that was announced, or `running`. */
export const STATUS_PATH = '/var/lib/slipway/status';

export type RunState = 'complete' | 'failed' | 'running' | 'waiting';

export interface Status {
  readonly node: string;
  /**
   * `waiting`: a step waits for somebody, the node is about to restart, no run of this boot has begun, or its process is
   * gone without a verdict.
   */
  readonly state: RunState;
  readonly problem?: {
    readonly step: string;
    readonly class: string;
    readonly message: string;
    readonly remedy?: string;
  };
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly steps: readonly StepStatus[];
}

export interface StepStatus {
  readonly id: string;
  readonly title: string;
  /** `waiting` without `at`: its turn has not come. */
  readonly state: StepRecord['state'];
  readonly at?: string;
  readonly detail: string;
}

export const EXIT_BY_STATE: Readonly<Record<RunState, number>> = {
  complete: 0,
  failed: 1,
  running: 2,
  waiting: 2,
};

/** Reads the journal and holds it against this boot: the verdict of another boot says nothing about now. */
export async function readStatus(
  machine: Machine,
  node: string,
  steps: readonly AgentStep[],
): Promise<Status> {
  const journal = await readJournal(machine, JOURNAL_PATH);
  const boot = await bootId(machine);
  if (journal === undefined || journal.run.boot !== boot) {
    return { node, state: 'waiting', steps: steps.map((step) => stepStatus(step, undefined)) };
  }
  const { run } = journal;
  const problem = problemOf(journal);
  return {
    node,
    state: await stateOf(machine, journal),
    ...(problem === undefined ? {} : { problem }),
    startedAt: run.startedAt,
    ...(run.endedAt === undefined ? {} : { endedAt: run.endedAt }),
    steps: steps.map((step) => stepStatus(step, ofThisRun(journal, step.id))),
  };
}

/** A random id that the kernel makes at every start. */
export async function bootId(machine: Machine): Promise<string> {
  return ((await machine.readFile('/proc/sys/kernel/random/boot_id')) ?? '').trim();
}

async function stateOf(machine: Machine, journal: JournalContent): Promise<RunState> {
  const { verdict, run } = journal;
  if (verdict.state === 'restarting') return 'waiting';
  if (verdict.state !== 'running') return verdict.state;
  if (!(await machine.exists(`/proc/${run.pid}`))) return 'waiting';
  return waitingStep(journal) === undefined ? 'running' : 'waiting';
}

/** The step of this run that cannot go on, with its record; steps run one at a time. */
function waitingStep(
  journal: JournalContent,
): readonly [id: string, record: Extract<StepRecord, { state: 'waiting' }>] | undefined {
  for (const id of Object.keys(journal.steps)) {
    const record = ofThisRun(journal, id);
    if (record?.state === 'waiting') return [id, record];
  }
  return undefined;
}

/** What ended the run, or holds it up. */
function problemOf(journal: JournalContent): Status['problem'] {
  const { verdict } = journal;
  if (verdict.state === 'failed' || verdict.state === 'restarting')
    return describe(verdict.step, verdict.problem);
  const waiting = verdict.state === 'running' ? waitingStep(journal) : undefined;
  return waiting === undefined ? undefined : describe(waiting[0], waiting[1].problem);
}

function describe(step: string, problem: StepProblem): Status['problem'] & object {
  const { failureClass, message, remedy } = problem;
  return { step, class: failureClass, message, ...(remedy === undefined ? {} : { remedy }) };
}

/** A record that is older than the run was made by an earlier one. */
function ofThisRun(journal: JournalContent, id: string): StepRecord | undefined {
  const record = journal.steps[id];
  return record !== undefined && record.at >= journal.run.startedAt ? record : undefined;
}

function stepStatus({ id, title }: AgentStep, record: StepRecord | undefined): StepStatus {
  if (record === undefined) return { id, title, state: 'waiting', detail: '' };
  return { id, title, state: record.state, at: record.at, detail: detailOf(record) };
}

function detailOf(record: StepRecord): string {
  switch (record.state) {
    case 'intent':
      return record.why;
    case 'applied':
      return 'applied, not yet verified';
    case 'verified':
      return record.outcome;
    case 'waiting':
    case 'failed':
      return `${record.problem.failureClass}: ${record.problem.message}`;
  }
}

/** The status as a table for people. */
export function statusTable(status: Status): string {
  const rows = [
    ['STEP', 'STATE', 'AT', 'DETAIL'],
    ...status.steps.map(({ id, state, at, detail }) => [id, state, clockTime(at), detail]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const head = `${status.node}: ${status.state}`;
  if (status.problem === undefined) return [head, '', ...lines, ''].join('\n');
  const { step, class: failureClass, message, remedy } = status.problem;
  const tail = [
    `${step} ${status.state === 'failed' ? 'failed' : 'waits'} (${failureClass}): ${message}`,
    ...(remedy === undefined ? [] : [`remedy: ${remedy}`]),
  ];
  return [head, '', ...lines, '', ...tail, ''].join('\n');
}

const clockTime = (at: string | undefined): string => at?.slice(11, 19) ?? '';
