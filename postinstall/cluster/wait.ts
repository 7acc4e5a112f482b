/** Waiting for what others do, inside a step. */
import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';

export interface WaitOptions {
  /** Milliseconds in all before {@link WaitOptions.late} is the result. */
  readonly limitMs: number;
  /** Milliseconds between two looks, or more where one takes long; default 500. */
  readonly everyMs?: number;
  /** What is thrown when the time is over. `why` is the last reason. */
  late(why: string): StepFailure;
}

const LONGEST_PAUSE_MS = 3_000;

/** Looks until `look` has nothing more to say. A look that throws ends the wait. */
export async function waitUntil(
  machine: Machine,
  look: () => Promise<string | undefined>,
  { limitMs, everyMs = 500, late }: WaitOptions,
): Promise<void> {
  const started = machine.now();
  for (;;) {
    const looked = machine.now();
    const why = await look();
    if (why === undefined) return;
    const now = machine.now();
    if (now - started >= limitMs) throw late(why);
    // On a machine with too much to do the looking must not be what it has to do.
    await machine.sleep(Math.max(everyMs, Math.min(4 * (now - looked), LONGEST_PAUSE_MS)));
  }
}

/**
 * Milliseconds a step waits quietly for a peer before it says so: most waits are over by then, and the engine goes on
 * waiting without limit.
 */
export const PEER_PATIENCE_MS = 20_000;

/** The end of a wait that only a peer can end. */
export const waitsForPeer =
  (remedy?: string) =>
  (why: string): StepFailure =>
    new StepFailure('waiting-peer', why, remedy);
