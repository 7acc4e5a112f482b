/**
 * What one node does while the secrets of its cluster are renewed. Somebody who reaches all nodes asks for one act after
 * the other, of every node before the next one of any; each can be asked for again, and then finds itself done.
 *
 *     look      nothing is changed
 *     stage     the new keys, derived from the join secret on standard input, are kept beside those in use
 *     prove     this node and every peer, asked at the same time, prove to each other that they hold the same new keys
 *     commit    the files of the new keys take the place of the old ones
 *     activate  DRBD and corosync take them, running
 *     verify    waits until all of the cluster is as it should be, with the new keys
 *     finish    the keys kept beside are erased
 *     forget    the same before `commit`: the rotation is given up
 */
import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { checkStep } from '../../src/engine/run-step.ts';
import type { NodeFacts } from '../agent-step.ts';
import { type RunState, readStatus } from '../status.ts';
import { readMonitor, readRing, unitState } from './cluster-state.ts';
import { isUnconnected, readDrbd } from './drbd-state.ts';
import { writeEnrolled } from './enrolled.ts';
import { inventoryHash } from './inventory.ts';
import { parseJoinSecret } from './join-secret.ts';
import { keyProblems, readKeys } from './key-files.ts';
import { deriveKeys } from './keys.ts';
import { type Membership, membership } from './members.ts';
import type { Identity } from './peer-link.ts';
import {
  commitKeys,
  eraseRotation,
  type Rotation,
  type RotationPhase,
  readRotation,
  usesKeys,
  writeRotation,
} from './rotation.ts';
import { differsFromConfig } from './steps/connect-replication.ts';
import { clusterSteps } from './steps/index.ts';
import { takeJoinSecret } from './steps/take-join-secret.ts';
import { writeReplication } from './steps/write-replication.ts';
import { waitsForPeer, waitUntil } from './wait.ts';

export const ROTATION_ACTS = [
  'look',
  'stage',
  'prove',
  'commit',
  'activate',
  'verify',
  'finish',
  'forget',
] as const;
export type RotationAct = (typeof ROTATION_ACTS)[number];

/** Where a node stands; one line of JSON for whoever asked. */
export interface RotationReport {
  readonly node: string;
  readonly cluster: string;
  /** Id of the secret whose keys are in use; absent where there are none. */
  readonly keyId?: string;
  /** The keys kept beside those in use. */
  readonly next?: { readonly id: string; readonly phase: RotationPhase };
  /** After `look` and `verify`. */
  readonly health?: Health;
}

export interface Health {
  readonly run: RunState;
  /** What is not as it should be: `<step>: <why>`. */
  readonly problems: readonly string[];
  /** corosync's name for this membership: another one means that somebody was gone. */
  readonly ring?: string;
  /** `<resource> <role> <node>`, sorted. */
  readonly placement: readonly string[];
}

/** Milliseconds for the peers to be asked as well, and for the cluster to be whole with new keys. */
const PROVE_MS = 60_000;
const VERIFY_MS = 180_000;
/** Milliseconds after which a resource that Pacemaker starts has more than its disk. */
const CONNECTS_WITHIN_MS = 5_000;

/** Rejects with a StepFailure. `input` is the join secret, for `stage`. */
export async function rotate(
  act: RotationAct,
  machine: Machine,
  facts: NodeFacts,
  input = '',
): Promise<RotationReport> {
  switch (act) {
    case 'look':
      return { ...(await standing(machine, facts)), health: await healthOf(machine, facts) };
    case 'stage':
      await stage(machine, facts, input);
      break;
    case 'prove':
      await prove(machine, facts);
      break;
    case 'commit':
      await commit(machine, facts);
      break;
    case 'activate':
      await activate(machine, facts);
      break;
    case 'verify':
      return { ...(await standing(machine, facts)), health: await verify(machine, facts) };
    case 'finish':
      await finish(machine, facts);
      break;
    case 'forget':
      await forget(machine);
      break;
  }
  return standing(machine, facts);
}

async function standing(machine: Machine, facts: NodeFacts): Promise<RotationReport> {
  const { cluster, self } = membership(facts);
  const keys = await readKeys(machine);
  const rotation = await readRotation(machine);
  return {
    node: self.name,
    cluster,
    ...(keys === undefined ? {} : { keyId: keys.id }),
    ...(rotation === undefined ? {} : { next: { id: rotation.keys.id, phase: rotation.phase } }),
  };
}

/** What the agent's own steps say about the cluster, and what there is to compare afterwards. */
async function healthOf(machine: Machine, facts: NodeFacts): Promise<Health> {
  const { self, ha } = membership(facts);
  const keys = await readKeys(machine);
  const problems = [
    ...(keys === undefined ? ['no keys of the cluster'] : await keyProblems(machine, keys, ha.fencing)),
    ...(await corosyncProblems(machine)),
    ...(await stepProblems(machine, facts)),
  ];
  const ring = await readRing(machine);
  const resources = (await readMonitor(machine))?.resources ?? [];
  const active = resources.filter((resource) => resource.active);
  return {
    run: (await readStatus(machine, self.name, [])).state,
    problems,
    ...(ring === undefined ? {} : { ring }),
    placement: active.map(({ id, role, nodes }) => `${id} ${role} ${nodes.join(' ')}`).sort(),
  };
}

/** The key of corosync can be changed while it runs since 3.1. */
async function corosyncProblems(machine: Machine): Promise<readonly string[]> {
  const { stdout } = await machine.exec({ file: 'corosync', args: ['-v'], effect: 'read' });
  const [, version, major, minor] = /version '((\d+)\.(\d+)[^']*)/.exec(stdout) ?? [];
  if (version === undefined) return ['corosync does not say its version'];
  const isOld = Number(major) < 3 || (Number(major) === 3 && Number(minor) < 1);
  return isOld ? [`corosync ${version} takes no new key while it runs, 3.1 does`] : [];
}

async function stepProblems(machine: Machine, facts: NodeFacts): Promise<readonly string[]> {
  const { ha } = membership(facts);
  const { peers: _, ...alone } = facts;
  const problems: string[] = [];
  for (const step of clusterSteps(ha, [])) {
    if (step.id === takeJoinSecret.id) continue;
    const result = await checkStep(step, machine, alone);
    if (!result.done) problems.push(`${step.id}: ${result.why}`);
  }
  return problems;
}

async function stage(machine: Machine, facts: NodeFacts, input: string): Promise<void> {
  const { cluster, ha } = membership(facts);
  const secret = parseJoinSecret(input);
  if (secret === undefined) throw new StepFailure('config-invalid', 'standard input is no join secret');
  if (secret.cluster !== cluster) {
    throw new StepFailure(
      'refused-foreign-data',
      `this is the join secret of cluster '${secret.cluster}', and this node belongs to '${cluster}'`,
    );
  }
  const keys = deriveKeys(secret);
  if (await usesKeys(machine, keys.id, ha.fencing)) return;
  const rotation = await readRotation(machine);
  if (rotation !== undefined && rotation.keys.id !== keys.id) throw otherRotation(rotation);
  if (rotation !== undefined) return;
  if ((await readKeys(machine)) === undefined)
    throw new StepFailure('verify-failed', 'this node has no keys of its cluster yet', 'slipway enrol');
  await writeRotation(machine, { cluster, phase: 'staged', keys });
}

const otherRotation = ({ keys, phase }: Rotation): StepFailure =>
  new StepFailure(
    'refused-foreign-data',
    `another rotation is half-way here, to the secret ${keys.id} (${phase})`,
    phase === 'committing'
      ? 'finish it where it was begun: slipway rotate'
      : 'finish it where it was begun, or give it up on each node: slipway-agent rotate forget',
  );

/** Asks every peer, and is there until every peer has asked. */
async function prove(machine: Machine, facts: NodeFacts): Promise<void> {
  const members = membership(facts);
  const { self, peers, cluster } = members;
  const link = facts.peers;
  if (link === undefined) throw new StepFailure('config-invalid', 'this run cannot ask its peers');
  const rotation = await readRotation(machine);
  const identity = await newIdentity(machine, members, rotation);
  const inventory = inventoryHash(facts.plan);
  const askedUs = new Set<string>();
  await link.listen(self.links[0], identity, () => async (_, from) => {
    askedUs.add(from);
    return { inventory };
  });
  for (const { name, links } of peers) {
    const theirs = await patientAnswer(machine, () =>
      link.ask(identity, { name, address: links[0] }, { kind: 'inventory' }),
    );
    if (theirs['inventory'] !== inventory) {
      throw new StepFailure(
        'refused-foreign-data',
        `${name} was installed from another plan of cluster '${cluster}' than this node`,
      );
    }
  }
  await waitUntil(
    machine,
    async () => {
      const silent = peers.filter(({ name }) => !askedUs.has(name)).map(({ name }) => name);
      return silent.length === 0 ? undefined : `${silent.join(' and ')} did not ask this node`;
    },
    { limitMs: PROVE_MS, everyMs: 100, late: waitsForPeer() },
  );
  if (rotation?.phase === 'staged') await writeRotation(machine, { ...rotation, phase: 'proved' });
}

async function newIdentity(
  machine: Machine,
  { self, cluster }: Membership,
  rotation: Rotation | undefined,
): Promise<Identity> {
  if (rotation !== undefined)
    return { cluster, name: self.name, key: rotation.keys.peer, keyId: rotation.keys.id };
  // It has finished already.
  const keys = await readKeys(machine);
  if (keys === undefined) throw new StepFailure('verify-failed', 'this node has no keys of its cluster yet');
  return { cluster, name: self.name, key: Buffer.from(keys.peer, 'hex'), keyId: keys.id };
}

async function patientAnswer<T>(machine: Machine, ask: () => Promise<T>): Promise<T> {
  let answer: { readonly is: T } | undefined;
  await waitUntil(
    machine,
    async () => {
      try {
        answer = { is: await ask() };
        return undefined;
      } catch (error) {
        if (!(error instanceof StepFailure) || error.failureClass !== 'waiting-peer') throw error;
        return error.message;
      }
    },
    { limitMs: PROVE_MS, late: waitsForPeer() },
  );
  if (answer === undefined) throw new StepFailure('waiting-peer', 'nobody answered');
  return answer.is;
}

async function commit(machine: Machine, facts: NodeFacts): Promise<void> {
  const { ha, peers } = membership(facts);
  const rotation = await readRotation(machine);
  if (rotation === undefined) return;
  if (rotation.phase === 'staged')
    throw new StepFailure('verify-failed', 'the peers did not prove that they hold the new keys');
  if (rotation.phase === 'proved') await writeRotation(machine, { ...rotation, phase: 'committing' });
  await commitKeys(machine, rotation, ha.fencing);
  if (ha.replication !== undefined && !(await checkStep(writeReplication, machine, facts)).done)
    await writeReplication.apply(machine, facts, () => {});
  await writeEnrolled(machine, {
    secret: rotation.keys.id,
    inventory: inventoryHash(facts.plan),
    peers: peers.map(({ name }) => name),
  });
}

/**
 * corosync reads its key on every node of its membership, takes it beside the old one, and drops that when all have it
 * (corosync 3.1, knet). Asked on each node it also reaches those that the old key keeps apart. DRBD has the secret for
 * the next time it connects, and stays connected; where it was refused meanwhile it connects again.
 */
async function activate(machine: Machine, facts: NodeFacts): Promise<void> {
  await newKeysInUse(machine, facts);
  const { replication } = membership(facts).ha;
  if (replication !== undefined) await adjust(machine, replication.resource);
  if ((await unitState(machine, 'corosync.service')) !== 'active') return;
  await machine.exec({ file: 'corosync-cfgtool', args: ['-R'], effect: 'write', timeoutMs: 60_000 });
}

/**
 * A resource that is not there is Pacemaker's to start, with what is on disk then. One that is attached and has no
 * connection may be about to get it, or was refused while the two sides had different secrets: then nobody tries again.
 */
async function adjust(machine: Machine, resource: string): Promise<void> {
  let state = await readDrbd(machine, resource);
  if (state !== undefined && isUnconnected(state)) {
    await machine.sleep(CONNECTS_WITHIN_MS);
    state = await readDrbd(machine, resource);
  }
  if (state === undefined || (isUnconnected(state) && state.disk === 'Diskless')) return;
  if (await differsFromConfig(machine, resource))
    await machine.exec({ file: 'drbdadm', args: ['adjust', resource], effect: 'write' });
}

async function verify(machine: Machine, facts: NodeFacts): Promise<Health> {
  await newKeysInUse(machine, facts);
  const { replication } = membership(facts).ha;
  await waitUntil(
    machine,
    async () => {
      const problems = await stepProblems(machine, facts);
      // The peer may have refused the old secret just before it was changed here, and then nobody tries again.
      if (problems.length > 0 && replication !== undefined) await adjust(machine, replication.resource);
      return problems.length === 0 ? undefined : problems.join('; ');
    },
    {
      limitMs: VERIFY_MS,
      everyMs: 2_000,
      late: (why) => new StepFailure('verify-failed', why, 'when it is mended: slipway rotate once more'),
    },
  );
  return healthOf(machine, facts);
}

/** Rejects unless the keys in use are the new ones. */
async function newKeysInUse(machine: Machine, facts: NodeFacts): Promise<void> {
  const { ha } = membership(facts);
  const id = (await readRotation(machine))?.keys.id ?? (await readKeys(machine))?.id;
  if (id === undefined || !(await usesKeys(machine, id, ha.fencing)))
    throw new StepFailure('verify-failed', 'the keys in use here are not the new ones');
}

async function finish(machine: Machine, facts: NodeFacts): Promise<void> {
  await newKeysInUse(machine, facts);
  await eraseRotation(machine);
}

async function forget(machine: Machine): Promise<void> {
  const rotation = await readRotation(machine);
  if (rotation?.phase === 'committing') throw otherRotation(rotation);
  await eraseRotation(machine);
}
