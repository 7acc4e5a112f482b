import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import type { FencingPlan } from '../../../src/plan/types.ts';
import type { AgentStep } from '../../agent-step.ts';
import { nodesWithFenceSecret } from '../fence-devices.ts';
import { erasePushed, findJoinSecret, PUSHED_PATH } from '../join-secret.ts';
import { keyProblems, readKeys, restrictKeys, writeKeys } from '../key-files.ts';
import { membership } from '../members.ts';
import { commitKeys, readRotation } from '../rotation.ts';

const HOST_KEY = '/etc/ssh/ssh_host_ed25519_key.pub';

/** The node holds what is derived from its cluster's join secret, and the join secret itself no longer. */
export const takeJoinSecret: AgentStep = {
  id: 'take-join-secret',
  title: 'Join secret',
  checks:
    'The keys of corosync, Pacemaker, DRBD and of the nodes among themselves are derived from this cluster’s join secret, ' +
    'only root can read them, and the join secret itself is gone from this node.',
  byHand:
    'Insert the key medium (dist/CLUSTER.key.iso), or run `slipway enrol --ssh NODE` where it was made.',

  async check(machine, facts) {
    const { cluster, ha } = membership(facts);
    const rotation = await readRotation(machine);
    if (rotation?.phase === 'committing')
      return { done: false, why: 'the secrets of the cluster are being renewed' };
    const keys = await readKeys(machine);
    if (keys === undefined) return { done: false, why: 'this node has no keys of its cluster yet' };
    if (keys.cluster !== cluster)
      return { done: false, why: `its keys are those of cluster '${keys.cluster}', not of '${cluster}'` };
    const problems = [
      ...(await keyProblems(machine, keys, ha.fencing)),
      ...((await machine.exists(PUSHED_PATH)) ? ['a join secret was pushed and is not used yet'] : []),
    ];
    if (problems.length > 0) return { done: false, why: problems.join('; ') };
    const prepared = rotation === undefined ? {} : { prepared: rotation.keys.id };
    return { done: true, evidence: { cluster, secret: keys.id, ...prepared } };
  },

  async apply(machine, facts, say) {
    const { cluster, ha } = membership(facts);
    await awaitRotation(machine, ha.fencing);
    if (await onlyModes(machine, cluster, ha.fencing)) return restrictKeys(machine, ha.fencing);
    const found = await findJoinSecret(machine, cluster);
    if ('why' in found) throw new StepFailure('waiting-operator', found.why, await remedy(machine));
    const { secret, from } = found;
    const without = nodesWithFenceSecret(ha.fencing).filter((node) => !secret.fencing[node]);
    if (without.length > 0) {
      throw new StepFailure(
        'waiting-operator',
        `${from} holds no password for the fence device of ${without.join(' and ')}`,
        'make the key medium again with it: slipway enrol --fencing FILE',
      );
    }
    say(`deriving the keys of cluster '${cluster}' from ${from}`);
    await writeKeys(machine, secret, ha.fencing);
    // Only now: after a power cut before this line everything can be derived again.
    await erasePushed(machine);
  },
};

/**
 * Finishes here what a power cut interrupted. When everybody is to use the new keys is known where the rotation was begun,
 * and nothing starts before that.
 */
async function awaitRotation(machine: Machine, fencing: FencingPlan): Promise<void> {
  const rotation = await readRotation(machine);
  if (rotation?.phase !== 'committing') return;
  await commitKeys(machine, rotation, fencing);
  throw new StepFailure(
    'waiting-operator',
    'the secrets of the cluster are being renewed; this node has the new ones, and others may not',
    'finish it where it was begun: slipway rotate',
  );
}

/** Whether nothing but modes is wrong: for that nobody has to bring the secret again. */
async function onlyModes(machine: Machine, cluster: string, fencing: FencingPlan): Promise<boolean> {
  const keys = await readKeys(machine);
  if (keys?.cluster !== cluster || (await machine.exists(PUSHED_PATH))) return false;
  const problems = await keyProblems(machine, keys, fencing);
  return problems.every((problem) => problem.includes(' has mode '));
}

/** With what pins this node's host key, for a person who reads it on the console. */
async function remedy(machine: Machine): Promise<string> {
  const insert = 'insert the key medium, or push the secret: slipway enrol --ssh';
  if (!(await machine.exists(HOST_KEY))) return insert;
  const { stdout } = await machine.exec({
    file: 'ssh-keygen',
    args: ['-l', '-f', HOST_KEY],
    effect: 'read',
    accept: [0, 255],
  });
  const fingerprint = /SHA256:\S+/.exec(stdout)?.[0];
  return fingerprint === undefined ? insert : `${insert} NODE=${fingerprint}`;
}
