/**
 * The user's own steps: each folder below /usr/lib/slipway/steps with the programs `check` and `apply`, in any
 * language. `check` exits 0 when it is so, 1 when not (its last line says why); anything else is an error.
 */
import type { Command, CommandResult } from '../src/engine/command.ts';
import { StepFailure } from '../src/engine/failure.ts';
import type { Machine } from '../src/engine/machine.ts';
import { DEFAULT_STEP_SECONDS } from '../src/engine/run-step.ts';
import type { AgentStep, NodeFacts } from './agent-step.ts';

export const USER_STEPS = '/usr/lib/slipway/steps';

/** `step.json`, which the package makes from the user's `step.yaml`. */
interface UserStepFile {
  readonly title?: string;
  readonly after?: readonly string[];
  readonly timeoutSeconds?: number;
}

/**
 * Every step below `folder`, sorted by name. Each comes after all of `before`, the agent's own steps.
 * Rejects with a StepFailure of class `config-invalid` that lists all that is wrong with them.
 */
export async function readUserSteps(
  machine: Machine,
  before: readonly string[],
  folder = USER_STEPS,
): Promise<readonly AgentStep[]> {
  const problems: string[] = [];
  const steps: AgentStep[] = [];
  for (const id of await machine.list(folder)) {
    const dir = `${folder}/${id}`;
    const missing: string[] = [];
    for (const program of ['check', 'apply'])
      if (!(await machine.exists(`${dir}/${program}`))) missing.push(program);
    if (missing.length > 0) problems.push(`${dir} has no ${missing.join(' and no ')}`);
    const file = parseStepFile(await machine.readFile(`${dir}/step.json`));
    if (file === undefined) problems.push(`${dir}/step.json is not what a step is described by`);
    else steps.push(userStep(id, dir, file, before));
  }
  if (problems.length > 0) throw new StepFailure('config-invalid', problems.join('; '));
  return steps;
}

/** Undefined when it is not valid; a step without a file needs none. */
function parseStepFile(text: string | undefined): UserStepFile | undefined {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return isStepFile(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isStepFile(value: unknown): value is UserStepFile {
  if (typeof value !== 'object' || value === null) return false;
  const { title, after, timeoutSeconds }: { title?: unknown; after?: unknown; timeoutSeconds?: unknown } =
    value;
  return (
    (title === undefined || typeof title === 'string') &&
    (after === undefined || (Array.isArray(after) && after.every((id) => typeof id === 'string'))) &&
    (timeoutSeconds === undefined || (typeof timeoutSeconds === 'number' && timeoutSeconds > 0))
  );
}

function userStep(id: string, dir: string, file: UserStepFile, before: readonly string[]): AgentStep {
  const { title = id, after = [], timeoutSeconds = DEFAULT_STEP_SECONDS } = file;
  const run = (
    machine: Machine,
    facts: NodeFacts,
    program: 'check' | 'apply',
    say: (line: string) => void,
  ): Promise<CommandResult> => machine.exec(programCommand(id, dir, program, facts, timeoutSeconds), say);
  return {
    id,
    title,
    after: [...before, ...after.filter((other) => !before.includes(other))],
    timeoutSeconds,
    checks: `Your own step: ${dir}/check, which exits 0 when it is so and 1 when it is not.`,
    byHand: `Read ${dir}/apply; \`slipway-agent run --only ${id}\` runs this step alone.`,

    async check(machine, facts) {
      const { exitCode, stdout, stderr } = await run(machine, facts, 'check', () => {});
      const said = lastLine(stdout) ?? lastLine(stderr);
      if (exitCode !== 0) return { done: false, why: said ?? 'its check says no more than exit code 1' };
      return { done: true, evidence: said === undefined ? {} : { said } };
    },

    async apply(machine, facts, say) {
      await run(machine, facts, 'apply', say);
    },
  };
}

/** One program of a step with the facts on its standard input and in its environment. */
export function programCommand(
  id: string,
  dir: string,
  program: 'check' | 'apply',
  { plan, layout }: NodeFacts,
  timeoutSeconds: number,
): Command {
  // How people get in is nobody's business but the installer's.
  const { access: _, ...node } = plan;
  return {
    file: `${dir}/${program}`,
    args: [],
    effect: program === 'check' ? 'read' : 'write',
    accept: program === 'check' ? [0, 1] : [0],
    cwd: dir,
    timeoutMs: timeoutSeconds * 1000,
    stdin: `${JSON.stringify({ node, cluster: { name: plan.cluster, hosts: plan.hosts }, layout })}\n`,
    env: {
      SLIPWAY_STEP: id,
      SLIPWAY_NODE: plan.name,
      SLIPWAY_CLUSTER: plan.cluster,
      SLIPWAY_ROLE: plan.role,
      SLIPWAY_RANK: String(plan.rank),
      SLIPWAY_INDEX: String(plan.index),
      SLIPWAY_HOSTS: plan.hosts.map(({ name, address }) => `${name}=${address}`).join(' '),
    },
  };
}

function lastLine(text: string): string | undefined {
  return text.trimEnd().split('\n').at(-1)?.trim() || undefined;
}
