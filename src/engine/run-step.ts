/** Runs one step: check, apply, check again, and again where waiting helps. */
import { boundedMachine, readOnlyMachine } from './bounded-machine.ts';
import { CommandError } from './command.ts';
import { type FailureClass, StepFailure } from './failure.ts';
import type { Machine } from './machine.ts';
import { type Patience, type PatientWork, patiently } from './patience.ts';
import { keepAsIs, type Redact, redactEvidence } from './redact.ts';
import type { CheckResult, Evidence, Outcome, Step } from './step.ts';

export interface StepProblem {
  readonly failureClass: FailureClass;
  readonly message: string;
  readonly remedy?: string;
}

export type StepReport = {
  readonly id: string;
  readonly title: string;
  readonly durationMs: number;
} & (
  | { readonly outcome: Exclude<Outcome, 'failed'>; readonly evidence: Evidence }
  | { readonly outcome: 'failed'; readonly problem: StepProblem }
);

/** What happens while a step runs, in order; `ended` is the last event of a step. */
export type StepEvent =
  | { readonly kind: 'checking' | 'verifying'; readonly id: string; readonly title: string }
  | { readonly kind: 'applying'; readonly id: string; readonly title: string; readonly why: string }
  | { readonly kind: 'said'; readonly id: string; readonly line: string }
  | {
      /** It failed in a way that time or somebody else can mend, and will be tried again; repeated every minute. */
      readonly kind: 'waiting';
      readonly id: string;
      readonly title: string;
      readonly problem: StepProblem;
      readonly waitedMs: number;
    }
  | { readonly kind: 'ended'; readonly id: string; readonly report: StepReport };

export type StepListener = (event: StepEvent) => void;

/** Where a run leaves its traces; see journal.ts. A record never authorises a skip: nothing here can be asked. */
export interface StepRecorder {
  intent(id: string, why: string): Promise<void>;
  applied(id: string): Promise<void>;
  /** It was tried, cannot go on yet, and will be tried again. */
  waiting(id: string, problem: StepProblem): Promise<void>;
  verified(id: string, outcome: Exclude<Outcome, 'failed'>, evidence: Evidence): Promise<void>;
  failed(id: string, problem: StepProblem): Promise<void>;
}

export interface RunStepOptions {
  readonly listener?: StepListener;
  readonly recorder?: StepRecorder;
  /** Waits and tries again as the class of a failure says; without it every failure is the end. */
  readonly patience?: Patience;
  /** Takes secrets out of everything that is said, recorded or reported; default: nothing is hidden. */
  readonly redact?: Redact;
  /** Another view of the same machine, for checks alone; see recent-reads.ts. */
  readonly checks?: Machine;
}

export const DEFAULT_STEP_SECONDS = 300;
/** Milliseconds after a step's time until we stop waiting for an operation that never answers (a dying disk). */
const HANG_GRACE_MS = 30_000;

/**
 * Makes `step` so, and proves it. Never rejects for what a step does wrong: every failure is a report with its class.
 * Rejects only when the recorder cannot write, for then nothing more may be changed.
 */
export async function runStep<P>(
  step: Step<P>,
  machine: Machine,
  params: P,
  options: RunStepOptions = {},
): Promise<StepReport> {
  const { listener = () => {}, recorder } = options;
  const { id, title } = step;
  const started = machine.now();
  const attempt = await attemptPatiently({ step, machine, params, listener, options });
  const report: StepReport = { id, title, durationMs: machine.now() - started, ...attempt };
  if (report.outcome === 'failed') await recorder?.failed(id, report.problem);
  else await recorder?.verified(id, report.outcome, report.evidence);
  listener({ kind: 'ended', id, report });
  return report;
}

type Attempt =
  | { readonly outcome: Exclude<Outcome, 'failed'>; readonly evidence: Evidence }
  | { readonly outcome: 'failed'; readonly problem: StepProblem };

interface Run<P> {
  readonly step: Step<P>;
  readonly machine: Machine;
  readonly params: P;
  readonly listener: StepListener;
  readonly options: RunStepOptions;
}

const secondsOf = ({ timeoutSeconds }: { readonly timeoutSeconds?: number }): number =>
  timeoutSeconds ?? DEFAULT_STEP_SECONDS;

async function attemptPatiently<P>(run: Run<P>): Promise<Attempt> {
  const { step, machine, listener, options } = run;
  const { id, title } = step;
  const { recorder, patience } = options;
  // An attempt every few seconds for hours is one intent, not thousands of writes and lines.
  let intended: string | undefined;
  const intend = async (why: string): Promise<void> => {
    if (why === intended) return;
    listener({ kind: 'applying', id, title, why });
    await recorder?.intent(id, why);
    intended = why;
  };
  if (patience === undefined) return attemptStep(run, intend);
  const seconds = secondsOf(step);
  const work: PatientWork<Attempt> = {
    machine,
    seconds,
    attempt: () => attemptStep(run, intend),
    obstacleOf: (attempt) => (attempt.outcome === 'failed' ? attempt.problem : undefined),
    async onObstacle(problem, waitedMs) {
      listener({ kind: 'waiting', id, title, problem, waitedMs });
      await recorder?.waiting(id, problem);
    },
    late: (problem) => ({
      outcome: 'failed',
      problem: {
        ...problem,
        failureClass: 'timeout',
        message: `not done within ${seconds} s: ${problem.message}`,
      },
    }),
  };
  return patiently(work, patience);
}

async function attemptStep<P>(run: Run<P>, intend: (why: string) => Promise<void>): Promise<Attempt> {
  const { step, machine, params, listener, options } = run;
  const { id, title } = step;
  const { recorder, redact = keepAsIs } = options;
  const seconds = secondsOf(step);
  const deadline = machine.now() + seconds * 1000;
  const bounded = boundedMachine(machine, deadline, seconds);
  const readOnly = readOnlyMachine(boundedMachine(options.checks ?? machine, deadline, seconds));
  const within = <T>(work: Promise<T>): Promise<T> => answering(work, seconds);
  const failed = (error: unknown): Attempt => ({
    outcome: 'failed',
    problem: redactProblem(stepProblem(error), redact),
  });

  listener({ kind: 'checking', id, title });
  const before = await settle(within(step.check(readOnly, params)));
  if (!before.ok) return failed(before.error);
  if (before.value.done)
    return { outcome: 'already-done', evidence: redactEvidence(before.value.evidence, redact) };

  await intend(redact(before.value.why));
  const say = (line: string): void => listener({ kind: 'said', id, line: redact(line) });
  const application = await settle(within(step.apply(bounded, params, say)));
  if (!application.ok) return failed(application.error);
  await recorder?.applied(id);

  listener({ kind: 'verifying', id, title });
  const after = await settle(within(step.check(readOnly, params)));
  if (!after.ok) return failed(after.error);
  if (after.value.done) return { outcome: 'changed', evidence: redactEvidence(after.value.evidence, redact) };
  return failed(new StepFailure('verify-failed', `applied, but still: ${after.value.why}`));
}

/** Asks a step's check alone, with a machine that refuses to be changed. Never rejects. */
export async function checkStep<P>(
  step: Step<P>,
  machine: Machine,
  params: P,
): Promise<CheckResult | { readonly done: false; readonly why: string; readonly problem: StepProblem }> {
  const seconds = secondsOf(step);
  const bounded = boundedMachine(machine, machine.now() + seconds * 1000, seconds);
  const result = await settle(answering(step.check(readOnlyMachine(bounded), params), seconds));
  if (result.ok) return result.value;
  const problem = stepProblem(result.error);
  return { done: false, why: problem.message, problem };
}

/** An error in the words of a report: a step's own failure keeps its class. */
export function stepProblem(error: unknown): StepProblem {
  if (error instanceof StepFailure) {
    const { failureClass, message, remedy } = error;
    return { failureClass, message, ...(remedy === undefined ? {} : { remedy }) };
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return { failureClass: 'transient', message: 'interrupted' };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof CommandError)) return { failureClass: 'verify-failed', message };
  switch (error.reason) {
    case 'timeout':
      return { failureClass: 'timeout', message };
    case 'aborted':
      return { failureClass: 'transient', message };
    case 'not-found':
    case 'exit':
      return { failureClass: 'verify-failed', message };
  }
}

const redactProblem = (problem: StepProblem, redact: Redact): StepProblem => ({
  ...problem,
  message: redact(problem.message),
  ...(problem.remedy === undefined ? {} : { remedy: redact(problem.remedy) }),
});

type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

async function settle<T>(work: Promise<T>): Promise<Settled<T>> {
  try {
    return { ok: true, value: await work };
  } catch (error) {
    return { ok: false, error };
  }
}

/** The bounded machine ends what is late; this is for the one operation that never answers it. */
async function answering<T>(work: Promise<T>, seconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new StepFailure('timeout', `no answer within ${seconds} s`);
    timer = setTimeout(() => reject(error), seconds * 1000 + HANG_GRACE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
