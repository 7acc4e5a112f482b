/** What this node answers its peers. It is asked by nodes that proved who they are, and gives no secrets to them either. */
import { createHash } from 'node:crypto';
import type { Machine } from '../../src/engine/machine.ts';
import type { NodeFacts } from '../agent-step.ts';
import { wallClock } from './agree-on-time.ts';
import { describeDrbd, isUntouched, JUST_CREATED, readDrbd, readGeneration } from './drbd-state.ts';
import { inventoryHash } from './inventory.ts';
import { membership } from './members.ts';
import type { Answerer } from './peer-link.ts';
import type { Answer } from './peer-protocol.ts';

/** Where consent is noted before it is given: what a node agreed to outlives a power cut. */
const CONSENT_PATH = '/var/lib/slipway/consent.json';
/** Bytes of the file whose checksum is asked for. */
const LONGEST_FILE = 65_536;

/** The answers of the node `facts` describes, found out on `machine`. */
export function answersOf(machine: Machine, facts: NodeFacts): Answerer {
  const { ha, self, leader } = membership(facts);
  return async (question, from): Promise<Answer> => {
    switch (question.kind) {
      case 'inventory':
        return { inventory: inventoryHash(facts.plan), clock: await wallClock(machine) };
      case 'replication':
        return replication(machine, ha.replication?.resource);
      case 'consent':
        if (from !== leader.name || self === leader)
          return { granted: false, why: `${from} is not the first node of the cluster` };
        return consent(machine, ha.replication?.resource, from, question.generation);
      case 'checksum':
        return checksum(machine, `${ha.replication?.mountPoint ?? '/nowhere'}/${question.file}`);
    }
  };
}

async function replication(machine: Machine, resource: string | undefined): Promise<Answer> {
  if (resource === undefined) return { state: 'not replicated' };
  const state = await readDrbd(machine, resource);
  const generation = state === undefined ? undefined : await readGeneration(machine, resource);
  return { state: describeDrbd(state), ...(generation === undefined ? {} : { generation }) };
}

/** Yes, if there is nothing here that could be lost. */
async function consent(
  machine: Machine,
  resource: string | undefined,
  from: string,
  generation: string,
): Promise<Answer> {
  if (resource === undefined) return { granted: false, why: 'nothing is replicated' };
  const state = await readDrbd(machine, resource);
  const own = await readGeneration(machine, resource);
  if (!isUntouched(state) || state?.role !== 'Secondary' || state.peerRole !== 'Secondary')
    return { granted: false, why: `DRBD is ${describeDrbd(state)} here` };
  if (own !== JUST_CREATED || generation !== JUST_CREATED)
    return {
      granted: false,
      why: `there was data before (generations ${own ?? 'unknown'} and ${generation})`,
    };
  const record = { to: from, resource, generation: own, at: new Date(machine.now()).toISOString() };
  await machine.writeFile(CONSENT_PATH, `${JSON.stringify(record)}\n`, 0o600);
  return { granted: true, generation: own };
}

async function checksum(machine: Machine, path: string): Promise<Answer> {
  if (!(await machine.exists(path))) return { error: `there is no ${path}` };
  const bytes = await machine.readBytes(path, 0, LONGEST_FILE);
  return { sha256: createHash('sha256').update(bytes).digest('hex') };
}
