/** Rules about interfaces and addresses. */
import { hostPart, inSubnet, ipv4Text, reservedAs, subnetOf, subnetText } from '../address.ts';
import type { KeyPath, Rule } from '../finding.ts';
import type { ClusterSpec, InterfaceSpec, NodeSpec } from '../schema.ts';
import { repeated } from './repeated.ts';

interface Place {
  readonly node: NodeSpec;
  readonly nodeIndex: number;
  readonly face: InterfaceSpec;
  readonly path: KeyPath;
}

function places(spec: ClusterSpec): readonly Place[] {
  return spec.nodes.flatMap((node, nodeIndex) =>
    node.interfaces.map((face, i) => ({
      node,
      nodeIndex,
      face,
      path: ['nodes', nodeIndex, 'interfaces', i],
    })),
  );
}

const uniqueInterfaceNames: Rule = (spec) =>
  repeated(places(spec), ({ nodeIndex, face }) => `${nodeIndex} ${face.name}`).map(({ again }) => ({
    path: [...again.path, 'name'],
    rule: 'duplicate-name',
    message: `'${again.node.name}' has two interfaces named '${again.face.name}'`,
  }));

const oneSource: Rule = (spec) =>
  places(spec)
    .filter(({ face }) => face.mac !== undefined && face.bond !== undefined)
    .map(({ face, path }) => ({
      path: [...path, 'bond'],
      at: 'key' as const,
      rule: 'mac-or-bond',
      message: `interface '${face.name}' has both a mac and a bond`,
      hint: "list the card's MAC address under bond.macs",
    }));

const soleWhenNameless: Rule = (spec) =>
  places(spec)
    .filter(
      ({ node, face }) => node.interfaces.length > 1 && face.mac === undefined && face.bond === undefined,
    )
    .map(({ node, face, path }) => ({
      path: [...path, 'name'],
      rule: 'missing-mac',
      message: `'${node.name}' has ${node.interfaces.length} interfaces, but '${face.name}' does not say which card it is`,
      hint: 'give it a mac',
    }));

/** VLANs of one node may share a card; nothing else may. */
const uniqueMacs: Rule = (spec) => {
  const cards = places(spec).flatMap((place) => [
    ...(place.face.mac === undefined ? [] : [{ place, mac: place.face.mac, path: [...place.path, 'mac'] }]),
    ...(place.face.bond?.macs ?? []).map((mac, i) => ({
      place,
      mac,
      path: [...place.path, 'bond', 'macs', i],
    })),
  ]);
  return repeated(cards, ({ mac }) => mac)
    .filter(({ first, again }) => !sharesCard(first.place, again.place))
    .map(({ first, again }) => ({
      path: again.path,
      rule: 'duplicate-mac',
      message: `the MAC address ${again.mac} belongs to '${first.place.node.name}' already (interface '${first.place.face.name}')`,
      hint: 'give each card the address printed on it',
    }));
};

function sharesCard(a: Place, b: Place): boolean {
  return a.node === b.node && a.path !== b.path && a.face.vlan !== b.face.vlan;
}

const uniqueAddresses: Rule = (spec) =>
  repeated(
    places(spec).filter(({ face }) => face.address !== 'dhcp'),
    ({ face }) => hostPart(face.address),
  ).map(({ first, again }) => ({
    path: [...again.path, 'address'],
    rule: 'duplicate-address',
    message: `the address ${hostPart(again.face.address)} belongs to '${first.node.name}' already (interface '${first.face.name}')`,
    hint: 'give each interface an address of its own',
  }));

const addressInSubnet: Rule = (spec) =>
  places(spec).flatMap(({ face, path }) => {
    if (face.address === 'dhcp') return [];
    const what = reservedAs(face.address);
    if (what === undefined) return [];
    const subnet = subnetOf(face.address);
    return [
      {
        path: [...path, 'address'],
        rule: 'address-not-in-subnet',
        message: `${hostPart(face.address)} is the ${what} address of ${subnetText(subnet)}, not a host's`,
        hint: `use ${ipv4Text(subnet.network + 1)} to ${ipv4Text(subnet.broadcast - 1)}`,
      },
    ];
  });

const gatewayInSubnet: Rule = (spec) =>
  places(spec).flatMap(({ face, path }) => {
    if (face.gateway === undefined) return [];
    const gateway = [...path, 'gateway'];
    if (face.address === 'dhcp') {
      return [
        {
          path: gateway,
          rule: 'gateway-with-dhcp',
          message: `interface '${face.name}' gets its gateway by DHCP, so none is set here`,
          hint: 'remove the gateway, or give the interface a static address',
        },
      ];
    }
    const subnet = subnetOf(face.address);
    if (!inSubnet(face.gateway, subnet)) {
      return [
        {
          path: gateway,
          rule: 'gateway-not-in-subnet',
          message: `the gateway ${face.gateway} is not in ${subnetText(subnet)}, the subnet of '${face.name}'`,
        },
      ];
    }
    if (face.gateway !== hostPart(face.address)) return [];
    return [{ path: gateway, rule: 'gateway-not-in-subnet', message: `'${face.name}' is its own gateway` }];
  });

const oneGateway: Rule = (spec) =>
  repeated(
    places(spec).filter(({ face }) => face.gateway !== undefined),
    ({ nodeIndex }) => String(nodeIndex),
  ).map(({ first, again }) => ({
    path: [...again.path, 'gateway'],
    rule: 'two-gateways',
    message: `'${again.node.name}' has a gateway on '${first.face.name}' already`,
    hint: 'keep the one that leads to the default route',
  }));

export const networkRules: readonly Rule[] = [
  uniqueInterfaceNames,
  oneSource,
  soleWhenNameless,
  uniqueMacs,
  uniqueAddresses,
  addressInSubnet,
  gatewayInSubnet,
  oneGateway,
];
