/** From the spec's `ha` to what every member is told. Pure. */
import { hostPart } from '../spec/address.ts';
import type { FenceDeviceSpec, HaSpec } from '../spec/ha-schema.ts';
import { linksFor, type Member, membersOf } from '../spec/members.ts';
import { clusteredMount } from '../spec/mounts.ts';
import type { ClusterSpec } from '../spec/schema.ts';
import {
  AGENT_PORT,
  type FenceDevicePlan,
  type FencingPlan,
  type HaMember,
  type HaPlan,
  type ReplicationPlan,
  SPLIT_BRAIN_ACCEPTED,
} from './types.ts';

/** UDP port of corosync's first link; a second one has the next (corosync.conf(5), `mcastport`). */
const COROSYNC_PORT = 5405;
/** DRBD's own advice: ports from 7788 on. */
const REPLICATION_PORT = 7788;
const RESOURCE = 'slipway';

/** The same plan for every member; undefined for a spec whose nodes are each by itself. */
export function planHa(spec: ClusterSpec): HaPlan | undefined {
  const members = membersOf(spec);
  if (spec.ha === undefined || members.length === 0) return undefined;
  const replication = planReplication(spec, members);
  return {
    members: members.map(planMember),
    ...(replication === undefined ? {} : { replication }),
    fencing: planFencing(spec.ha.fencing),
    ...(spec.ha.vip === undefined ? {} : { vip: planAddress(spec.ha.vip) }),
    services: spec.ha.services,
  };
}

function planMember({ node }: Member, rank: number): HaMember {
  const [first, ...others] = linksFor(node, 'cluster').map(({ address }) => hostPart(address));
  const replication = linksFor(node, 'replication')[0];
  // Our own bug: the rule `link-address` lets no such spec through.
  if (first === undefined || replication === undefined) throw new Error(`${node.name} has no link`);
  return {
    name: node.name,
    id: rank + 1,
    links: [first, ...others],
    replication: hostPart(replication.address),
  };
}

function planReplication(spec: ClusterSpec, [first]: readonly Member[]): ReplicationPlan | undefined {
  if (first?.node.role !== 'ha-pair') return undefined;
  const volume = spec.layouts[first.node.layout]?.volumes.find(({ role }) => role === 'clustered');
  if (volume === undefined) throw new Error(`${first.node.name} has no clustered volume`);
  return {
    resource: RESOURCE,
    port: REPLICATION_PORT,
    fileSystem: volume.fileSystem ?? 'ext4',
    mountPoint: clusteredMount(volume),
  };
}

function planFencing(fencing: HaSpec['fencing']): FencingPlan {
  if (typeof fencing === 'string') return { kind: 'none', accepted: SPLIT_BRAIN_ACCEPTED };
  if (Array.isArray(fencing)) return { kind: 'devices', devices: fencing.map(planDevice) };
  return { kind: 'sbd', watchdog: fencing.watchdog, disks: fencing.disks };
}

const planDevice = ({ node, kind, address, port, user, plug }: FenceDeviceSpec): FenceDevicePlan => ({
  node,
  kind,
  address,
  ...(port === undefined ? {} : { port }),
  ...(user === undefined ? {} : { user }),
  ...(plug === undefined ? {} : { plug }),
});

function planAddress(cidr: string): NonNullable<HaPlan['vip']> {
  return { address: hostPart(cidr), prefixLength: Number(cidr.split('/')[1]) };
}

/** What the members let in from each other, as `PORT/PROTOCOL`. */
export function memberPorts({ members, replication }: HaPlan): readonly string[] {
  const links = Math.max(...members.map((member) => member.links.length));
  return [
    `${AGENT_PORT}/tcp`,
    ...(replication === undefined ? [] : [`${replication.port}/tcp`]),
    ...Array.from({ length: links }, (_, link) => `${COROSYNC_PORT + link}/udp`),
  ];
}

/** Every address a member speaks from, without repetition. */
export const memberAddresses = ({ members }: HaPlan): readonly string[] => [
  ...new Set(members.flatMap(({ links, replication }) => [...links, replication])),
];
