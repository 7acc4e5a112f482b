import type { StepRecord } from '../src/engine/journal.ts';
import type { AgentStep } from './agent-step.ts';

/** What a step checks, what it last saw, and what a person can do. */
export function explanation(step: AgentStep, record: StepRecord | undefined): string {
  const after = step.after === undefined || step.after.length === 0 ? 'nothing' : step.after.join(', ');
  return [
    `${step.id}: ${step.title}`,
    '',
    `checks:  ${step.checks}`,
    `after:   ${after}`,
    `by hand: ${step.byHand}`,
    '',
    ...lastRecord(record),
    '',
  ].join('\n');
}

function lastRecord(record: StepRecord | undefined): readonly string[] {
  if (record === undefined) return ['It has not run yet.'];
  const head = `Last record, ${record.at}: ${record.state}`;
  switch (record.state) {
    case 'intent':
      return [head, `  why: ${record.why}`];
    case 'applied':
      return [head];
    case 'verified':
      return [
        `${head} (${record.outcome})`,
        ...Object.entries(record.evidence).map(
          ([key, value]) => `  ${key}: ${typeof value === 'object' ? value.join('; ') : value}`,
        ),
      ];
    case 'waiting':
    case 'failed': {
      const { failureClass, message, remedy } = record.problem;
      return [
        `${head} (${failureClass})`,
        `  ${message}`,
        ...(remedy === undefined ? [] : [`  remedy: ${remedy}`]),
      ];
    }
  }
}
