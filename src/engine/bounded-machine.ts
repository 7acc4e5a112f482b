/** Machines that allow less than the one they wrap. */
import type { Command } from './command.ts';
import { CommandError, DEFAULT_TIMEOUT_MS } from './command.ts';
import { StepFailure } from './failure.ts';
import type { Machine } from './machine.ts';

/** A machine that refuses to be changed: what a check is given, and `--check` runs on. */
export function readOnlyMachine(machine: Machine): Machine {
  return {
    ...machine,
    exec(command, onLine) {
      if (command.effect === 'write')
        return Promise.reject(new Error(`a check may not run ${command.file}: it writes`));
      return machine.exec(command, onLine);
    },
    hold: ({ file }) => Promise.reject(new Error(`a check may not hold ${file}`)),
    writeFile: (path) => Promise.reject(new Error(`a check may not write ${path}`)),
  };
}

/**
 * A machine on which no further command is begun once `signal` is aborted; the one that runs is left to its end. Files
 * can still be written: what was raised for the time of a step is put back.
 */
export function stoppableMachine(machine: Machine, signal: AbortSignal): Machine {
  return {
    ...machine,
    exec: (command, onLine) =>
      signal.aborted
        ? Promise.reject(new CommandError(command, 'aborted', undefined, ''))
        : machine.exec(command, onLine),
  };
}

/**
 * A machine that is there until `deadline` (milliseconds since the epoch on its own clock). Commands and sleeps are
 * cut to the time left; whatever is asked for later rejects with a StepFailure of class `timeout`.
 */
export function boundedMachine(machine: Machine, deadline: number, seconds: number): Machine {
  const late = (): StepFailure => new StepFailure('timeout', `not done within ${seconds} s`);
  const left = (): number => {
    const ms = deadline - machine.now();
    if (ms <= 0) throw late();
    return ms;
  };
  return {
    ...machine,
    async exec(command, onLine) {
      const own = command.timeoutMs ?? DEFAULT_TIMEOUT_MS;
      const ms = left();
      if (ms >= own) return machine.exec(command, onLine);
      const cut: Command = { ...command, timeoutMs: ms };
      return machine.exec(cut, onLine).catch((error: unknown) => {
        throw error instanceof CommandError && error.reason === 'timeout' ? late() : error;
      });
    },
    async sleep(ms) {
      await machine.sleep(Math.min(ms, left()));
      left();
    },
    async readFile(path) {
      left();
      return machine.readFile(path);
    },
    async readBytes(path, offset, length, direct) {
      left();
      return machine.readBytes(path, offset, length, direct);
    },
    async writeFile(path, content, mode) {
      left();
      await machine.writeFile(path, content, mode);
    },
  };
}
