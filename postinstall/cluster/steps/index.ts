/** The steps of a node that belongs to a cluster, in the order they run. */
import type { HaPlan } from '../../../src/plan/types.ts';
import type { AgentStep } from '../../agent-step.ts';
import { checkMembers } from './check-members.ts';
import { connectReplication } from './connect-replication.ts';
import { createMetadata } from './create-metadata.ts';
import { enrolPeers } from './enrol-peers.ts';
import { makeFileSystem } from './make-file-system.ts';
import { proveFailover } from './prove-failover.ts';
import { registerFencing } from './register-fencing.ts';
import { startAtBoot } from './start-at-boot.ts';
import { startCorosync } from './start-corosync.ts';
import { startPacemaker } from './start-pacemaker.ts';
import { synchroniseData } from './synchronise-data.ts';
import { takeJoinSecret } from './take-join-secret.ts';
import { writeReplication } from './write-replication.ts';
import { writeResources } from './write-resources.ts';

const REPLICATION: readonly AgentStep[] = [
  writeReplication,
  createMetadata,
  connectReplication,
  synchroniseData,
  makeFileSystem,
];

/**
 * None for a node by itself. They come after `before`, the steps of every node.
 *
 * The cluster is started before its data: whether Pacemaker or the agent connects DRBD is Pacemaker's to know. The other
 * way round two nodes that lost their power half-way wait for each other for ever, one with its Pacemaker for a quorum,
 * the other one, which has not started its own yet, for the first one's DRBD.
 */
export function clusterSteps(ha: HaPlan | undefined, before: readonly string[]): readonly AgentStep[] {
  if (ha === undefined) return [];
  const data = ha.replication === undefined ? [] : REPLICATION;
  return [
    { ...checkMembers, after: before },
    { ...takeJoinSecret, after: [checkMembers.id] },
    enrolPeers,
    startCorosync,
    startPacemaker,
    ...data,
    { ...registerFencing, after: [data.at(-1)?.id ?? startPacemaker.id] },
    writeResources,
    startAtBoot,
    proveFailover,
  ];
}
