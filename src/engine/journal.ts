/**
 * What a run intended, did and proved, for people and for `status`. Every record is on the disk before the next thing
 * happens. A record never authorises a skip: only a step's check does.
 */
import type { Machine } from './machine.ts';
import type { StepProblem, StepRecorder } from './run-step.ts';
import type { Evidence, Outcome } from './step.ts';

export const JOURNAL_VERSION = 1;

export type StepRecord = { readonly at: string } & (
  | { readonly state: 'intent'; readonly why: string }
  | { readonly state: 'applied' }
  | { readonly state: 'waiting'; readonly problem: StepProblem }
  | { readonly state: 'verified'; readonly outcome: Exclude<Outcome, 'failed'>; readonly evidence: Evidence }
  | { readonly state: 'failed'; readonly problem: StepProblem }
);

export type Verdict =
  | { readonly state: 'running' }
  | { readonly state: 'complete' }
  | { readonly state: 'failed' | 'restarting'; readonly step: string; readonly problem: StepProblem };

export interface JournalContent {
  readonly version: typeof JOURNAL_VERSION;
  readonly node: string;
  /** The boot (its random id) and the process the last run belongs to: a run of another boot says nothing about now. */
  readonly run: {
    readonly boot: string;
    readonly pid: number;
    readonly startedAt: string;
    readonly endedAt?: string;
  };
  readonly verdict: Verdict;
  /** When a run first ended complete: from then on the node may be serving somebody. */
  readonly formedAt?: string;
  /** By step id, in the order of their first record; records of earlier runs stay until a step is run again. */
  readonly steps: Readonly<Record<string, StepRecord>>;
}

export interface RunIdentity {
  readonly node: string;
  readonly boot: string;
  readonly pid: number;
}

export interface Journal extends StepRecorder {
  /** What the runs before this one left. */
  readonly earlier: Pick<JournalContent, 'steps' | 'formedAt'> & { readonly boot?: string };
  /** Closes the run. */
  conclude(verdict: Exclude<Verdict, { state: 'running' }>): Promise<void>;
}

/**
 * Opens the journal at `path` for a new run and records that it runs. A journal that cannot be read is put aside as
 * `<path>.unreadable`: it is a log, and no reason not to run.
 */
export async function openJournal(machine: Machine, path: string, identity: RunIdentity): Promise<Journal> {
  const { node, boot, pid } = identity;
  const time = (): string => new Date(machine.now()).toISOString();
  const before = await earlierContent(machine, path);
  const { formedAt } = before ?? {};
  let content: JournalContent = {
    version: JOURNAL_VERSION,
    node,
    run: { boot, pid, startedAt: time() },
    verdict: { state: 'running' },
    ...(formedAt === undefined ? {} : { formedAt }),
    steps: before?.steps ?? {},
  };
  const save = async (next: JournalContent): Promise<void> => {
    await machine.writeFile(path, `${JSON.stringify(next, null, 1)}\n`, 0o600);
    content = next;
  };
  const record = (id: string, entry: StepRecord): Promise<void> =>
    save({ ...content, steps: { ...content.steps, [id]: entry } });

  await save(content);
  // What was found so was not made so: the record reaches the disk with the next one, and a power cut before that loses
  // nothing but words. A run that finds nothing to do writes twice instead of once for each step.
  const remember = (id: string, entry: StepRecord): void => {
    content = { ...content, steps: { ...content.steps, [id]: entry } };
  };
  return {
    earlier: {
      steps: before?.steps ?? {},
      ...(formedAt === undefined ? {} : { formedAt }),
      ...(before === undefined ? {} : { boot: before.run.boot }),
    },
    intent: (id, why) => record(id, { at: time(), state: 'intent', why }),
    applied: (id) => record(id, { at: time(), state: 'applied' }),
    waiting: (id, problem) => record(id, { at: time(), state: 'waiting', problem }),
    async verified(id, outcome, evidence) {
      const entry: StepRecord = { at: time(), state: 'verified', outcome, evidence };
      const saidToWait = content.steps[id]?.state === 'waiting';
      if (outcome === 'already-done' && !saidToWait) remember(id, entry);
      else await record(id, entry);
    },
    failed: (id, problem) => record(id, { at: time(), state: 'failed', problem }),
    conclude(verdict) {
      const ended = { ...content, verdict, run: { ...content.run, endedAt: time() } };
      return save(verdict.state === 'complete' ? { formedAt: time(), ...ended } : ended);
    },
  };
}

/** The journal's content; undefined when there is none. Rejects when it is not a journal. */
export async function readJournal(machine: Machine, path: string): Promise<JournalContent | undefined> {
  const text = await machine.readFile(path);
  if (text === undefined) return undefined;
  const content: JournalContent = JSON.parse(text);
  if (content.version !== JOURNAL_VERSION)
    throw new Error(`${path}: unknown version ${String(content.version)}`);
  return content;
}

async function earlierContent(machine: Machine, path: string): Promise<JournalContent | undefined> {
  try {
    return await readJournal(machine, path);
  } catch {
    await machine.writeFile(`${path}.unreadable`, (await machine.readFile(path)) ?? '', 0o600);
    return undefined;
  }
}
