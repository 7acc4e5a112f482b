/** What a run says while it runs: lines for the system journal, and the same on every console. */
import type { FailureClass } from '../src/engine/failure.ts';
import type { StepEvent, StepListener } from '../src/engine/run-step.ts';

/** Hears a line and the event it is about; none is behind a reminder that a step still runs. */
export type SayLine = (line: string, event?: StepEvent) => void;

export interface LiveView {
  readonly listener: StepListener;
  /** To be called every minute: says which step runs, for how long, and what it last said. */
  remind(): void;
}

export interface LiveViewOptions {
  /** All steps of the run in their order. */
  readonly ids: readonly string[];
  readonly say: SayLine;
  /** Milliseconds. */
  readonly now: () => number;
}

/** Milliseconds of silence after which a step is heard of again. */
const QUIET_MS = 55_000;

interface Current {
  readonly id: string;
  readonly since: number;
  readonly heardAt: number;
  readonly last: string;
  /** The engine itself says every minute that it waits. */
  readonly waits: boolean;
}

/** Says a line for every event that is worth one. */
export function liveView({ ids, say, now }: LiveViewOptions): LiveView {
  let current: Current | undefined;
  const position = (id: string): string => `${ids.indexOf(id) + 1}/${ids.length}`;
  return {
    listener(event) {
      const at = now();
      const since = current?.id === event.id ? current.since : at;
      const line = eventLine(event, position(event.id));
      if (line !== undefined) say(line, event);
      const heard = lastWord(event);
      current =
        event.kind === 'ended'
          ? undefined
          : {
              id: event.id,
              since,
              heardAt: line === undefined ? (current?.heardAt ?? at) : at,
              last: heard ?? current?.last ?? 'checking',
              waits: event.kind === 'waiting' || (event.kind !== 'applying' && current?.waits === true),
            };
    },
    remind() {
      const at = now();
      if (current === undefined || current.waits || at - current.heardAt < QUIET_MS) return;
      const { id, since, last } = current;
      say(`slipway: [${position(id)}] ${id}: ${duration(at - since)} so far: ${last}`);
      current = { ...current, heardAt: at };
    },
  };
}

const WAITS_FOR: Readonly<Partial<Record<FailureClass, string>>> = {
  'waiting-peer': 'waits for its peer',
  'waiting-operator': 'waits for you',
  transient: 'tries again',
};

/** A line for an event; undefined where there is nothing to say. `position` is `2/6`. */
export function eventLine(event: StepEvent, position: string): string | undefined {
  switch (event.kind) {
    case 'checking':
    case 'verifying':
      return undefined;
    case 'applying':
      return `slipway: [${position}] ${event.title}: ${event.why}`;
    case 'said':
      return `slipway: [${position}] ${event.id}: ${event.line}`;
    case 'waiting': {
      const { failureClass, message, remedy } = event.problem;
      const since = event.waitedMs < 1000 ? '' : ` since ${duration(event.waitedMs)}`;
      const help = remedy === undefined ? '' : ` (${remedy})`;
      return `slipway: [${position}] ${event.title}: ${WAITS_FOR[failureClass] ?? 'waits'}${since}: ${message}${help}`;
    }
    case 'ended': {
      const { report } = event;
      const seconds = `${(report.durationMs / 1000).toFixed(1)} s`;
      if (report.outcome !== 'failed')
        return `slipway: [${position}] ${report.title}: ${report.outcome} (${seconds})`;
      const { failureClass, message } = report.problem;
      return `slipway: [${position}] ${report.title}: failed (${failureClass}): ${message}`;
    }
  }
}

function lastWord(event: StepEvent): string | undefined {
  switch (event.kind) {
    case 'applying':
      return event.why;
    case 'said':
      return event.line;
    case 'waiting':
      return event.problem.message;
    default:
      return undefined;
  }
}

/** `45 s`, `4 min 10 s`, `2 h 5 min` */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
