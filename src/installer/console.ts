/** Where the installer talks: every console of the machine, and a log. */
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type AnnounceOptions, announce } from '../engine/announce.ts';

export interface Reporter {
  /** To the log and to every console. */
  say(line: string): void;
  /** To the log only. */
  note(line: string): void;
  /** For programs that watch the serial line, when they asked for events. */
  event(event: InstallerEvent): void;
  /**
   * Repeats the last notes on the serial lines, where they have not stood yet: they are what somebody has of a machine
   * that only its serial line reaches.
   */
  recall(): void;
  /** Everything said so far. */
  readonly lines: readonly string[];
  /** Resolves when all of it is written. */
  flush(): Promise<void>;
}

/**
 * One line of JSON on the serial line. `said` and `noted` are the lines of the log; a step's `state` is checking,
 * applying, verifying, or at its end the outcome: already-done, changed, failed.
 */
export type InstallerEvent =
  | { readonly event: 'said' | 'noted'; readonly line: string }
  | { readonly event: 'step'; readonly id: string; readonly state: string; readonly why?: string };

export interface ReporterOptions {
  /** Notes go to the consoles too. */
  readonly everything: boolean;
  /** Serial lines carry events in place of text; result lines stay what they are. */
  readonly events?: boolean;
  /** Where the consoles are; the machine's own by default. */
  readonly consoles?: Pick<AnnounceOptions, 'active' | 'devices'>;
}

/** Lines of {@link Reporter.recall}: a few seconds on a real line. */
const RECALLED = 200;

const isSerial = (console: string): boolean => /^(ttyS|ttyAMA|hvc)\d+$/.test(console);
const isResult = (line: string): boolean => line.startsWith('slipway: ');

/** Each line carries the seconds since the installer started. */
export function createReporter(logFile: string, options: ReporterOptions): Reporter {
  const lines: string[] = [];
  const notes: string[] = [];
  // A log that cannot be written must not silence the consoles.
  let work: Promise<void> = mkdir(dirname(logFile), { recursive: true }).then(
    () => {},
    () => {},
  );
  const events = options.events === true;
  const where = { ...options.consoles, freshLine: false };
  const emit = async (seconds: string, event: InstallerEvent): Promise<void> => {
    if (!events) return;
    const text = JSON.stringify({ seconds: Number(seconds), ...event });
    await announce(text, { ...where, only: isSerial });
  };
  const write = (line: string, kind: 'said' | 'noted'): void => {
    const seconds = uptime();
    const stamped = `[${seconds.padStart(8)}] ${line}`;
    lines.push(stamped);
    if (kind === 'noted') notes.push(stamped);
    work = work.then(async () => {
      await appendFile(logFile, `${stamped}\n`).catch(() => undefined);
      if (kind === 'said' && isResult(line)) return announce(line, where);
      await emit(seconds, { event: kind, line });
      if (kind === 'noted' && !options.everything) return;
      await announce(stamped, { ...where, only: (console) => !(events && isSerial(console)) });
    });
  };
  return {
    say: (line) => write(line, 'said'),
    note: (line) => write(line, 'noted'),
    event: (event) => {
      const seconds = uptime();
      work = work.then(() => emit(seconds, event));
    },
    recall() {
      if (events || options.everything) return;
      const last = notes.slice(-RECALLED);
      work = work.then(async () => {
        for (const line of last) await announce(line, { ...where, only: isSerial });
      });
    },
    lines,
    flush: () => work,
  };
}

const uptime = (): string => (performance.now() / 1000).toFixed(1);
