/**
 * The lab's network: a bridge inside a network namespace of its own, a tap device for each card of each machine, and an
 * address of this computer in every subnet, so that it can log in. Nothing leads out of the namespace.
 */
import type { Command } from '../engine/command.ts';
import type { InterfacePlan } from '../plan/types.ts';

export interface Lease {
  readonly mac: string;
  /** Without prefix length. */
  readonly address: string;
}

export interface NetworkPlan {
  /** Addresses of this computer on the bridge, with prefix length. */
  readonly own: readonly OwnAddress[];
  readonly taps: readonly string[];
  /** Cards that ask for an address; empty means that nobody answers such questions. */
  readonly leases: readonly Lease[];
}

export interface OwnAddress {
  readonly address: string;
  readonly vlan?: number;
}

const BRIDGE = 'slipway0';

/** Where leased addresses come from. */
const LEASE_NETWORK = '10.77.77';
const LEASE_HOST = `${LEASE_NETWORK}.1/24`;

/** The network for these interfaces, all those of all nodes, and one tap device a card. */
export function planNetwork(
  interfaces: readonly InterfacePlan[],
  cards: readonly { readonly tap: string; readonly mac: string }[],
  dhcp: ReadonlySet<string>,
): NetworkPlan {
  const leases = cards
    .filter(({ mac }) => dhcp.has(mac))
    .map(({ mac }, i) => ({ mac, address: `${LEASE_NETWORK}.${100 + i}` }));
  return {
    own: [...ownAddresses(interfaces), ...(leases.length === 0 ? [] : [{ address: LEASE_HOST }])],
    taps: cards.map(({ tap }) => tap),
    leases,
  };
}

/**
 * One address in each subnet: the nodes' gateway, whom somebody should answer for, or else the highest that no node
 * has.
 */
function ownAddresses(interfaces: readonly InterfacePlan[]): readonly OwnAddress[] {
  const fixed = interfaces.filter(({ address }) => address !== 'dhcp');
  const taken = new Set(fixed.map(({ address }) => numberOf(address)));
  const subnets = new Map(fixed.map((each) => [`${each.vlan ?? 0} ${networkOf(each.address)}`, each]));
  return [...subnets.values()].flatMap(({ address, vlan }) => {
    const gateway = fixed.find(
      (other) => other.gateway !== undefined && networkOf(other.address) === networkOf(address),
    )?.gateway;
    const own = gateway ?? highestFree(address, taken);
    if (own === undefined) return []; // a full subnet: its nodes reach each other all the same
    return [{ address: `${own}/${prefixOf(address)}`, ...(vlan === undefined ? {} : { vlan }) }];
  });
}

function highestFree(address: string, taken: ReadonlySet<number>): string | undefined {
  const network = networkOf(address);
  for (let value = network + sizeOf(address) - 2; value > network; value--) {
    if (!taken.has(value)) return addressText(value);
  }
  return undefined;
}

const prefixOf = (cidr: string): number => Number(cidr.split('/')[1]);
const sizeOf = (cidr: string): number => 2 ** (32 - prefixOf(cidr));
const numberOf = (cidr: string): number =>
  (cidr.split('/')[0] ?? '').split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
const networkOf = (cidr: string): number => Math.floor(numberOf(cidr) / sizeOf(cidr)) * sizeOf(cidr);
const addressText = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

/** Makes the network; to be run inside the namespace, in this order. */
export function networkCommands({ own, taps }: NetworkPlan): readonly Command[] {
  const vlans = [...new Set(own.flatMap(({ vlan }) => vlan ?? []))];
  return [
    ip('link', 'set', 'lo', 'up'),
    ip('link', 'add', BRIDGE, 'type', 'bridge'),
    ip('link', 'set', BRIDGE, 'up'),
    ...vlans.flatMap((id) => [
      ip('link', 'add', 'link', BRIDGE, 'name', vlanDevice(id), 'type', 'vlan', 'id', String(id)),
      ip('link', 'set', vlanDevice(id), 'up'),
    ]),
    ...own.map(({ address, vlan }) =>
      ip('address', 'add', address, 'dev', vlan === undefined ? BRIDGE : vlanDevice(vlan)),
    ),
    ...taps.flatMap((tap) => [
      ip('tuntap', 'add', tap, 'mode', 'tap'),
      ip('link', 'set', tap, 'master', BRIDGE),
      ip('link', 'set', tap, 'up'),
    ]),
  ];
}

const vlanDevice = (id: number): string => `${BRIDGE}.${id}`;
const ip = (...args: readonly string[]): Command => ({ file: 'ip', args, effect: 'write' });

/** Configuration of busybox's udhcpd: every known card always gets the same address, others none. */
export function udhcpdConfig({ leases }: NetworkPlan, folder: string): string {
  const last = leases.length === 0 ? 100 : 99 + leases.length;
  return [
    `interface ${BRIDGE}`,
    `start ${LEASE_NETWORK}.100`,
    `end ${LEASE_NETWORK}.${last}`,
    `lease_file ${folder}/udhcpd.leases`,
    `pidfile ${folder}/udhcpd.pid`,
    'option subnet 255.255.255.0',
    ...leases.map(({ mac, address }) => `static_lease ${mac} ${address}`),
    '',
  ].join('\n');
}
