/** Reads what the installation left on this node for the agent. */
import { StepFailure } from '../src/engine/failure.ts';
import type { Machine } from '../src/engine/machine.ts';
import type { NodePlan } from '../src/plan/types.ts';
import { LAYOUT_RECORD_PATH, readLayoutRecord } from '../src/storage/layout-record.ts';
import type { NodeFacts } from './agent-step.ts';

export const NODE_PLAN_PATH = '/etc/slipway/node.json';
/** The plan's version this agent understands. */
const PLAN_VERSION = 1;
const REMEDY = 'install the node again from its ISO, or restore the file from a backup';

/** Rejects with a StepFailure of class `config-invalid` when a file is missing or is not what it should be. */
export async function readNodeFacts(
  machine: Machine,
  given: Pick<NodeFacts, 'builtAt' | 'replacement' | 'peers'>,
): Promise<NodeFacts> {
  const plan = await readNodePlan(machine);
  try {
    const layout = await readLayoutRecord(machine);
    return { plan, ...given, ...(layout === undefined ? {} : { layout }) };
  } catch (error) {
    throw invalid(LAYOUT_RECORD_PATH, error instanceof Error ? error.message : String(error));
  }
}

export async function readNodePlan(machine: Machine): Promise<NodePlan> {
  const text = await machine.readFile(NODE_PLAN_PATH);
  if (text === undefined) throw invalid(NODE_PLAN_PATH, 'there is no such file');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(NODE_PLAN_PATH, error instanceof Error ? error.message : String(error));
  }
  if (isNodePlan(value)) return value;
  throw invalid(NODE_PLAN_PATH, `not a node's plan of version ${PLAN_VERSION}`);
}

/** The keys the agent lives on. The plan was checked when it was made; this finds the wrong file and the cut one. */
function isNodePlan(value: unknown): value is NodePlan {
  return (
    isRecord(value) &&
    value['version'] === PLAN_VERSION &&
    ['name', 'cluster', 'timezone'].every((key) => typeof value[key] === 'string') &&
    ['hosts', 'timeServers'].every((key) => Array.isArray(value[key])) &&
    isRecord(value['layout']) &&
    ['partitions', 'arrays', 'volumes'].every(
      (key) => isRecord(value['layout']) && Array.isArray(value['layout'][key]),
    )
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const invalid = (path: string, why: string): StepFailure =>
  new StepFailure('config-invalid', `${path}: ${why}`, REMEDY);
