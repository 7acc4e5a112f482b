/** Rules about the links between the nodes of a cluster. */
import { subnetOf, subnetText } from '../address.ts';
import type { Finding, KeyPath, Rule } from '../finding.ts';
import { type LinkUse, linksFor, type Member, membersOf } from '../members.ts';
import type { ClusterSpec, InterfaceSpec } from '../schema.ts';

/** What corosync takes at most here: it knows up to eight links, of which nobody has more than two. */
const MOST_LINKS: Readonly<Record<LinkUse, number>> = { cluster: 2, replication: 1 };

const facePath = ({ node, index }: Member, face: InterfaceSpec): KeyPath => [
  ...['nodes', index, 'interfaces', node.interfaces.indexOf(face)],
];

const usesOf = (spec: ClusterSpec): readonly LinkUse[] =>
  membersOf(spec).some(({ node }) => node.role === 'ha-pair') ? ['cluster', 'replication'] : ['cluster'];

/** A `use` where there is nothing to use it for. */
const neededUses: Rule = (spec) =>
  spec.nodes.flatMap((node, index) =>
    node.interfaces.flatMap((face): readonly Finding[] => {
      const path = [...facePath({ node, index }, face), 'use'];
      if (face.use === undefined) return [];
      if (node.role === 'standalone') {
        return [
          { path, at: 'key', rule: 'needless-use', message: `'${node.name}' is standalone and has no links` },
        ];
      }
      if (node.role === 'ha-pair' || !face.use.includes('replication')) return [];
      return [
        {
          path,
          rule: 'needless-use',
          message: `'${node.name}' replicates nothing: it has the role cluster`,
          hint: 'two nodes of role ha-pair replicate a volume',
        },
      ];
    }),
  );

/** Nodes that find each other need addresses that stay. */
const fixedAddresses: Rule = (spec) =>
  membersOf(spec).flatMap((member): readonly Finding[] => {
    const { node, index } = member;
    const asking = node.interfaces.filter(({ use, address }) => use !== undefined && address === 'dhcp');
    if (asking.length === 0 && linksFor(node, 'cluster').length === 0) {
      return [
        {
          path: ['nodes', index, 'interfaces'],
          at: 'key',
          rule: 'link-address',
          message: `'${node.name}' is to form a cluster and has no static address that its peers can find`,
          hint: 'give one of its interfaces an address with prefix length',
        },
      ];
    }
    return asking.map((face) => ({
      path: [...facePath(member, face), 'address'],
      rule: 'link-address',
      message: `'${face.name}' of '${node.name}' links the cluster, so its address cannot change by DHCP`,
      hint: 'give it a static address with prefix length',
    }));
  });

const fewLinks: Rule = (spec) =>
  membersOf(spec).flatMap((member) =>
    usesOf(spec).flatMap((use) =>
      linksFor(member.node, use)
        .slice(MOST_LINKS[use])
        .map((face) => ({
          path: [...facePath(member, face), 'use'],
          rule: 'link-count',
          message: `'${member.node.name}' has more than ${MOST_LINKS[use]} interface${MOST_LINKS[use] === 1 ? '' : 's'} for ${use}`,
        })),
    ),
  );

/** Link by link the nodes are compared with the first of them. */
const sameLinks: Rule = (spec) => {
  const [first, ...others] = membersOf(spec);
  if (first === undefined) return [];
  return others.flatMap((other) => usesOf(spec).flatMap((use) => differences(first, other, use).slice(0, 1)));
};

function differences(first: Member, other: Member, use: LinkUse): readonly Finding[] {
  const wanted = linksFor(first.node, use);
  const links = linksFor(other.node, use);
  if (wanted.length === 0 || links.length === 0) return [];
  if (links.length !== wanted.length) {
    return [
      {
        path: ['nodes', other.index, 'interfaces'],
        at: 'key',
        rule: 'link-count',
        message: `'${other.node.name}' has ${links.length} interface${links.length === 1 ? '' : 's'} for ${use}, '${first.node.name}' has ${wanted.length}`,
        hint: "say the same 'use' at the interfaces of all nodes",
      },
    ];
  }
  return links.flatMap((face, i): readonly Finding[] => {
    const its = wanted[i];
    if (its === undefined || its.address === 'dhcp' || face.address === 'dhcp') return [];
    const [here, there] = [face, its].map(({ address }) => subnetText(subnetOf(address)));
    if (here === there) return [];
    return [
      {
        path: [...facePath(other, face), 'address'],
        rule: 'link-subnet',
        message: `'${other.node.name}' is in ${here}, its peer '${first.node.name}' in ${there}`,
        hint: `put the interfaces for ${use} of all nodes into one subnet`,
      },
    ];
  });
}

/** The same difference is told once, though both uses may have it. */
const once =
  (rule: Rule): Rule =>
  (spec) => {
    const seen = new Set<string>();
    return rule(spec).filter(({ path }) => {
      const known = seen.has(path.join('\0'));
      seen.add(path.join('\0'));
      return !known;
    });
  };

export const linkRules: readonly Rule[] = [neededUses, fixedAddresses, fewLinks, once(sameLinks)];
