import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import type { AgentStep, NodeFacts } from '../../agent-step.ts';
import { fencingCib, primitiveIds } from '../cib.ts';
import { readMonitor } from '../cluster-state.ts';
import { configure, isConfigured } from '../configure.ts';
import { fenceDevices } from '../fence-devices.ts';
import { membership } from '../members.ts';
import { PEER_PATIENCE_MS, waitsForPeer, waitUntil } from '../wait.ts';

/** Milliseconds a device may take to answer for the first time. */
const DEVICE_MS = 90_000;

/** A node that does not answer can be switched off by another one; or the spec says in so many words that it cannot. */
export const registerFencing: AgentStep = {
  id: 'register-fencing',
  title: 'Fencing',
  after: ['start-pacemaker'],
  checks:
    'Pacemaker has the fence devices of the plan, each answers (its monitor runs), and stonith-enabled is as planned.',
  byHand: 'stonith_admin --list-registered; crm_mon -1rf; try the device by its fence agent: action=status.',

  async check(machine, facts) {
    const { ha } = membership(facts);
    const isThere = await isConfigured(machine, fencingCib(ha));
    if (isThere === undefined) return { done: false, why: 'Pacemaker does not answer' };
    if (!isThere) return { done: false, why: 'the fencing of the plan is not in Pacemaker’s configuration' };
    const why = await silentDevices(machine, facts);
    if (why !== undefined) return { done: false, why };
    const devices = fenceDevices(ha.fencing, ha.members).map(({ id, agent }) => `${id} (${agent})`);
    return {
      done: true,
      evidence: ha.fencing.kind === 'none' ? { accepted: ha.fencing.accepted } : { devices },
    };
  },

  async apply(machine, facts, say) {
    const { ha, self, leader } = membership(facts);
    const desired = fencingCib(ha);
    if (self === leader) {
      if (ha.fencing.kind === 'none') say(`no fencing: ${ha.fencing.accepted}`);
      await configure(machine, desired);
    } else {
      await waitUntil(
        machine,
        async () =>
          (await isConfigured(machine, desired)) === true
            ? undefined
            : `${leader.name} has not registered the fence devices`,
        { limitMs: PEER_PATIENCE_MS, late: waitsForPeer() },
      );
    }
    await waitUntil(machine, () => silentDevices(machine, facts), {
      limitMs: DEVICE_MS,
      late: (why) =>
        new StepFailure(
          'verify-failed',
          why,
          'address, user and password of the device; then crm_resource --cleanup; slipway-agent run',
        ),
    });
  },
};

async function silentDevices(machine: Machine, facts: NodeFacts): Promise<string | undefined> {
  const { ha } = membership(facts);
  const wanted = primitiveIds(fencingCib(ha));
  if (wanted.length === 0) return undefined;
  const monitor = await readMonitor(machine);
  if (monitor === undefined) return 'Pacemaker does not answer';
  const answers = monitor.resources
    .filter(({ role, failed }) => role === 'Started' && !failed)
    .map(({ id }) => id);
  const silent = wanted.filter((id) => !answers.includes(id));
  if (silent.length === 0) return undefined;
  const failures = monitor.failures.length === 0 ? '' : ` (${monitor.failures.join('; ')})`;
  return `${silent.join(' and ')} ${silent.length === 1 ? 'does' : 'do'} not answer${failures}`;
}
