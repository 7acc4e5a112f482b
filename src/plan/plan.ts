/** From a checked spec to the plan. Pure: the same spec gives the same plan. */
import { resolve } from 'node:path';
import { hostPart } from '../spec/address.ts';
import { diskCountOf, identitiesOf } from '../spec/disks.ts';
import type { RepositorySpec } from '../spec/media-schema.ts';
import type { ClusterSpec, InterfaceSpec, NodeSpec } from '../spec/schema.ts';
import { volumeIdOf } from '../spec/volume-id.ts';
import { planHa } from './ha.ts';
import { hashOf } from './hash.ts';
import { planLayout } from './layout.ts';
import {
  type DiskDemand,
  type HostPlan,
  type InterfacePlan,
  type NodePlan,
  PLAN_VERSION,
  type Plan,
  type RepositoryPlan,
} from './types.ts';

/**
 * Works out the plan of a spec that passed its rules.
 *
 * @param specDir folder of the spec file; `steps` is relative to it.
 */
export function makePlan(spec: ClusterSpec, specDir: string): Plan {
  const content = {
    version: PLAN_VERSION,
    cluster: spec.cluster,
    release: spec.release,
    nodes: spec.nodes.map((node, index) => planNode(spec, node, index)),
    media: {
      volumeId: volumeIdOf(spec),
      default: spec.media.default,
      timeoutSeconds: spec.media.timeout,
    },
    ...(spec.packages.length === 0 ? {} : { packages: spec.packages }),
    ...(spec.repositories.length === 0 ? {} : { repositories: spec.repositories.map(planRepository) }),
  } satisfies Omit<Plan, 'hash' | 'stepsDir'>;
  return {
    ...content,
    // Where the steps lie on this machine is no part of the identity; what is in them is the package's to hash.
    hash: hashOf(content),
    ...(spec.steps === undefined ? {} : { stepsDir: resolve(specDir, spec.steps) }),
  };
}

function planNode(spec: ClusterSpec, node: NodeSpec, index: number): NodePlan {
  const layout = spec.layouts[node.layout];
  const ha = node.role === 'standalone' ? undefined : planHa(spec);
  // Our own bug: the rule `unknown-layout` lets no such spec through.
  if (layout === undefined) throw new Error(`node ${node.name} names the unknown layout ${node.layout}`);
  return {
    version: PLAN_VERSION,
    cluster: spec.cluster,
    name: node.name,
    index,
    role: node.role,
    rank: spec.nodes.filter((other) => other.role === node.role).indexOf(node),
    locale: spec.locale,
    keyboard: spec.keyboard,
    timezone: spec.timezone,
    timeServers: spec.timeServers,
    nameServers: spec.nameServers,
    interfaces: node.interfaces.map(planInterface),
    hosts: spec.nodes.flatMap(hostOf),
    access: {
      ...(spec.access.rootPasswordHash === undefined
        ? {}
        : { rootPasswordHash: spec.access.rootPasswordHash }),
      sshKeys: spec.access.sshKeys,
    },
    disks: planDisks(node),
    layout: planLayout(layout, diskCountOf(node)),
    afterInstall: node.afterInstall,
    kernelArgs: node.kernelArgs,
    ...(ha === undefined ? {} : { ha }),
  };
}

const planRepository = ({ name, url, gpgKey }: RepositorySpec): RepositoryPlan => ({
  name,
  url,
  signed: gpgKey !== undefined,
});

/** A node's address for the others: its first static one. A node that has none is found by DNS or not at all. */
function hostOf(node: NodeSpec): readonly HostPlan[] {
  const first = node.interfaces.find((face) => face.address !== 'dhcp');
  return first === undefined ? [] : [{ name: node.name, address: hostPart(first.address) }];
}

function planInterface({ name, mac, bond, vlan, address, gateway }: InterfaceSpec): InterfacePlan {
  return {
    name,
    ...(mac === undefined ? {} : { mac }),
    ...(bond === undefined ? {} : { bond }),
    ...(vlan === undefined ? {} : { vlan }),
    address,
    ...(gateway === undefined ? {} : { gateway }),
  };
}

function planDisks({ disks }: NodeSpec): DiskDemand {
  if (Array.isArray(disks)) return { kind: 'identified', disks: disks.flatMap(identitiesOf) };
  const { minSize, maxSize, bus, model, rotational } = disks.match;
  const match = {
    ...(minSize === undefined ? {} : { minSizeMiB: minSize }),
    ...(maxSize === undefined ? {} : { maxSizeMiB: maxSize }),
    ...(bus === undefined ? {} : { bus }),
    ...(model === undefined ? {} : { model }),
    ...(rotational === undefined ? {} : { rotational }),
  };
  // A predicate never licenses wiping: what it matches is found out on the machine, not written by a person.
  return { kind: 'matching', count: disks.count, match, wipe: false };
}
