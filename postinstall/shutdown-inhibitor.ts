/** Keeps logind from shutting the machine down while that would leave it with a disk that does not start it. */
import type { Hold, Machine } from '../src/engine/machine.ts';

const NOTHING_HELD: Hold = { release: async () => {} };

/**
 * Holds a lock of systemd-inhibit(1) until it is released or this process ends. A machine without logind has nobody to
 * ask: that is said, and no reason not to go on.
 */
export async function inhibitShutdown(
  machine: Machine,
  why: string,
  say: (line: string) => void,
): Promise<Hold> {
  try {
    return await machine.hold({
      file: 'systemd-inhibit',
      args: [
        ...['--what=shutdown', '--mode=block', '--who=slipway-agent', `--why=${why}`],
        // A hold says a line once it holds, and ends with its standard input.
        ...['sh', '-c', 'echo held; exec cat'],
      ],
      effect: 'write',
      timeoutMs: 10_000,
    });
  } catch (error) {
    say(`a shutdown is not held back: ${error instanceof Error ? error.message : String(error)}`);
    return NOTHING_HELD;
  }
}
