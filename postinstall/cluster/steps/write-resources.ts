import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import type { AgentStep, NodeFacts } from '../../agent-step.ts';
import { clusterCib, DATA, type DesiredCib, primitiveIds } from '../cib.ts';
import { readMonitor } from '../cluster-state.ts';
import { configure, isConfigured } from '../configure.ts';
import { membership } from '../members.ts';
import { PEER_PATIENCE_MS, waitsForPeer, waitUntil } from '../wait.ts';

/** Milliseconds: the sum of the start time-outs in a row, beyond which the agents have given up themselves. */
const START_MS = 300_000;

/** Pacemaker has the resources of the plan, and they run. */
export const writeResources: AgentStep = {
  id: 'write-resources',
  title: 'Service',
  after: ['register-fencing'],
  timeoutSeconds: 900,
  checks:
    'Every resource and constraint of the plan is in Pacemaker’s configuration; the data is promoted on one node, and the ' +
    'service runs on that one.',
  byHand:
    'crm_mon -1rf; crm_verify --live-check --verbose; crm_resource --cleanup after mending what failed.',

  async check(machine, facts) {
    const desired = clusterCib(membership(facts).ha);
    const isThere = await isConfigured(machine, desired, { prune: true });
    if (isThere === undefined) return { done: false, why: 'Pacemaker does not answer' };
    if (!isThere)
      return { done: false, why: 'the resources of the plan are not in Pacemaker’s configuration' };
    const placed = await placement(machine, facts, desired);
    if ('why' in placed) return { done: false, why: placed.why };
    return { done: true, evidence: { running: placed.running } };
  },

  async apply(machine, facts, say) {
    const { ha, self, leader } = membership(facts);
    const desired = clusterCib(ha);
    if (self === leader) {
      if ((await isConfigured(machine, desired, { prune: true })) !== true) {
        await refuseDuplicateAddress(machine, facts);
        say('handing the resources to Pacemaker');
        await configure(machine, desired, { prune: true });
      }
    } else {
      await waitUntil(
        machine,
        async () =>
          (await isConfigured(machine, desired, { prune: true })) === true
            ? undefined
            : `${leader.name} has not handed the resources to Pacemaker`,
        { limitMs: PEER_PATIENCE_MS, late: waitsForPeer() },
      );
    }
    await waitUntil(
      machine,
      async () => {
        const placed = await placement(machine, facts, desired);
        return 'why' in placed ? placed.why : undefined;
      },
      {
        limitMs: START_MS,
        late: (why) =>
          new StepFailure(
            'verify-failed',
            why,
            'crm_mon -1rf names the operation; crm_resource --cleanup tries again',
          ),
      },
    );
  },
};

export type Placement =
  | { readonly running: readonly string[]; readonly node?: string }
  | { readonly why: string };

/** Where everything runs; or what does not. Rejects at once when an operation has failed for good. */
export async function placement(machine: Machine, facts: NodeFacts, desired: DesiredCib): Promise<Placement> {
  const { replication } = membership(facts).ha;
  const monitor = await readMonitor(machine);
  if (monitor === undefined) return { why: 'Pacemaker does not answer' };
  const failures = monitor.failures.length === 0 ? '' : ` (${monitor.failures.join('; ')})`;
  const wanted = primitiveIds(desired);
  const started = monitor.resources.filter(
    ({ id, role, failed }) => wanted.includes(id) && role === 'Started' && !failed,
  );
  const missing = wanted.filter((id) => !started.some((one) => one.id === id));
  if (missing.length > 0)
    return { why: `${missing.join(' and ')} ${missing.length === 1 ? 'does' : 'do'} not run${failures}` };
  const running = started.map(({ id, nodes }) => `${id} on ${nodes.join(' and ')}`);
  const service = started.find(({ id }) => !id.startsWith('slipway-fence-'))?.nodes[0];
  if (replication === undefined) return { running, ...(service === undefined ? {} : { node: service }) };
  const data = monitor.resources.filter(({ id, failed }) => id === DATA && !failed);
  const promoted = data
    .filter(({ role }) => role === 'Promoted' || role === 'Master')
    .flatMap(({ nodes }) => nodes);
  const active = data.filter(({ active: is }) => is).length;
  const [node] = promoted;
  if (promoted.length !== 1 || node === undefined)
    return { why: `the data is promoted on ${promoted.join(' and ') || 'no node'}${failures}` };
  if (active !== 2) return { why: `the data runs on ${active} of 2 nodes${failures}` };
  return { running: [...running, `${DATA} promoted on ${node}`], node };
}

/** Before the address is ours nobody else may have it. Afterwards Pacemaker watches over it. */
async function refuseDuplicateAddress(machine: Machine, facts: NodeFacts): Promise<void> {
  const { vip } = membership(facts).ha;
  if (vip === undefined) return;
  const monitor = await readMonitor(machine);
  if (monitor?.resources.some(({ id, active }) => id === 'slipway-vip' && active)) return;
  const { exitCode } = await machine.exec({
    file: 'ping',
    args: ['-c', '1', '-W', '1', vip.address],
    effect: 'read',
    accept: [0, 1, 2],
  });
  if (exitCode !== 0) return;
  throw new StepFailure(
    'waiting-operator',
    `somebody answers at ${vip.address} already, and it is to be the address of the service`,
    `ip neigh show ${vip.address} tells the card; take the address away from it, or choose another one in the spec`,
  );
}
