import type { CommandResult } from './command.ts';
import type { Machine } from './machine.ts';

/** Milliseconds for which an answer is as good as a new one. */
const RECENT_MS = 1_000;

/**
 * A machine that answers the same question twice with one run of the program, where the second time comes within a
 * second and nothing was written, held or waited for in between. Checks one after the other ask the same programs, and
 * starting one is what takes their time.
 */
export function recentReads(machine: Machine): Machine {
  const known = new Map<string, { readonly at: number; readonly result: Promise<CommandResult> }>();
  const forgetting = <T>(work: () => Promise<T>): Promise<T> => {
    known.clear();
    // What was read while something was written is forgotten, too.
    return work().finally(() => known.clear());
  };
  return {
    ...machine,
    exec(command, onLine) {
      if (command.effect === 'write') return forgetting(() => machine.exec(command, onLine));
      if (onLine !== undefined) return machine.exec(command, onLine);
      const { timeoutMs: _, ...question } = command;
      const key = JSON.stringify(question);
      const recent = known.get(key);
      if (recent !== undefined && machine.now() - recent.at < RECENT_MS) return recent.result;
      const result = machine.exec(command);
      known.set(key, { at: machine.now(), result });
      result.catch(() => known.delete(key));
      return result;
    },
    hold: (command) => forgetting(() => machine.hold(command)),
    writeFile: (path, content, mode) => forgetting(() => machine.writeFile(path, content, mode)),
    sleep: (ms) => forgetting(() => machine.sleep(ms)),
  };
}
