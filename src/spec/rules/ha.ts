/** Rules about nodes that form a cluster: how many, what they run, and how one that does not answer is made harmless. */
import { hostPart, reservedAs, subnetOf, subnetText } from '../address.ts';
import type { Finding, Rule } from '../finding.ts';
import { NO_FENCING } from '../formats.ts';
import type { FenceDeviceSpec } from '../ha-schema.ts';
import { membersOf } from '../members.ts';
import { clusteredMount } from '../mounts.ts';
import type { ClusterSpec, VolumeSpec } from '../schema.ts';
import { suggest } from '../suggest.ts';
import { listedTwice, repeated } from './repeated.ts';

/** Two nodes are a pair; corosync is tested with up to 16 by those who sell it. */
const CLUSTER_SIZE = { least: 3, most: 16 };

const oneCluster: Rule = (spec) => {
  const [first, ...others] = membersOf(spec);
  return others
    .filter(({ node }) => node.role !== first?.node.role)
    .slice(0, 1)
    .map(({ node, index }) => ({
      path: ['nodes', index, 'role'],
      rule: 'two-clusters',
      message: `'${first?.node.name}' has the role ${first?.node.role}, '${node.name}' ${node.role}: a spec makes one cluster`,
      hint: 'give the others a spec of their own',
    }));
};

const clusterSize: Rule = (spec) => {
  const members = membersOf(spec).filter(({ node }) => node.role === 'cluster');
  const last = members.at(-1);
  const { least, most } = CLUSTER_SIZE;
  if (last === undefined || (members.length >= least && members.length <= most)) return [];
  return [
    {
      path: ['nodes', last.index, 'role'],
      rule: 'cluster-size',
      message: `a cluster has ${least} to ${most} nodes, here ${members.length === 1 ? 'is 1' : `are ${members.length}`}`,
      ...(members.length === 2 ? { hint: 'two nodes are an ha-pair' } : {}),
    },
  ];
};

const saidWhereNeeded: Rule = (spec) => {
  const [first] = membersOf(spec);
  if (first !== undefined && spec.ha === undefined) {
    return [
      {
        path: ['nodes', first.index, 'role'],
        rule: 'no-fencing',
        message: "the spec has no 'ha', so nothing says how a node that does not answer is made harmless",
        hint: `add ha: with fencing: and a device for each node, or the words ${NO_FENCING}`,
      },
    ];
  }
  if (first !== undefined || spec.ha === undefined) return [];
  return [
    {
      path: ['ha'],
      at: 'key',
      rule: 'needless-ha',
      message: 'no node has the role ha-pair or cluster, so nobody forms one',
      hint: 'give the nodes a role, or remove the key',
    },
  ];
};

/** It is one volume: what stands at one node's half of it holds for both. */
const sameVolume: Rule = (spec) => {
  const halves = membersOf(spec).flatMap(({ node }) => {
    const volumes = spec.layouts[node.layout]?.volumes ?? [];
    const i = volumes.findIndex(({ role }) => role === 'clustered');
    const volume = volumes[i];
    return volume === undefined ? [] : [{ node, volume, path: ['layouts', node.layout, 'volumes', i] }];
  });
  const [first, ...others] = halves;
  return others.flatMap(({ node, volume, path }): readonly Finding[] => {
    if (first === undefined || volume === first.volume) return [];
    const said = ({ fileSystem = 'ext4', ...rest }: VolumeSpec): string =>
      `${fileSystem} at ${clusteredMount(rest)}`;
    if (said(volume) === said(first.volume)) return [];
    return [
      {
        path,
        rule: 'clustered-differs',
        message: `'${node.name}' has ${said(volume)} on the clustered volume, '${first.node.name}' ${said(first.volume)}`,
        hint: 'both replicate the same one: give it one file system and one mount',
      },
    ];
  });
};

const devicesOf = ({ ha }: ClusterSpec): readonly FenceDeviceSpec[] =>
  Array.isArray(ha?.fencing) ? ha.fencing : [];

const deviceForEach: Rule = (spec) => {
  const devices = devicesOf(spec);
  const names = membersOf(spec).map(({ node }) => node.name);
  const unknown = devices.flatMap(({ node }, i): readonly Finding[] => {
    if (names.includes(node) || names.length === 0) return [];
    const similar = suggest(node, names);
    const known = `the cluster has ${names.join(', ')}`;
    return [
      {
        path: ['ha', 'fencing', i, 'node'],
        rule: 'unknown-node',
        message: `no node of the cluster is called '${node}'`,
        hint: similar === undefined ? known : `did you mean '${similar}'?`,
      },
    ];
  });
  const twice = repeated(
    devices.map((device, i) => ({ ...device, i })),
    ({ node }) => node,
  ).map(({ again }) => ({
    path: ['ha', 'fencing', again.i, 'node'],
    rule: 'duplicate-device',
    message: `'${again.node}' has a fence device already`,
    hint: 'keep the one that surely works',
  }));
  const without = names.filter((name) => devices.every(({ node }) => node !== name));
  const missing =
    devices.length === 0 || without.length === 0
      ? []
      : [
          {
            path: ['ha', 'fencing'],
            at: 'key' as const,
            rule: 'unfenced-node',
            message: `nothing switches ${without.map((name) => `'${name}'`).join(' and ')} off`,
            hint: 'add a device for each node',
          },
        ];
  return [...unknown, ...twice, ...missing];
};

interface KindOfDevice {
  readonly by: 'host' | 'URL';
  readonly needs: readonly ('user' | 'port' | 'plug')[];
  readonly takes: readonly ('user' | 'port' | 'plug')[];
}

/** What the fence agents want to know: fence_ipmilan(8), fence_redfish(8), fence_virsh(8), and our own for labs. */
const DEVICES: Readonly<Record<FenceDeviceSpec['kind'], KindOfDevice>> = {
  ipmi: { by: 'host', needs: ['user'], takes: ['user', 'port'] },
  redfish: { by: 'host', needs: ['user'], takes: ['user', 'port', 'plug'] },
  libvirt: { by: 'host', needs: ['user'], takes: ['user', 'port', 'plug'] },
  'lab-switch': { by: 'URL', needs: [], takes: ['plug'] },
};

const keysFitDevice: Rule = (spec) =>
  devicesOf(spec).flatMap((device, i) => {
    const { by, needs, takes } = DEVICES[device.kind];
    const path = ['ha', 'fencing', i];
    const missing = needs
      .filter((key) => device[key] === undefined)
      .map((key): Finding => {
        const message = `the ${device.kind} device of '${device.node}' has no '${key}'`;
        return {
          path,
          rule: 'missing-key',
          message,
          hint: `add ${key}: fence, whose password travels apart`,
        };
      });
    const needless = (['user', 'port', 'plug'] as const)
      .filter((key) => device[key] !== undefined && !takes.includes(key))
      .map((key): Finding => {
        const message = `'${key}' is not for a device of kind ${device.kind}`;
        return { path: [...path, key], at: 'key', rule: 'key-not-for-device', message };
      });
    const isUrl = device.address.startsWith('http://');
    if (isUrl === (by === 'URL')) return [...missing, ...needless];
    const message = `the address of a device of kind ${device.kind} is a ${by}, not '${device.address}'`;
    return [...missing, ...needless, { path: [...path, 'address'], rule: 'bad-address', message }];
  });

const addressOfService: Rule = (spec) => {
  const vip = spec.ha?.vip;
  if (vip === undefined) return [];
  const path = ['ha', 'vip'];
  const taken = spec.nodes.flatMap(({ name, interfaces }) =>
    interfaces.flatMap(({ address, gateway }) => [
      ...(address === 'dhcp' ? [] : [{ address: hostPart(address), whose: `'${name}'` }]),
      ...(gateway === undefined ? [] : [{ address: gateway, whose: 'a gateway' }]),
    ]),
  );
  const owner = taken.find(({ address }) => address === hostPart(vip));
  if (owner !== undefined) {
    const message = `${hostPart(vip)} is the address of ${owner.whose} already`;
    return [{ path, rule: 'duplicate-address', message, hint: 'the address that moves belongs to no node' }];
  }
  const text = subnetText(subnetOf(vip));
  const what = reservedAs(vip);
  if (what !== undefined) {
    const message = `${hostPart(vip)} is the ${what} address of ${text}, not a host's`;
    return [{ path, rule: 'address-not-in-subnet', message }];
  }
  const outside = membersOf(spec).filter(({ node }) =>
    node.interfaces.every(({ address }) => address === 'dhcp' || subnetText(subnetOf(address)) !== text),
  );
  if (outside.length === 0) return [];
  const names = outside.map(({ node }) => `'${node.name}'`).join(' and ');
  const message = `${names} ${outside.length === 1 ? 'has' : 'have'} no static address in ${text}, where the service's is`;
  return [
    { path, rule: 'vip-not-in-subnet', message, hint: 'take an address of a subnet that all of them are in' },
  ];
};

const distinctServices: Rule = (spec) => listedTwice(spec.ha?.services ?? [], ['ha', 'services']);

export const haRules: readonly Rule[] = [
  oneCluster,
  clusterSize,
  saidWhereNeeded,
  sameVolume,
  deviceForEach,
  keysFitDevice,
  addressOfService,
  distinctServices,
];
