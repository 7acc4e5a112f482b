import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import type { AgentStep, NodeFacts } from '../../agent-step.ts';
import {
  type DrbdState,
  describeDrbd,
  isSynchronised,
  isUntouched,
  JUST_CREATED,
  readDrbd,
  readGeneration,
  sameGeneration,
} from '../drbd-state.ts';
import { identityOf, readKeys } from '../key-files.ts';
import { type Pair, pairOf } from '../members.ts';
import { PEER_PATIENCE_MS } from '../wait.ts';

/** Large volumes take days; the wait ends by itself where nothing moves. */
const TIMEOUT_SECONDS = 7 * 24 * 3600;
const POLL_MS = 500;
/** Milliseconds without progress until a synchronisation counts as stuck. */
const STALL_MS = 60_000;
const REPORT_MS = 10_000;

/** Both halves hold the same, valid data. */
export const synchroniseData: AgentStep = {
  id: 'synchronise-data',
  title: 'Replicated data',
  after: ['connect-replication'],
  timeoutSeconds: TIMEOUT_SECONDS,
  checks: 'DRBD is connected and UpToDate on both sides.',
  byHand: 'drbdadm status; drbdadm get-gi RESOURCE on both nodes.',

  async check(machine, facts) {
    const { replication } = pairOf(facts);
    const state = await readDrbd(machine, replication.resource);
    if (!isSynchronised(state)) return { done: false, why: `DRBD is ${describeDrbd(state)}` };
    return { done: true, evidence: { state: describeDrbd(state) } };
  },

  async apply(machine, facts, say) {
    const pair = pairOf(facts);
    const state = await readDrbd(machine, pair.replication.resource);
    const begins = isUntouched(state) && pair.self === pair.leader;
    if (begins) await begin(machine, facts, pair, say);
    await follow(machine, pair, say);
    // Asked of the peer itself, while both of us are here: later its agent has ended.
    if (begins && !(await sameData(machine, facts, pair)))
      throw new StepFailure('verify-failed', `${pair.peer.name} does not name the same data as this node`);
  },
};

/**
 * Declares the empty data of this node to be the data of both. `primary --force` on a pair that is in sync is not refused
 * by DRBD itself, so every reason not to is looked for here: the rank, the state, both generations, and the consent of
 * the peer, which looks for itself and notes it before it answers.
 */
async function begin(
  machine: Machine,
  facts: NodeFacts,
  pair: Pair,
  say: (line: string) => void,
): Promise<void> {
  const { replication, peer, self } = pair;
  const { resource } = replication;
  const keys = await readKeys(machine);
  const own = await readGeneration(machine, resource);
  if (keys === undefined || facts.peers === undefined)
    throw new StepFailure('verify-failed', 'this run cannot ask its peer');
  if (own !== JUST_CREATED) throw refused(`the data here has a past (generation ${own ?? 'unknown'})`);
  const address = { name: peer.name, address: peer.links[0] };
  const identity = identityOf(keys, self.name);
  const { granted, why, generation } = await facts.peers.ask(identity, address, {
    kind: 'consent',
    generation: own,
  });
  if (granted !== true)
    throw new StepFailure('waiting-peer', `${peer.name} does not agree to the first synchronisation: ${why}`);
  if (generation !== JUST_CREATED)
    throw refused(`the data of ${peer.name} has a past (generation ${generation})`);
  const state = await readDrbd(machine, resource);
  if (
    !isUntouched(state) ||
    state?.role !== 'Secondary' ||
    (await readGeneration(machine, resource)) !== JUST_CREATED
  )
    throw refused(`DRBD is ${describeDrbd(state)} meanwhile`);
  say(`${peer.name} agrees that both are empty: starting the first synchronisation`);
  await machine.exec({ file: 'drbdadm', args: ['primary', '--force', resource], effect: 'write' });
}

const refused = (why: string): StepFailure =>
  new StepFailure('refused-foreign-data', why, 'nothing was changed; compare `drbdadm get-gi` of both nodes');

/** Waits until both are UpToDate, as long as something moves. */
async function follow(machine: Machine, pair: Pair, say: (line: string) => void): Promise<void> {
  const { replication, peer, leader, self } = pair;
  let last = { done: -1, at: machine.now() };
  let reportedAt = machine.now();
  for (;;) {
    const state = await readDrbd(machine, replication.resource);
    if (isSynchronised(state)) return;
    const now = machine.now();
    if (state?.connection !== 'Connected')
      throw new StepFailure('waiting-peer', `${peer.name} is not connected: DRBD is ${describeDrbd(state)}`);
    if (isUntouched(state) && self !== leader && now - last.at > PEER_PATIENCE_MS)
      throw new StepFailure('waiting-peer', `${leader.name} has not started the first synchronisation`);
    refuseDiskError(state);
    const done = state.done ?? last.done;
    if (done !== last.done) last = { done, at: now };
    else if (now - last.at > STALL_MS && !isUntouched(state))
      throw new StepFailure(
        'verify-failed',
        `the synchronisation does not move: ${describeDrbd(state)}`,
        'look for disk and link errors in `dmesg` of both nodes',
      );
    if (now - reportedAt >= REPORT_MS && state.done !== undefined) {
      say(`synchronising: ${state.done.toFixed(1)} % are the same`);
      reportedAt = now;
    }
    await machine.sleep(POLL_MS);
  }
}

function refuseDiskError({ disk, peerDisk }: DrbdState): void {
  if (disk === 'Diskless' || disk === 'Failed')
    throw new StepFailure(
      'verify-failed',
      'the disk under DRBD has failed on this node',
      'see `dmesg`; replace the disk',
    );
  if (peerDisk === 'Failed')
    throw new StepFailure('waiting-peer', 'the disk under DRBD has failed on the other node');
}

/** Both nodes, asked themselves, name the same data. */
async function sameData(machine: Machine, facts: NodeFacts, pair: Pair): Promise<boolean> {
  const keys = await readKeys(machine);
  const own = await readGeneration(machine, pair.replication.resource);
  if (keys === undefined || own === undefined || facts.peers === undefined) return false;
  const address = { name: pair.peer.name, address: pair.peer.links[0] };
  const theirs = await facts.peers.ask(identityOf(keys, pair.self.name), address, { kind: 'replication' });
  return typeof theirs['generation'] === 'string' && sameGeneration(own, theirs['generation']);
}
