/**
 * What happens after a failure, by its class: some are over in a moment, some end when somebody else acts, and all
 * others stop the run.
 */
import type { FailureClass } from './failure.ts';
import type { Machine } from './machine.ts';

/** `retry` gives up when the step's time is over; `wait` never does. */
export type Policy = 'retry' | 'wait' | 'stop';

export const POLICY: Readonly<Record<FailureClass, Policy>> = {
  transient: 'retry',
  'waiting-peer': 'wait',
  'waiting-operator': 'wait',
  timeout: 'stop',
  'needs-reboot': 'stop',
  'refused-foreign-data': 'stop',
  'config-invalid': 'stop',
  'verify-failed': 'stop',
};

/** Milliseconds before the first further attempt, and at most. */
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;
/** Milliseconds between two words about the same obstacle. */
const REMIND_MS = 60_000;

/**
 * Milliseconds before attempt number `attempt` (1 is the first one after a failure): doubled each time, up to 5 s, of
 * which half is random (`random` in [0, 1)), so that nodes that failed together do not try together for ever.
 */
export function retryDelay(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}

/** Why an attempt failed. */
export interface Obstacle {
  readonly failureClass: FailureClass;
  readonly message: string;
  readonly remedy?: string;
}

export interface Patience {
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number;
  /** Ends all waiting: the failure at hand is then the result. */
  readonly signal?: AbortSignal;
}

export interface PatientWork<A> {
  readonly machine: Machine;
  /** Seconds that retries of what is transient may take in all. */
  readonly seconds: number;
  attempt(): Promise<A>;
  /** Why the attempt failed; undefined when it did not. */
  obstacleOf(attempt: A): Obstacle | undefined;
  /** Hears of an obstacle when it is met, when it changes, and every minute while it stays. */
  onObstacle(obstacle: Obstacle, waitedMs: number): Promise<void>;
  /** The result when what is transient lasted for all of `seconds`. */
  late(obstacle: Obstacle): A;
}

/** Attempts until there is no obstacle that time or somebody else could remove. Resolves with the last attempt. */
export async function patiently<A>(work: PatientWork<A>, patience: Patience): Promise<A> {
  const { machine, seconds } = work;
  const { random = Math.random, signal } = patience;
  const startedAt = machine.now();
  let said: { readonly words: string; readonly at: number } | undefined;
  let streak: { readonly policy: Policy; readonly since: number; readonly attempts: number } | undefined;
  for (;;) {
    const began = machine.now();
    const result = await work.attempt();
    const obstacle = work.obstacleOf(result);
    const policy = obstacle === undefined ? 'stop' : POLICY[obstacle.failureClass];
    if (obstacle === undefined || policy === 'stop' || signal?.aborted) return result;
    // What is transient after an hour of waiting for a peer has its own time, and begins with short delays.
    streak =
      streak?.policy === policy
        ? { ...streak, attempts: streak.attempts + 1 }
        : { policy, since: began, attempts: 1 };
    const now = machine.now();
    if (policy === 'retry' && now - streak.since >= seconds * 1000) return work.late(obstacle);
    const words = `${obstacle.failureClass}: ${obstacle.message}`;
    if (said?.words !== words || now - said.at >= REMIND_MS) {
      await work.onObstacle(obstacle, now - startedAt);
      said = { words, at: now };
    }
    try {
      await machine.sleep(retryDelay(streak.attempts, random()));
    } catch (error) {
      if (signal?.aborted) return result;
      throw error;
    }
  }
}
