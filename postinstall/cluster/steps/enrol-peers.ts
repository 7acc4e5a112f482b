import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import type { AgentStep, NodeFacts } from '../../agent-step.ts';
import { agreeOnTime, wallClock } from '../agree-on-time.ts';
import { answersOf } from '../answers.ts';
import { type Enrolled, readEnrolled, writeEnrolled } from '../enrolled.ts';
import { inventoryHash } from '../inventory.ts';
import { identityOf, type KeyFile, readKeys } from '../key-files.ts';
import { membership } from '../members.ts';

/** Every node has proved to every other that it holds the same join secret, before anything of the cluster is started. */
export const enrolPeers: AgentStep = {
  id: 'enrol-peers',
  title: 'Peers',
  after: ['take-join-secret'],
  checks:
    'Each other node proved that it holds the join secret (HMAC over nonces of both), was installed from the same plan, ' +
    'and has the same time: without time servers every node takes that of the first one.',
  byHand: 'Start the other node. It waits for its join secret on its console; both need the same key medium.',

  async check(machine, facts) {
    const keys = await keysOf(machine);
    const { peers } = membership(facts);
    await listen(facts, keys);
    const enrolled = await readEnrolled(machine);
    const wanted = wantedOf(facts, keys, enrolled?.peers ?? []);
    const missing = peers.filter(({ name }) => !enrolled?.peers.includes(name)).map(({ name }) => name);
    if (enrolled?.secret !== wanted.secret || enrolled.inventory !== wanted.inventory || missing.length > 0) {
      const names = peers.map(({ name }) => name).join(' and ');
      return {
        done: false,
        why: `${missing.join(' and ') || names} did not prove that it belongs to this cluster`,
      };
    }
    return { done: true, evidence: { peers: enrolled.peers, plan: enrolled.inventory } };
  },

  async apply(machine, facts, say) {
    const keys = await keysOf(machine);
    const { peers, self, leader } = membership(facts);
    const link = facts.peers;
    if (link === undefined) throw new StepFailure('config-invalid', 'this run cannot ask its peers');
    for (const { name, links } of peers) {
      const asked = await wallClock(machine);
      const peer = { name, address: links[0] };
      const { inventory, clock } = await link.ask(identityOf(keys, self.name), peer, { kind: 'inventory' });
      if (inventory !== inventoryHash(facts.plan)) {
        throw new StepFailure(
          'refused-foreign-data',
          `${name} was installed from another plan of cluster '${keys.cluster}' than this node`,
          'install both from the same medium, or give both the same /etc/slipway/node.json package',
        );
      }
      const here = (asked + (await wallClock(machine))) / 2;
      const isLeader = name === leader.name;
      const hasServers = facts.plan.timeServers.length > 0;
      await agreeOnTime(machine, { name, ahead: Number(clock) - here, isLeader, hasServers }, say);
      say(`${name} proved that it holds the join secret`);
    }
    const enrolled = wantedOf(
      facts,
      keys,
      peers.map(({ name }) => name),
    );
    await writeEnrolled(machine, enrolled);
  },
};

async function keysOf(machine: Machine): Promise<KeyFile> {
  const keys = await readKeys(machine);
  if (keys === undefined) throw new StepFailure('verify-failed', 'this node has no keys of its cluster yet');
  return keys;
}

/**
 * Peers are answered as long as this run lasts, also when they proved themselves before: they may have been cut off
 * before they could note it. It changes nothing on this machine.
 */
async function listen(facts: NodeFacts, keys: KeyFile): Promise<void> {
  const { self } = membership(facts);
  await facts.peers?.listen(self.links[0], identityOf(keys, self.name), (lasting) =>
    answersOf(lasting, facts),
  );
}

const wantedOf = (facts: NodeFacts, keys: KeyFile, peers: readonly string[]): Enrolled => ({
  secret: keys.id,
  inventory: inventoryHash(facts.plan),
  peers,
});
