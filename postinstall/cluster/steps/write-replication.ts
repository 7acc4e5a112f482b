import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import type { AgentStep, NodeFacts } from '../../agent-step.ts';
import { drbdConfig, drbdGeneration } from '../drbd-config.ts';
import { readKeys } from '../key-files.ts';
import { pairOf } from '../members.ts';

const MODULE_VERSION = '/sys/module/drbd/version';
const configPath = (resource: string): string => `/etc/drbd.d/${resource}.res`;

/** DRBD knows the pair's resource. */
export const writeReplication: AgentStep = {
  id: 'write-replication',
  title: 'Replication set-up',
  after: ['start-pacemaker'],
  checks: 'DRBD is loaded, /etc/drbd.d/RESOURCE.res is what follows from the plan and only root can read it.',
  byHand: 'modprobe drbd; drbdadm sh-resources; lsblk -o NAME,PARTLABEL.',

  async check(machine, facts) {
    const { disk, replication } = pairOf(facts);
    const version = await moduleVersion(machine);
    if (version === undefined) return { done: false, why: 'DRBD is not loaded' };
    if (!(await machine.exists(disk))) return { done: false, why: `there is no ${disk}` };
    const path = configPath(replication.resource);
    if ((await machine.readFile(path)) !== (await wanted(machine, facts, version)))
      return { done: false, why: `${path} is not what follows from the plan` };
    const file = await machine.stat(path);
    if (file?.mode !== 0o600 || file.uid !== 0)
      return {
        done: false,
        why: `${path} has mode ${file?.mode.toString(8)} and belongs to user ${file?.uid}`,
      };
    const { stdout } = await machine.exec({
      file: 'drbdadm',
      args: ['sh-resources'],
      effect: 'read',
      accept: [0, 10],
    });
    if (!stdout.split(/\s+/).includes(replication.resource))
      return { done: false, why: `drbdadm knows no resource ${replication.resource}` };
    return { done: true, evidence: { drbd: version, disk } };
  },

  async apply(machine, facts) {
    const { disk, replication } = pairOf(facts);
    if ((await moduleVersion(machine)) === undefined)
      await machine.exec({ file: 'modprobe', args: ['drbd'], effect: 'write' });
    if (!(await machine.exists(disk))) {
      throw new StepFailure(
        'verify-failed',
        `there is no ${disk}`,
        'the installation makes it: see `lsblk` and /proc/mdstat',
      );
    }
    const version = (await moduleVersion(machine)) ?? '';
    const text = await wanted(machine, facts, version);
    await machine.writeFile(configPath(replication.resource), text, 0o600);
  },
};

async function moduleVersion(machine: Machine): Promise<string | undefined> {
  return (await machine.readFile(MODULE_VERSION))?.trim();
}

async function wanted(machine: Machine, facts: NodeFacts, version: string): Promise<string> {
  const { ha, disk, replication } = pairOf(facts);
  const keys = await readKeys(machine);
  if (keys === undefined) throw new StepFailure('verify-failed', 'this node has no keys of its cluster yet');
  const generation = drbdGeneration(version);
  if (generation === undefined)
    throw new StepFailure(
      'config-invalid',
      `DRBD ${version} is neither 8.4 nor 9`,
      'install kernel and DRBD of the medium',
    );
  return drbdConfig({
    members: ha.members,
    replication,
    disk,
    sharedSecret: keys.replication,
    generation,
    fenced: ha.fencing.kind !== 'none',
  });
}
