/**
 * Tests that are ended early leave nothing behind: what they have registered with atExit() runs when a process exits, and
 * a signal by itself ends one without. Loaded by .mocharc.json into every process that runs tests.
 */
import { constants } from 'node:os';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
