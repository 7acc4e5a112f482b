/** Whether a failure that only a restart mends becomes one. Pure. */
import type { JournalContent } from '../src/engine/journal.ts';
import type { StepProblem } from '../src/engine/run-step.ts';

/** A step's failure, and what is done about it. */
export interface Ending {
  readonly state: 'failed' | 'restarting';
  readonly step: string;
  readonly problem: StepProblem;
}

export interface RestartFacts {
  readonly mayRestart: boolean;
  /** Of the boot this run is in. */
  readonly boot: string;
  readonly earlier: Pick<JournalContent, 'steps' | 'formedAt'> & { readonly boot?: string };
}

const REMEDY = 'restart the node when it suits you; the agent goes on by itself afterwards';

/**
 * A step of class `needs-reboot` restarts the node, but not one that was complete before, which may be serving somebody,
 * and once for each step: one that asks again right after a restart would go on for ever.
 */
export function restartOnce(ending: Ending, { mayRestart, boot, earlier }: RestartFacts): Ending {
  const { step, problem } = ending;
  if (problem.failureClass !== 'needs-reboot') return ending;
  const before = earlier.steps[step];
  const asked = before?.state === 'failed' && before.problem.failureClass === 'needs-reboot';
  if (asked && earlier.boot !== boot) {
    const message = `the node was restarted for this, and still: ${problem.message}`;
    return { ...ending, problem: { ...problem, failureClass: 'verify-failed', message } };
  }
  if (mayRestart && earlier.formedAt === undefined) return { ...ending, state: 'restarting' };
  return { ...ending, problem: { ...problem, remedy: problem.remedy ?? REMEDY } };
}
