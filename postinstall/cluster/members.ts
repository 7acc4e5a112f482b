/** Who is who in the cluster, seen from this node. */
import { StepFailure } from '../../src/engine/failure.ts';
import type { HaMember, HaPlan, NodePlan, ReplicationPlan } from '../../src/plan/types.ts';
import type { NodeFacts } from '../agent-step.ts';

export interface Membership {
  readonly cluster: string;
  readonly ha: HaPlan;
  readonly self: HaMember;
  readonly peers: readonly HaMember[];
  /** Position of this node among the members. */
  readonly rank: number;
  /** The first member: it alone does what concerns all of them. */
  readonly leader: HaMember;
}

/** Throws a StepFailure of class `config-invalid` where the plan does not make this node a member. */
export function membership({ plan }: NodeFacts): Membership {
  const { ha } = plan;
  const rank = ha?.members.findIndex(({ name }) => name === plan.name) ?? -1;
  const self = ha?.members[rank];
  const leader = ha?.members[0];
  if (ha === undefined || self === undefined || leader === undefined)
    throw new StepFailure('config-invalid', `the plan does not make ${plan.name} a member of a cluster`);
  return {
    cluster: plan.cluster,
    ha,
    self,
    rank,
    leader,
    peers: ha.members.filter((member) => member !== self),
  };
}

export interface Pair extends Membership {
  readonly replication: ReplicationPlan;
  readonly peer: HaMember;
  /** The block device under DRBD. */
  readonly disk: string;
}

/** The same for two nodes that replicate their clustered volume. */
export function pairOf(facts: NodeFacts): Pair {
  const members = membership(facts);
  const { replication } = members.ha;
  const [peer, ...others] = members.peers;
  const disk = clusteredDevice(facts.plan);
  if (replication === undefined || peer === undefined || others.length > 0 || disk === undefined)
    throw new StepFailure('config-invalid', 'replication takes two members and a clustered volume');
  return { ...members, replication, peer, disk };
}

/** DRBD's device; one resource is all there is. */
export const REPLICATED_DEVICE = '/dev/drbd0';
export const REPLICATED_MINOR = 0;

function clusteredDevice({ layout }: NodePlan): string | undefined {
  const array = layout.arrays.find(({ role }) => role === 'clustered');
  if (array !== undefined) return `/dev/md/${array.name}`;
  const partition = layout.partitions.find(({ role }) => role === 'clustered');
  return partition === undefined ? undefined : `/dev/disk/by-partlabel/${partition.gptName}`;
}
