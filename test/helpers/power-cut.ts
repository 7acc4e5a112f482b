/** Power that goes off at a chosen operation of a machine: everything after it fails, as a dead machine's would. */
import type { Machine } from '../../src/engine/machine.ts';
import type { FakeMachine } from './fake-machine.ts';

export class PowerCut extends Error {}

export interface Powered {
  readonly machine: Machine;
  /** Operations that were begun: commands that change something, files written, sleeps. */
  operations(): number;
  isOff(): boolean;
}

/**
 * A command that changes something, a file written, or a time slept: what may happen before the power goes off. Where a
 * machine only read, losing its power before or after makes no difference to what is found.
 */
export type Operation = 'command' | 'file' | 'sleep';

/**
 * `inner` up to and without operation number `at` (from 0): after one is before the next. `onOperation` hears of each that
 * is about to be done.
 */
export function powered(
  inner: FakeMachine,
  at = Number.POSITIVE_INFINITY,
  onOperation: (number: number, kind: Operation) => void = () => {},
): Powered {
  let count = 0;
  let off = false;
  const alive = (): void => {
    if (off) throw new PowerCut('the power is off');
  };
  const operation = async <T>(kind: Operation, work: () => Promise<T>): Promise<T> => {
    off ||= count === at;
    alive();
    onOperation(count, kind);
    count += 1;
    return work();
  };
  const reading = async <T>(work: () => Promise<T>): Promise<T> => {
    alive();
    return work();
  };
  return {
    machine: {
      exec(command, onLine) {
        const work = () => inner.exec(command, onLine);
        return command.effect === 'write' ? operation('command', work) : reading(work);
      },
      hold: (command) => operation('command', () => inner.hold(command)),
      writeFile: (path, content, mode) => operation('file', () => inner.writeFile(path, content, mode)),
      sleep: (ms) => operation('sleep', () => inner.sleep(ms)),
      readFile: (path) => reading(() => inner.readFile(path)),
      readBytes: (path, offset, length, direct) =>
        reading(() => inner.readBytes(path, offset, length, direct)),
      exists: (path) => reading(() => inner.exists(path)),
      stat: (path) => reading(() => inner.stat(path)),
      list: (path) => reading(() => inner.list(path)),
      realPath: (path) => reading(() => inner.realPath(path)),
      now: () => inner.now(),
    },
    operations: () => count,
    isOff: () => off,
  };
}
