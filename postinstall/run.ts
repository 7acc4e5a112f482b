/** `slipway-agent run`: the steps, in order, up to the verdict. */
import { StepFailure } from '../src/engine/failure.ts';
import { type Journal, openJournal } from '../src/engine/journal.ts';
import { completeLine, failedLine } from '../src/engine/lines.ts';
import type { Machine } from '../src/engine/machine.ts';
import { redactor } from '../src/engine/redact.ts';
import { checkStep, type StepEvent, type StepProblem, stepProblem } from '../src/engine/run-step.ts';
import { orderSteps, runSteps } from '../src/engine/run-steps.ts';
import type { HaPlan } from '../src/plan/types.ts';
import type { AgentStep, NodeFacts } from './agent-step.ts';
import { clusterSteps } from './cluster/steps/index.ts';
import { liveView } from './live-view.ts';
import { readNodeFacts, readNodePlan } from './node-facts.ts';
import { type Ending, restartOnce } from './restart.ts';
import { bootId, JOURNAL_PATH, STATUS_PATH } from './status.ts';
import { NODE_STEPS } from './steps/index.ts';
import { readUserSteps } from './user-steps.ts';

export interface RunOutlets {
  /** A line of progress, for the system journal and the consoles, and the event it is about. */
  progress(line: string, event?: StepEvent): void;
  /** The verdict, for everybody; resolves when it has been said. */
  verdict(line: string): Promise<void>;
}

/** What the agent knows beside the node's files. */
export type GivenFacts = Pick<NodeFacts, 'builtAt' | 'replacement' | 'peers'>;

export interface RunRequest {
  readonly machine: Machine;
  /** The same machine as checks are to see it; default: as it is. */
  readonly checks?: Machine;
  readonly given: GivenFacts;
  readonly outlets: RunOutlets;
  readonly signal: AbortSignal;
  /** Run this step alone, once the steps before it are found verified. */
  readonly only?: string;
  /** Restart the node when a step needs it, unless it is serving already. */
  readonly mayRestart?: boolean;
  /** Calls `remind` every minute until the returned function is called. */
  readonly everyMinute?: (remind: () => void) => () => void;
}

export type RunVerdict = 'complete' | 'failed' | 'interrupted' | 'partial' | 'restarting';

/** Own steps, those of the cluster the node belongs to, and the user's, ordered. */
export async function allSteps(machine: Machine): Promise<readonly AgentStep[]> {
  const own = [...NODE_STEPS, ...clusterSteps(await haPlan(machine), idsOf(NODE_STEPS))];
  return orderSteps([...own, ...(await readUserSteps(machine, idsOf(own)))]);
}

const idsOf = (steps: readonly AgentStep[]): readonly string[] => steps.map(({ id }) => id);

/** A plan that cannot be read is reported where it is needed. */
async function haPlan(machine: Machine): Promise<HaPlan | undefined> {
  return (await readNodePlan(machine).catch(() => undefined))?.ha;
}

/** Runs the steps; says and records the verdict. `partial`: the one step asked for is verified. */
export async function runAgent(request: RunRequest): Promise<RunVerdict> {
  const { machine, outlets } = request;
  const node = await nodeName(machine);
  let journal: Journal | undefined;
  let result: RunResult;
  try {
    const identity = { node, boot: await bootId(machine), pid: process.pid };
    journal = await openJournal(machine, JOURNAL_PATH, identity);
    await machine.writeFile(STATUS_PATH, 'running\n');
    const ended = await runRecorded(request, journal);
    const { earlier } = journal;
    const { mayRestart = false } = request;
    result =
      ended.state === 'failed' ? restartOnce(ended, { mayRestart, boot: identity.boot, earlier }) : ended;
  } catch (error) {
    // The journal itself cannot be written. Nothing more may be changed, and the verdict is said all the same.
    result = { state: 'failed', step: 'write-journal', problem: stepProblem(error) };
  }
  if (result.state === 'interrupted' || result.state === 'partial') return result.state;
  if (result.state === 'failed') result = { ...result, problem: withRoom(result.problem) };

  const line = verdictLine(node, result);
  const recorded = await Promise.allSettled([
    journal?.conclude(result),
    machine.writeFile(STATUS_PATH, `${line}\n`),
  ]);
  for (const outcome of recorded) {
    if (outcome.status === 'rejected')
      outlets.progress(`slipway: the verdict was not recorded: ${outcome.reason}`);
  }
  if (result.state === 'failed' && result.problem.remedy !== undefined) {
    outlets.progress(`slipway: remedy: ${result.problem.remedy}`);
  }
  if (result.state === 'restarting') outlets.progress(line);
  else await outlets.verdict(line);
  return result.state;
}

/** Whichever write it was that found the disk full: the way out is the same. */
const withRoom = (problem: StepProblem): StepProblem =>
  problem.remedy === undefined && /\b(?:ENOSPC|EDQUOT)\b/.test(problem.message)
    ? { ...problem, remedy: 'make room (df -h; journalctl --vacuum-size=50M), then slipway-agent run' }
    : problem;

type RunResult =
  | { readonly state: 'complete' }
  | { readonly state: 'partial' }
  | { readonly state: 'interrupted' }
  | Ending;

function verdictLine(node: string, result: Exclude<RunResult, { state: 'partial' | 'interrupted' }>): string {
  if (result.state === 'complete') return completeLine(node);
  const { step, problem } = result;
  if (result.state === 'failed') return failedLine(node, problem.failureClass, step, problem.message);
  return `slipway: restarting ${node}: ${step}: ${problem.message}`;
}

/** Rejects only when the journal cannot be written. */
async function runRecorded(request: RunRequest, journal: Journal): Promise<RunResult> {
  const { machine, given, outlets, signal, only, everyMinute } = request;
  let facts: NodeFacts;
  let steps: readonly AgentStep[];
  try {
    facts = await readNodeFacts(machine, given);
    steps = await allSteps(machine);
    if (only !== undefined) steps = await onlyStep(steps, only, machine, facts);
  } catch (error) {
    return { state: 'failed', step: only ?? 'read-facts', problem: stepProblem(error) };
  }
  const view = liveView({
    ids: steps.map(({ id }) => id),
    say: (line, event) => outlets.progress(line, event),
    now: () => machine.now(),
  });
  const stopReminding = everyMinute?.(view.remind);
  const { failed, interrupted } = await runSteps(steps, machine, facts, {
    listener: view.listener,
    recorder: journal,
    signal,
    patience: { signal },
    redact: redactor(secretsOf(facts)),
    ...(request.checks === undefined ? {} : { checks: request.checks }),
  }).finally(stopReminding);
  if (interrupted || (failed !== undefined && signal.aborted)) return { state: 'interrupted' };
  if (failed !== undefined) return { state: 'failed', step: failed.id, problem: failed.problem };
  return { state: only === undefined ? 'complete' : 'partial' };
}

/** What this node's files hold and no log may. */
const secretsOf = ({ plan }: NodeFacts): readonly string[] =>
  plan.access?.rootPasswordHash === undefined ? [] : [plan.access.rootPasswordHash];

/** Asks every check, or that of one step, and changes nothing. Resolves with whether all is as it should be. */
export async function checkAgent(
  machine: Machine,
  given: GivenFacts,
  say: (line: string) => void,
  only?: string,
): Promise<boolean> {
  const facts = await readNodeFacts(machine, given);
  const steps = await allSteps(machine);
  const redact = redactor(secretsOf(facts));
  const results: boolean[] = [];
  for (const step of only === undefined ? steps : [stepNamed(steps, only)]) {
    const result = await checkStep(step, machine, facts);
    say(result.done ? `${step.id}: verified` : `${step.id}: not verified: ${redact(result.why)}`);
    results.push(result.done);
  }
  return results.every((done) => done);
}

/** The step, if all that comes before it holds. Its predecessors are asked, not run, and no record is believed. */
async function onlyStep(
  steps: readonly AgentStep[],
  id: string,
  machine: Machine,
  facts: NodeFacts,
): Promise<readonly AgentStep[]> {
  const chosen = stepNamed(steps, id);
  for (const before of predecessors(steps, chosen)) {
    const result = await checkStep(before, machine, facts);
    if (!result.done)
      throw new StepFailure('verify-failed', `${before.id} has to be verified first: ${result.why}`);
  }
  return [{ ...chosen, after: [] }];
}

/** Throws a StepFailure of class `config-invalid` that names all there are. */
export function stepNamed(steps: readonly AgentStep[], id: string): AgentStep {
  const chosen = steps.find((step) => step.id === id);
  if (chosen !== undefined) return chosen;
  const names = steps.map((step) => step.id).join(', ');
  throw new StepFailure('config-invalid', `there is no step '${id}'; there are ${names}`);
}

function predecessors(steps: readonly AgentStep[], chosen: AgentStep): readonly AgentStep[] {
  const needed = new Set(chosen.after ?? []);
  // From the end, so that what a needed step needs is met later in the loop.
  for (const step of [...steps].reverse())
    if (needed.has(step.id)) for (const id of step.after ?? []) needed.add(id);
  return steps.filter(({ id }) => needed.has(id));
}

/** The name the plan gives this node; the host's own name where no plan can be read. */
export async function nodeName(machine: Machine): Promise<string> {
  try {
    return (await readNodePlan(machine)).name;
  } catch {
    return (await machine.readFile('/proc/sys/kernel/hostname'))?.trim() || 'localhost';
  }
}
