import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** The full story of one task. The file appears with the first line, so a task that had nothing to do leaves none. */
export interface TaskLog {
  write(line: string): void;
  close(): void;
  /** Absolute; undefined while nothing was written. */
  path(): string | undefined;
}

/** Lines are written as they come, unbuffered: a log that lacks its last lines lacks the ones that matter. */
export function openLog(path: string): TaskLog {
  let file: number | undefined;
  let closed = false;
  let used = false;
  return {
    write(line) {
      if (closed) return;
      if (file === undefined) {
        mkdirSync(dirname(path), { recursive: true });
        file = openSync(path, 'a');
        used = true;
      }
      writeSync(file, `${line}\n`);
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
      closed = true;
    },
    path: () => (used ? path : undefined),
  };
}
