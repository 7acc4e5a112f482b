/** Runs steps in the order their `after` demands, up to the first failure. */
import { StepFailure } from './failure.ts';
import type { Machine } from './machine.ts';
import { type RunStepOptions, runStep, type StepReport } from './run-step.ts';
import type { Step } from './step.ts';

export interface RunStepsOptions extends RunStepOptions {
  /** No further step is begun once it is aborted. */
  readonly signal?: AbortSignal;
}

export interface RunReport {
  /** In the order they ran; the last one is the failed one, if any. */
  readonly reports: readonly StepReport[];
  readonly failed?: Extract<StepReport, { outcome: 'failed' }>;
  /** Ended by `signal` before all steps were begun. */
  readonly interrupted?: true;
}

/** Runs `steps` against `machine`. Rejects with a StepFailure of class `config-invalid` before anything is run when they cannot be ordered. */
export async function runSteps<P>(
  steps: readonly Step<P>[],
  machine: Machine,
  params: P,
  options: RunStepsOptions = {},
): Promise<RunReport> {
  const reports: StepReport[] = [];
  for (const step of orderSteps(steps)) {
    if (options.signal?.aborted) return { reports, interrupted: true };
    const report = await runStep(step, machine, params, options);
    reports.push(report);
    if (report.outcome === 'failed') return { reports, failed: report };
  }
  return { reports };
}

/** What of a step decides its place. */
type Ordered = Pick<Step<never>, 'id' | 'after'>;

/**
 * Steps in an order that respects `after` and otherwise keeps the given one. Throws a StepFailure of class
 * `config-invalid` that names every duplicate and unknown id, or the cycle.
 */
export function orderSteps<S extends Ordered>(steps: readonly S[]): readonly S[] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const problems = [...duplicates(steps), ...unknownIds(steps, byId)];
  if (problems.length > 0) throw new StepFailure('config-invalid', problems.join('; '));

  const ordered = new Set<S>();
  const visit = (step: S, path: readonly string[]): void => {
    if (ordered.has(step)) return;
    if (path.includes(step.id)) {
      const cycle = [...path.slice(path.indexOf(step.id)), step.id].join(' → ');
      throw new StepFailure('config-invalid', `steps wait for each other: ${cycle}`);
    }
    for (const id of step.after ?? []) {
      const before = byId.get(id);
      if (before !== undefined) visit(before, [...path, step.id]);
    }
    ordered.add(step);
  };
  for (const step of steps) visit(step, []);
  return [...ordered];
}

function duplicates(steps: readonly Ordered[]): readonly string[] {
  const ids = steps.map((step) => step.id);
  const twice = new Set(ids.filter((id, i) => ids.indexOf(id) !== i));
  return [...twice].map((id) => `two steps are named '${id}'`);
}

function unknownIds(steps: readonly Ordered[], byId: ReadonlyMap<string, Ordered>): readonly string[] {
  return steps.flatMap((step) =>
    (step.after ?? [])
      .filter((id) => !byId.has(id))
      .map((id) => `step '${step.id}' comes after '${id}', and there is no such step`),
  );
}
