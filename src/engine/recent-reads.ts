import type { CommandResult } from './command.ts';
import type { Machine } from './machine.ts';

export interface RecentReads {
  /** For everything but checks: it always asks anew, and what it changes, or waits for, ends what was known. */
  readonly machine: Machine;
  /** For checks: answers a question it was asked less than a second ago as it did then. */
  readonly checks: Machine;
}

/** Milliseconds for which an answer is as good as a new one. */
const RECENT_MS = 1_000;

/**
 * Two views of a machine. Checks one after the other ask the same programs, and starting one is what takes their time;
 * a guard before something is changed must see what is so now.
 */
export function recentReads(inner: Machine): RecentReads {
  const known = new Map<string, { readonly at: number; readonly result: Promise<CommandResult> }>();
  const forgetting = <T>(work: () => Promise<T>): Promise<T> => {
    known.clear();
    // What was read while something changed is forgotten, too.
    return work().finally(() => known.clear());
  };
  const machine: Machine = {
    ...inner,
    exec: (command, onLine) =>
      command.effect === 'write'
        ? forgetting(() => inner.exec(command, onLine))
        : inner.exec(command, onLine),
    hold: (command) => forgetting(() => inner.hold(command)),
    writeFile: (path, content, mode) => forgetting(() => inner.writeFile(path, content, mode)),
    sleep: (ms) => forgetting(() => inner.sleep(ms)),
  };
  const checks: Machine = {
    ...machine,
    exec(command, onLine) {
      if (command.effect === 'write' || onLine !== undefined) return machine.exec(command, onLine);
      const { timeoutMs: _, ...question } = command;
      const key = JSON.stringify(question);
      const recent = known.get(key);
      if (recent !== undefined && inner.now() - recent.at < RECENT_MS) return recent.result;
      const result = inner.exec(command);
      known.set(key, { at: inner.now(), result });
      result.catch(() => known.delete(key));
      return result;
    },
  };
  return { machine, checks };
}
