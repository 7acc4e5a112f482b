import { isIP } from 'node:net';
import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import { SPLIT_BRAIN_ACCEPTED } from '../../../src/plan/types.ts';
import type { AgentStep, NodeFacts } from '../../agent-step.ts';
import { readAddresses } from '../../links.ts';
import { type Platform, readPlatform } from '../../platforms/platforms.ts';
import { membership, pairOf } from '../members.ts';

/** Programs every member needs, and the packages' names differ from system to system. */
const PROGRAMS = ['/usr/sbin/corosync', '/usr/sbin/pacemakerd', '/usr/sbin/cibadmin', '/usr/sbin/crm_mon'];
const DRBD_PROGRAMS = ['/usr/sbin/drbdadm', '/usr/sbin/drbdsetup'];

/** Of psmisc: Pacemaker's agent of file systems does nothing without it. Its folder differs from system to system. */
const FUSER = ['/usr/bin/fuser', '/usr/sbin/fuser'];

/** The plan can be carried out here: addresses, programs, and a decision about fencing. Looked at before anything else. */
export const checkMembers: AgentStep = {
  id: 'check-members',
  title: 'Cluster plan',
  checks:
    'This node has the addresses the plan gives it, the programs its role takes, and fencing or the words that accept none.',
  byHand: 'ip -brief address; compare with /etc/slipway/node.json; install what is missing from the medium.',

  async check(machine, facts) {
    const { ha, self } = membership(facts);
    const platform = await readPlatform(machine);
    if (platform === undefined)
      throw new StepFailure('config-invalid', '/etc/os-release names no system the agent knows');
    const problems = [...planProblems(facts), ...(await missingPrograms(machine, facts, platform))];
    if (problems.length > 0) throw new StepFailure('config-invalid', problems.join('; '));
    const own = await readAddresses(machine);
    const absent = [...new Set([...self.links, self.replication])].filter(
      (address) => !own.includes(address),
    );
    if (absent.length > 0)
      throw new StepFailure('transient', `this node does not have ${absent.join(' and ')} (yet)`);
    return {
      done: true,
      evidence: {
        platform: platform.name,
        members: ha.members.map(({ name, links }) => `${name} ${links.join(' ')}`),
      },
    };
  },

  async apply() {
    throw new StepFailure('config-invalid', 'a plan is never changed by the agent');
  },
};

function planProblems(facts: NodeFacts): readonly string[] {
  const { ha } = membership(facts);
  const { members, fencing, replication } = ha;
  const devices = fencing.kind === 'devices' ? fencing.devices.map(({ node }) => node) : undefined;
  const unfenced = members.filter(({ name }) => devices?.includes(name) === false).map(({ name }) => name);
  if (replication !== undefined) pairOf(facts);
  return [
    ...(members.length < 2 ? ['a cluster has at least two members'] : []),
    ...(new Set(members.map(({ id }) => id)).size < members.length ? ['two members have the same id'] : []),
    ...members.flatMap(({ name, links }) =>
      links.some((address) => isIP(address) !== 4) ? [`${name} has no fixed addresses`] : [],
    ),
    ...(unfenced.length > 0 ? [`nothing switches ${unfenced.join(' and ')} off`] : []),
    ...(fencing.kind === 'none' && fencing.accepted !== SPLIT_BRAIN_ACCEPTED
      ? [`without fencing the plan has to say '${SPLIT_BRAIN_ACCEPTED}'`]
      : []),
  ];
}

async function missingPrograms(
  machine: Machine,
  facts: NodeFacts,
  platform: Platform,
): Promise<readonly string[]> {
  const { ha } = membership(facts);
  const wanted = [...PROGRAMS, ...(ha.replication === undefined ? [] : DRBD_PROGRAMS)];
  const missing: string[] = [];
  for (const program of wanted) if (!(await machine.exists(program))) missing.push(program);
  const usesFiles = ha.replication !== undefined;
  if (usesFiles && !(await anyExists(machine, FUSER))) missing.push('fuser');
  if (missing.length === 0) return [];
  const { cluster, replication } = platform.packages;
  const packages = [...cluster, ...(ha.replication === undefined ? [] : replication)];
  return [
    `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not installed (packages ${packages.join(', ')})`,
  ];
}

async function anyExists(machine: Machine, paths: readonly string[]): Promise<boolean> {
  const there = await Promise.all(paths.map((path) => machine.exists(path)));
  return there.includes(true);
}
