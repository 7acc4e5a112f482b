import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import type { AgentStep, NodeFacts } from '../../agent-step.ts';
import { readQuorum, unitState } from '../cluster-state.ts';
import { corosyncConf } from '../corosync-conf.ts';
import { membership } from '../members.ts';
import { notServing, startUnit } from '../units.ts';
import { PEER_PATIENCE_MS, waitsForPeer } from '../wait.ts';

const CONF = '/etc/corosync/corosync.conf';
const UNIT = 'corosync.service';

/** The nodes are members of one cluster, and it has a quorum. */
export const startCorosync: AgentStep = {
  id: 'start-corosync',
  title: 'Membership',
  after: ['enrol-peers'],
  checks: `${CONF} is what follows from the plan; corosync has a quorum with every node of the cluster (corosync-quorumtool).`,
  byHand: 'corosync -t; systemctl status corosync; corosync-cfgtool -s; is 5405/udp open between the nodes?',

  async check(machine, facts) {
    if ((await machine.readFile(CONF)) !== conf(facts))
      return { done: false, why: `${CONF} is not what follows from the plan` };
    const why = await obstacle(machine, facts);
    if (why !== undefined) return notServing(machine, UNIT, why);
    return {
      done: true,
      evidence: { members: membership(facts).ha.members.map(({ name, id }) => `${name} (${id})`) },
    };
  },

  async apply(machine, facts, say) {
    const isRunning = (await unitState(machine, UNIT)) === 'active';
    if (isRunning) await refuseForeign(machine, facts);
    if ((await machine.readFile(CONF)) !== conf(facts)) {
      await machine.writeFile(CONF, conf(facts));
      await machine.exec({ file: 'corosync', args: ['-t'], effect: 'read' });
      if (isRunning) await machine.exec({ file: 'corosync-cfgtool', args: ['-R'], effect: 'write' });
    }
    const late = waitsForPeer('start the other node; is 5405/udp open between them?');
    await startUnit(machine, UNIT, () => obstacle(machine, facts), { limitMs: PEER_PATIENCE_MS, late }, say);
  },
};

const conf = (facts: NodeFacts): string => {
  const { cluster, ha } = membership(facts);
  return corosyncConf({ cluster, members: ha.members });
};

/** Why the cluster is not whole; undefined when it is. */
async function obstacle(machine: Machine, facts: NodeFacts): Promise<string | undefined> {
  const { ha } = membership(facts);
  const quorum = await readQuorum(machine);
  if (quorum === undefined) return 'corosync does not run';
  const missing = ha.members.filter(({ id }) => !quorum.members.includes(id)).map(({ name }) => name);
  if (missing.length > 0)
    return `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not in the cluster`;
  return quorum.quorate ? undefined : 'the cluster has no quorum';
}

/** Some packages start a cluster of one node by themselves. It is somebody else's until a person says otherwise. */
async function refuseForeign(machine: Machine, facts: NodeFacts): Promise<void> {
  const { cluster } = membership(facts);
  const { stdout } = await machine.exec({
    file: 'corosync-cmapctl',
    args: ['-g', 'totem.cluster_name'],
    effect: 'read',
    accept: [0, 1],
  });
  const name = /=\s*(\S+)/.exec(stdout)?.[1];
  if (name === undefined || name === cluster) return;
  throw new StepFailure(
    'refused-foreign-data',
    `corosync runs here for cluster '${name}', and this node belongs to '${cluster}'`,
    'if nobody needs it: systemctl disable --now pacemaker corosync; rm /var/lib/pacemaker/cib/*',
  );
}
