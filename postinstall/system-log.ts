/**
 * Entries of the system journal with fields of their own (`journalctl -u slipway-agent SLIPWAY_STEP=pass-md-gate`). Node
 * cannot speak to journald's datagram socket; logger(1) of util-linux can.
 */
import type { Exec } from '../src/engine/command.ts';
import type { StepEvent } from '../src/engine/run-step.ts';

export interface SystemLog {
  /** Hands an entry on, in order; never rejects. */
  write(line: string, event?: StepEvent): void;
  /** Resolves when all entries are handed over. */
  flush(): Promise<void>;
}

const UNIT = 'slipway-agent.service';
/** syslog(3) */
const PRIORITY = { error: '3', warning: '4', notice: '5', info: '6' } as const;

/** Milliseconds journald may take for one entry. */
const TIMEOUT_MS = 5_000;

/** A log that writes by `exec`, and to `fallback` once that did not work. */
export function systemLog(exec: Exec, fallback: (line: string) => void): SystemLog {
  let work = Promise.resolve();
  let works = true;
  const send = async (line: string, event: StepEvent | undefined): Promise<void> => {
    if (!works) return fallback(line);
    try {
      await exec({
        file: 'logger',
        args: ['--journald'],
        stdin: journalEntry(line, event),
        effect: 'write',
        timeoutMs: TIMEOUT_MS,
      });
    } catch {
      works = false;
      fallback(line);
    }
  };
  return {
    write(line, event) {
      work = work.then(() => send(line, event));
    },
    flush: () => work,
  };
}

/** `FIELD=value` lines as logger(1) takes them. */
export function journalEntry(line: string, event?: StepEvent): string {
  const fields: readonly (readonly [string, string])[] = [
    ['MESSAGE', line],
    ['PRIORITY', priorityOf(event)],
    ['SYSLOG_IDENTIFIER', 'slipway-agent'],
    // logger is gone before journald asks whose unit it was in; this field makes `journalctl -u` find the entry.
    ['OBJECT_SYSTEMD_UNIT', UNIT],
    ...(event === undefined ? [] : eventFields(event)),
  ];
  return fields.map(([name, value]) => `${name}=${value.replace(/\s*[\r\n]+\s*/g, ' ')}\n`).join('');
}

function eventFields(event: StepEvent): readonly (readonly [string, string])[] {
  const common = [
    ['SLIPWAY_STEP', event.id],
    ['SLIPWAY_EVENT', event.kind],
  ] as const;
  switch (event.kind) {
    case 'waiting':
      return [
        ...common,
        ['SLIPWAY_CLASS', event.problem.failureClass],
        ['SLIPWAY_WAITED_MS', String(event.waitedMs)],
      ];
    case 'ended': {
      const { report } = event;
      return [
        ...common,
        ['SLIPWAY_OUTCOME', report.outcome],
        ['SLIPWAY_DURATION_MS', String(Math.round(report.durationMs))],
        ...(report.outcome === 'failed' ? [['SLIPWAY_CLASS', report.problem.failureClass] as const] : []),
      ];
    }
    default:
      return common;
  }
}

function priorityOf(event: StepEvent | undefined): string {
  if (event?.kind === 'waiting') return PRIORITY.warning;
  if (event?.kind !== 'ended') return PRIORITY.info;
  if (event.report.outcome === 'failed') return PRIORITY.error;
  return event.report.outcome === 'changed' ? PRIORITY.notice : PRIORITY.info;
}
