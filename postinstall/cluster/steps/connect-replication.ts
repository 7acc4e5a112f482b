import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import type { AgentStep } from '../../agent-step.ts';
import { DATA } from '../cib.ts';
import { readMonitor } from '../cluster-state.ts';
import { type DrbdState, describeDrbd, isUnconnected, readDrbd } from '../drbd-state.ts';
import { pairOf } from '../members.ts';
import { PEER_PATIENCE_MS, waitsForPeer, waitUntil } from '../wait.ts';

/** Milliseconds in which Pacemaker starts its resources once it has a quorum. */
const START_MS = 60_000;

/** Both halves of the volume see each other. */
export const connectReplication: AgentStep = {
  id: 'connect-replication',
  title: 'Replication link',
  after: ['create-metadata'],
  checks: 'DRBD has the volume attached, is connected to the peer, and runs with the configuration on disk.',
  byHand:
    'drbdadm status; after a split brain decide whose data is kept, and on the other node: drbdadm secondary RESOURCE; ' +
    'drbdadm connect --discard-my-data RESOURCE.',

  async check(machine, facts) {
    const { replication, peer } = pairOf(facts);
    const state = await readDrbd(machine, replication.resource);
    refuseSplitBrain(state, peer.name);
    refuseFailedDisk(state);
    if (isLoose(state) && (await isPacemakers(machine)) && (await staysLoose(machine, replication.resource)))
      throw brokenOff(state, peer.name);
    if (state?.connection !== 'Connected') return { done: false, why: `DRBD is ${describeDrbd(state)}` };
    if (await differsFromConfig(machine, replication.resource))
      return { done: false, why: 'DRBD runs with another configuration than that of the plan' };
    return { done: true, evidence: { state: describeDrbd(state) } };
  },

  async apply(machine, facts) {
    const { replication, peer } = pairOf(facts);
    const { resource } = replication;
    const state = await readDrbd(machine, resource);
    // A resource agent attaches first and connects then; two that do it at once make one of them fail.
    const isStarting = state === undefined || isUnconnected(state);
    if (isStarting && (await isPacemakers(machine))) await untilStarted(machine, resource, peer.name);
    else if (isStarting || state.disk === 'Diskless' || (await differsFromConfig(machine, resource)))
      await machine.exec({ file: 'drbdadm', args: ['adjust', resource], effect: 'write' });
    await waitUntil(
      machine,
      async () => {
        const now = await readDrbd(machine, resource);
        refuseSplitBrain(now, peer.name);
        if (isLoose(now)) throw brokenOff(now, peer.name);
        return now?.connection === 'Connected'
          ? undefined
          : `DRBD does not reach ${peer.name}: ${describeDrbd(now)}`;
      },
      {
        limitMs: PEER_PATIENCE_MS,
        late: waitsForPeer('see the console of the other node, and the link between them'),
      },
    );
  },
};

/** Whether Pacemaker was given the volume: then it starts DRBD, and nobody else does. */
const isPacemakers = async (machine: Machine): Promise<boolean> =>
  (await readMonitor(machine))?.resources.some(({ id }) => id === DATA) ?? false;

async function untilStarted(machine: Machine, resource: string, peer: string): Promise<void> {
  await waitUntil(
    machine,
    async () => {
      const now = await readDrbd(machine, resource);
      if (isLoose(now) && (await staysLoose(machine, resource))) throw brokenOff(now, peer);
      return now === undefined || isUnconnected(now) ? 'Pacemaker has not started DRBD' : undefined;
    },
    {
      limitMs: START_MS,
      late: (why) =>
        new StepFailure(
          'waiting-operator',
          why,
          'crm_mon -1rf tells why; if the resource was stopped on purpose, start it again',
        ),
    },
  );
}

/** Whose data is right is for a person: nothing is ever discarded here. */
function refuseSplitBrain(state: DrbdState | undefined, peer: string): void {
  if (state?.connection === 'StandAlone') throw brokenOff(state, peer);
}

const brokenOff = (state: DrbdState | undefined, peer: string): StepFailure =>
  new StepFailure(
    'waiting-operator',
    `DRBD has broken off with ${peer}: both wrote without each other, or their data has no common past (${describeDrbd(state)})`,
    'nothing is lost and nothing was discarded; slipway-agent explain connect-replication says how to choose',
  );

/** Attached and not connected: for a moment while it is started, for good after a split brain. */
const isLoose = (state: DrbdState | undefined): boolean =>
  state !== undefined && isUnconnected(state) && state.disk !== 'Diskless';

/** Milliseconds in which a resource agent connects what it has attached. */
const CONNECT_MS = 10_000;

async function staysLoose(machine: Machine, resource: string): Promise<boolean> {
  const until = machine.now() + CONNECT_MS;
  do {
    await machine.sleep(1_000);
    if (!isLoose(await readDrbd(machine, resource))) return false;
  } while (machine.now() < until);
  return true;
}

/** DRBD lets go of a disk with errors and goes on with the peer's; to take it back again is for a person. */
function refuseFailedDisk(state: DrbdState | undefined): void {
  if (state?.connection !== 'Connected' || !['Diskless', 'Failed'].includes(state.disk)) return;
  throw new StepFailure(
    'verify-failed',
    'DRBD has let go of the disk under it; the service goes on with the data of the other node',
    'look for the errors in `dmesg`; replace the disk, then drbdadm attach, or create-md on a new one first',
  );
}

/** `adjust` of drbdadm as a dry run. What it prints holds the shared secret and goes nowhere. */
export async function differsFromConfig(machine: Machine, resource: string): Promise<boolean> {
  const { stdout } = await machine.exec({
    file: 'drbdadm',
    args: ['--dry-run', 'adjust', resource],
    effect: 'read',
    accept: [0],
  });
  return stdout.trim() !== '';
}
