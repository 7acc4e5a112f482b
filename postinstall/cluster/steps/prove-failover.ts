import { createHash, randomBytes } from 'node:crypto';
import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import type { HaMember } from '../../../src/plan/types.ts';
import type { AgentStep, NodeFacts } from '../../agent-step.ts';
import { clusterCib, proofCib, SERVICE } from '../cib.ts';
import { configure, isConfigured } from '../configure.ts';
import { describeDrbd, isSynchronised, readDrbd } from '../drbd-state.ts';
import { inventoryHash } from '../inventory.ts';
import { identityOf, readKeys } from '../key-files.ts';
import { membership } from '../members.ts';
import { PEER_PATIENCE_MS, waitsForPeer, waitUntil } from '../wait.ts';
import { placement } from './write-resources.ts';

/** Milliseconds for one move: above it the time-outs of the operations have ended it themselves. */
const MOVE_MS = 300_000;
/** CRM_EX_EXISTS of Pacemaker: the service has come to that node by itself meanwhile. */
const ALREADY_THERE = 108;
const PROOF_FILE = '.slipway-proof';

/**
 * The service was seen to move to the peer and back, with its data. The mark of it is in the cluster's own
 * configuration, for this very plan, so that no node proves what another one has proven; a state that is not healthy now
 * is not verified by any mark.
 */
export const proveFailover: AgentStep = {
  id: 'prove-failover',
  title: 'Failover',
  after: ['start-at-boot'],
  timeoutSeconds: 900,
  checks: 'The service of this plan was moved to the next node and back, the data with it, and runs now.',
  byHand: `crm_resource --move --resource ${SERVICE} --node NODE; crm_resource --clear --resource ${SERVICE}.`,

  async check(machine, facts) {
    const { ha } = membership(facts);
    const proven = await isConfigured(machine, proofCib(inventoryHash(facts.plan)));
    if (proven === undefined) return { done: false, why: 'Pacemaker does not answer' };
    if (!proven) return { done: false, why: 'the service was not moved to the peer and back yet' };
    const placed = await placement(machine, facts, clusterCib(ha));
    if ('why' in placed) return { done: false, why: placed.why };
    return { done: true, evidence: { service: placed.node ?? 'none' } };
  },

  async apply(machine, facts, say) {
    const { ha, self, leader } = membership(facts);
    const proof = proofCib(inventoryHash(facts.plan));
    if (self !== leader) {
      return waitUntil(
        machine,
        async () =>
          (await isConfigured(machine, proof)) === true
            ? undefined
            : `${leader.name} moves the service there and back`,
        { limitMs: MOVE_MS, late: waitsForPeer() },
      );
    }
    if (hasService(facts)) await moveThereAndBack(machine, facts, say);
    if (ha.replication !== undefined) await refuseUnsynchronised(machine, ha.replication.resource);
    await configure(machine, proof);
  },
};

const hasService = (facts: NodeFacts): boolean => {
  const { replication, vip, services } = membership(facts).ha;
  return replication !== undefined || vip !== undefined || services.length > 0;
};

async function moveThereAndBack(
  machine: Machine,
  facts: NodeFacts,
  say: (line: string) => void,
): Promise<void> {
  const { leader, peers, ha } = membership(facts);
  const [peer] = peers;
  if (peer === undefined) return;
  // What an earlier proof left, that was cut off.
  await clearMove(machine);
  try {
    await move(machine, facts, leader, say);
    const written = ha.replication && (await writeProof(machine, ha.replication.mountPoint));
    await move(machine, facts, peer, say);
    if (written !== undefined) await compareProof(machine, facts, peer, written);
    await move(machine, facts, leader, say);
    if (written !== undefined && (await readProof(machine, ha.replication?.mountPoint ?? '')) !== written)
      throw new StepFailure('verify-failed', 'the data that came back is not what was written');
  } finally {
    await clearMove(machine);
  }
}

/** Resolves when the service runs on `to`, and answers at its address. */
async function move(
  machine: Machine,
  facts: NodeFacts,
  to: HaMember,
  say: (line: string) => void,
): Promise<void> {
  const { ha } = membership(facts);
  const desired = clusterCib(ha);
  let at: string | undefined;
  const whole = async (): Promise<string | undefined> => {
    const placed = await placement(machine, facts, desired);
    at = 'why' in placed ? undefined : placed.node;
    return 'why' in placed ? placed.why : undefined;
  };
  const place = async (): Promise<string | undefined> =>
    (await whole()) ??
    (at === to.name ? undefined : `the service is on ${at ?? 'no node'}, not on ${to.name}`);
  // While a node that lost its power comes back, something else than a place is missing.
  await waitUntil(machine, whole, { limitMs: MOVE_MS, late: waitsForPeer('crm_mon -1rf') });
  const started = machine.now();
  if (at !== to.name) {
    await machine.exec({
      file: 'crm_resource',
      args: ['--move', '--resource', SERVICE, '--node', to.name],
      effect: 'write',
      accept: [0, ALREADY_THERE],
    });
    await waitUntil(machine, place, {
      limitMs: MOVE_MS,
      late: (why) =>
        new StepFailure('verify-failed', `the service did not move to ${to.name}: ${why}`, 'crm_mon -1rf'),
    });
    say(`the service moved to ${to.name} in ${Math.round((machine.now() - started) / 1000)} s`);
  }
  if (ha.vip === undefined) return;
  const { exitCode } = await machine.exec({
    file: 'ping',
    args: ['-c', '3', '-i', '0.3', '-W', '2', ha.vip.address],
    effect: 'read',
    accept: [0, 1, 2],
  });
  if (exitCode !== 0)
    throw new StepFailure(
      'verify-failed',
      `nobody answers at ${ha.vip.address} while the service is on ${to.name}`,
    );
}

const clearMove = async (machine: Machine): Promise<void> => {
  await machine.exec({ file: 'crm_resource', args: ['--clear', '--resource', SERVICE], effect: 'write' });
};

/** Resolves with the checksum of what lies on the replicated file system now. */
async function writeProof(machine: Machine, mountPoint: string): Promise<string> {
  const content = `${randomBytes(32).toString('hex')}\n`;
  await machine.writeFile(`${mountPoint}/${PROOF_FILE}`, content, 0o600);
  return createHash('sha256').update(content).digest('hex');
}

async function readProof(machine: Machine, mountPoint: string): Promise<string | undefined> {
  const content = await machine.readFile(`${mountPoint}/${PROOF_FILE}`);
  return content === undefined ? undefined : createHash('sha256').update(content).digest('hex');
}

/** The peer reads the file itself. */
async function compareProof(
  machine: Machine,
  facts: NodeFacts,
  peer: HaMember,
  written: string,
): Promise<void> {
  const keys = await readKeys(machine);
  if (keys === undefined || facts.peers === undefined)
    throw new StepFailure('verify-failed', 'this run cannot ask its peer');
  const identity = identityOf(keys, membership(facts).self.name);
  const address = { name: peer.name, address: peer.links[0] };
  const { sha256, error } = await facts.peers.ask(identity, address, { kind: 'checksum', file: PROOF_FILE });
  if (sha256 === written) return;
  throw new StepFailure(
    'verify-failed',
    `${peer.name} does not read what was written here: ${error ?? 'other content'}`,
  );
}

async function refuseUnsynchronised(machine: Machine, resource: string): Promise<void> {
  await waitUntil(
    machine,
    async () => {
      const state = await readDrbd(machine, resource);
      return isSynchronised(state) ? undefined : `DRBD is ${describeDrbd(state)}`;
    },
    { limitMs: PEER_PATIENCE_MS, late: waitsForPeer() },
  );
}
