/** Which nodes form a cluster, and over which of their interfaces. */
import type { ClusterSpec, InterfaceSpec, NodeSpec } from './schema.ts';

export interface Member {
  readonly node: NodeSpec;
  /** Position among all nodes. */
  readonly index: number;
}

/** The nodes that form the cluster, in the order of the spec; none where every node is by itself. */
export function membersOf(spec: Pick<ClusterSpec, 'nodes'>): readonly Member[] {
  return spec.nodes.flatMap((node, index) => (node.role === 'standalone' ? [] : [{ node, index }]));
}

export type LinkUse = NonNullable<InterfaceSpec['use']>[number];

/** The interfaces a node uses for something: those that say so, else its first one with a static address. */
export function linksFor({ interfaces }: NodeSpec, use: LinkUse): readonly InterfaceSpec[] {
  const said = interfaces.filter((face) => face.use?.includes(use) === true);
  if (said.length > 0) return said;
  return interfaces.filter(({ address }) => address !== 'dhcp').slice(0, 1);
}
