/** Rules about nodes: their names, roles and layouts. */
import type { Rule } from '../finding.ts';
import { suggest } from '../suggest.ts';
import { repeated } from './repeated.ts';

/** Names the boot menu or the network gives a meaning of their own. */
const RESERVED_NAMES = ['disk', 'by-mac', 'rescue', 'localhost'];

const uniqueNames: Rule = (spec) =>
  repeated(
    spec.nodes.map((node, i) => ({ node, i })),
    ({ node }) => node.name,
  ).map(({ first, again }) => ({
    path: ['nodes', again.i, 'name'],
    rule: 'duplicate-name',
    message: `two nodes are named '${again.node.name}' (the other is node ${first.i + 1} of the list)`,
    hint: 'give each node a name of its own',
  }));

const freeNames: Rule = (spec) =>
  spec.nodes.flatMap(({ name }, i) =>
    RESERVED_NAMES.includes(name)
      ? [
          {
            path: ['nodes', i, 'name'],
            rule: 'reserved-name',
            message: `'${name}' cannot name a node: it means something else in the boot menu or on the network`,
          },
        ]
      : [],
  );

const pairIsTwo: Rule = (spec) => {
  const pair = spec.nodes.flatMap((node, i) => (node.role === 'ha-pair' ? [i] : []));
  const last = pair.at(-1);
  if (last === undefined || pair.length === 2) return [];
  return [
    {
      path: ['nodes', last, 'role'],
      rule: 'pair-size',
      message: `an ha-pair has exactly 2 nodes, here ${pair.length === 1 ? 'is 1' : `are ${pair.length}`}`,
      hint:
        pair.length === 1
          ? 'add its peer, or make it standalone'
          : 'make the others standalone, or give them a spec of their own',
    },
  ];
};

const knownLayout: Rule = (spec) => {
  const names = Object.keys(spec.layouts);
  return spec.nodes.flatMap((node, i) => {
    if (names.includes(node.layout)) return [];
    const similar = suggest(node.layout, names);
    return [
      {
        path: ['nodes', i, 'layout'],
        rule: 'unknown-layout',
        message: `there is no layout '${node.layout}'`,
        hint:
          similar === undefined
            ? `layouts here: ${names.join(', ') || 'none'}`
            : `did you mean '${similar}'?`,
      },
    ];
  });
};

const usedLayouts: Rule = (spec) =>
  Object.keys(spec.layouts)
    .filter((name) => spec.nodes.every((node) => node.layout !== name))
    .map((name) => ({
      path: ['layouts', name],
      at: 'key' as const,
      severity: 'warning' as const,
      rule: 'unused-layout',
      message: `no node uses the layout '${name}'`,
    }));

const clusteredWhereReplicated: Rule = (spec) =>
  spec.nodes.flatMap((node, i) => {
    const layout = spec.layouts[node.layout];
    if (layout === undefined) return [];
    const count = layout.volumes.filter((volume) => volume.role === 'clustered').length;
    if (node.role === 'ha-pair' && count === 0) {
      return [
        {
          path: ['nodes', i, 'layout'],
          rule: 'no-clustered',
          message: `'${node.name}' is half of an ha-pair, but its layout has no clustered volume to replicate`,
          hint: 'add a volume of role clustered to the layout',
        },
      ];
    }
    if (node.role !== 'ha-pair' && count > 0) {
      return [
        {
          path: ['nodes', i, 'layout'],
          rule: 'needless-clustered',
          message: `'${node.name}' ${node.role === 'standalone' ? 'is standalone' : 'is no half of an ha-pair'}, but its layout has a clustered volume that nobody replicates`,
          hint: 'give that volume the role data, or the node the role ha-pair',
        },
      ];
    }
    return [];
  });

export const nodeRules: readonly Rule[] = [
  uniqueNames,
  freeNames,
  pairIsTwo,
  knownLayout,
  usedLayouts,
  clusteredWhereReplicated,
];
