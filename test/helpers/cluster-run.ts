/** The cluster's steps of made-up nodes, as the agent runs them at a start. */
import { clusterSteps } from '../../postinstall/cluster/steps/index.ts';
import type { Machine } from '../../src/engine/machine.ts';
import type { StepProblem } from '../../src/engine/run-step.ts';
import { type RunReport, runSteps } from '../../src/engine/run-steps.ts';
import type { FakeNode } from './fake-nodes.ts';

let waiting = new AbortController();

/** Ends whatever waits, in every run of the present test. */
export const stopWaiting = (): void => waiting.abort();

/** In a suite whose nodes may wait when a test is over: in a model's time they do so for ever in no time. */
export function endWaiting(): void {
  beforeEach(() => {
    waiting = new AbortController();
  });
  afterEach(stopWaiting);
}

/** Runs a node's cluster steps; `onWait` hears of every obstacle that is waited for. */
export function runNode(
  node: FakeNode,
  { machine = node.machine, onWait }: { machine?: Machine; onWait?: (problem: StepProblem) => void } = {},
): Promise<RunReport> {
  return runSteps(clusterSteps(node.facts.plan.ha, []), machine, node.facts, {
    patience: { random: () => 0.5, signal: waiting.signal },
    listener: (event) => {
      if (event.kind === 'waiting') onWait?.(event.problem);
    },
  });
}
