/** What a run says while it runs: lines for the system journal, and the same on every console. */
import type { StepEvent, StepListener } from '../src/engine/run-step.ts';

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

/** Says every event's line; `ids` are all steps of the run in their order. */
export function liveView(ids: readonly string[], say: (line: string) => void): StepListener {
  return (event) => {
    const line = eventLine(event, `${ids.indexOf(event.id) + 1}/${ids.length}`);
    if (line !== undefined) say(line);
  };
}
