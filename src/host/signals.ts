/**
 * Ctrl-C and `kill`: one AbortController for the whole process. The first signal asks everybody to tidy up, the second
 * one stops asking.
 */
import { runCleanups } from './at-exit.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type Ending = (typeof SIGNALS)[number];

/** 128 plus the signal's number, as shells count. */
const EXIT_CODES: Readonly<Record<Ending, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

let controller: AbortController | undefined;
let received: Ending | undefined;

/**
 * The signal that long work watches. Handlers are installed on the first call, so that commands which are over in a
 * moment keep the system's own behaviour.
 */
export function interruption(): AbortSignal {
  if (controller === undefined) {
    controller = new AbortController();
    for (const name of SIGNALS) process.on(name, onSignal);
  }
  return controller.signal;
}

/** The exit code that says which signal ended us; undefined when none did. */
export const interruptionExitCode = (): number | undefined =>
  received === undefined ? undefined : EXIT_CODES[received];

/** The signal met work that was over: the exit code is of how that ended. */
export function forgetInterruption(): void {
  received = undefined;
}

function onSignal(name: NodeJS.Signals): void {
  const ending = SIGNALS.find((candidate) => candidate === name);
  if (ending === undefined) return;
  if (received === undefined) {
    received = ending;
    controller?.abort(new Error(`interrupted by ${ending}`));
    return;
  }
  // Asked twice: what can be done at once is done, then the system's default takes us.
  runCleanups();
  for (const each of SIGNALS) process.off(each, onSignal);
  process.kill(process.pid, ending);
}
