import { type PipelineEvent, type Reporter, seconds } from './events.ts';

type Write = (text: string) => void;

/** One line per event that matters, for logs and for people without a terminal. */
export function plainReporter(write: Write): Reporter {
  return { report: (event) => write(plainLine(event)), close: async () => {} };
}

/** One JSON object per line (NDJSON), for programs. */
export function jsonReporter(write: Write): Reporter {
  return { report: (event) => write(`${JSON.stringify(event)}\n`), close: async () => {} };
}

function plainLine(event: PipelineEvent): string {
  switch (event.event) {
    case 'started':
      return `${event.task}: ${event.title}\n`;
    case 'output':
      return `${event.task}: ${event.line}\n`;
    case 'done':
      return `${event.task}: done in ${seconds(event.durationMs)}${event.summary ? `, ${event.summary}` : ''}\n`;
    case 'failed':
      return `${event.task}: failed after ${seconds(event.durationMs)}\n`;
  }
}
