/** Where the installer talks: every console of the machine, and a log. */
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { announce } from '../engine/announce.ts';

export interface Reporter {
  /** To the log and to every console. */
  say(line: string): void;
  /** To the log only. */
  note(line: string): void;
  /** Everything said so far. */
  readonly lines: readonly string[];
  /** Resolves when all of it is written. */
  flush(): Promise<void>;
}

/** Each line carries the seconds since the installer started. */
export function createReporter(logFile: string, options: { readonly everything: boolean }): Reporter {
  const lines: string[] = [];
  // A log that cannot be written must not silence the consoles.
  let work: Promise<void> = mkdir(dirname(logFile), { recursive: true }).then(
    () => {},
    () => {},
  );
  const write = (line: string, onConsoles: boolean): void => {
    const stamped = `[${uptime().padStart(8)}] ${line}`;
    lines.push(stamped);
    work = work.then(async () => {
      await appendFile(logFile, `${stamped}\n`).catch(() => undefined);
      if (onConsoles) await announce(line.startsWith('slipway: ') ? line : stamped, { freshLine: false });
    });
  };
  return {
    say: (line) => write(line, true),
    note: (line) => write(line, options.everything),
    lines,
    flush: () => work,
  };
}

const uptime = (): string => (performance.now() / 1000).toFixed(1);
