/** The `network` lines of a kickstart. Pure; network-files.ts writes what systemd-networkd reads. */
import { isIPv4, isIPv6 } from 'node:net';
import type { Problem } from '../errors/problem.ts';
import type { CommandLine, Place } from '../kickstart/types.ts';
import { flag, list, number, option, problemAt, text } from './command-words.ts';
import { unknownPortOptions } from './network-files.ts';

export interface NetworkConfig {
  /** `mac` with colons, an interface's name, or `link`: the first wired interface. */
  readonly device: string;
  /** IPv4 by DHCP, and IPv6 where a router says so. */
  readonly dhcp: boolean;
  /** False switches it off altogether. */
  readonly ipv6: boolean;
  /** IPv4, with prefix length. */
  readonly address?: string;
  readonly gateway?: string;
  /** Beside what routers announce: DHCPv6, or an address with prefix length. */
  readonly ipv6Method?: 'dhcp' | 'static';
  readonly address6?: string;
  readonly gateway6?: string;
  readonly nameServers: readonly string[];
  readonly mtu?: number;
  /** Never a way to other networks. */
  readonly noDefaultRoute?: true;
  /** Name servers that DHCP or routers offer are not used. */
  readonly ignoreOfferedDns?: true;
  /** Sent to the DHCP server. */
  readonly dhcpClass?: string;
  /** Set up, but not when the machine starts. */
  readonly manual?: true;
  readonly vlan?: number;
  /** The VLAN's interface name, if the kickstart gives one. */
  readonly interfaceName?: string;
  /** The device is a bond of these. */
  readonly bond?: { readonly ports: readonly string[]; readonly options: readonly string[] };
  /** The device is a bridge of these. */
  readonly bridge?: { readonly ports: readonly string[]; readonly options: readonly string[] };
}

const HOST_NAME = /^[a-z\d]([a-z\d-]{0,61}[a-z\d])?(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*$/i;
const NO = /^(no|off|false|0)$/i;

export function readNetwork(commands: readonly CommandLine[]): {
  readonly hostname?: string;
  readonly interfaces: readonly NetworkConfig[];
  readonly problems: readonly Problem[];
} {
  const lines = commands.filter(({ name }) => name === 'network');
  const hostname = lines.flatMap((command) => text(command, '--hostname') ?? []).at(-1);
  return {
    ...(hostname === undefined ? {} : { hostname }),
    interfaces: lines.flatMap((command) => networkConfig(command) ?? []),
    problems: [...lines.flatMap(networkProblems), ...repeatedNetworks(lines)],
  };
}

/** Undefined for a line that only sets the host name. */
function networkConfig(command: CommandLine): NetworkConfig | undefined {
  const device = text(command, '--device');
  const ip = text(command, '--ip');
  if (device === undefined && ip === undefined && !command.options.has('--bootproto')) return undefined;
  const gateway = text(command, '--gateway');
  const vlan = number(command, '--vlanid');
  const mtu = number(command, '--mtu');
  const dhcpClass = text(command, '--dhcpclass');
  const interfaceName = text(command, '--interfacename');
  const bond = list(command, '--bondslaves');
  const bridge = list(command, '--bridgeslaves');
  const ignoreDns = ['--nodns', '--ipv4-ignore-auto-dns', '--ipv6-ignore-auto-dns'];
  return {
    device: device ?? 'link',
    dhcp: ip === undefined && !flag(command, '--noipv4'),
    ipv6: !flag(command, '--noipv6'),
    ...(ip === undefined ? {} : { address: `${ip}/${prefixLength(text(command, '--netmask') ?? '') ?? 32}` }),
    ...(gateway === undefined ? {} : { gateway }),
    ...ipv6Config(command),
    nameServers: list(command, '--nameserver'),
    ...(mtu === undefined ? {} : { mtu }),
    ...(flag(command, '--nodefroute') ? { noDefaultRoute: true } : {}),
    ...(ignoreDns.some((name) => flag(command, name)) ? { ignoreOfferedDns: true } : {}),
    ...(dhcpClass === undefined ? {} : { dhcpClass }),
    ...(NO.test(text(command, '--onboot') ?? '') ? { manual: true } : {}),
    ...(vlan === undefined ? {} : { vlan }),
    ...(interfaceName === undefined ? {} : { interfaceName }),
    ...(bond.length === 0 ? {} : { bond: { ports: bond, options: list(command, '--bondopts') } }),
    ...(bridge.length === 0 ? {} : { bridge: { ports: bridge, options: list(command, '--bridgeopts') } }),
  };
}

/** `--ipv6=auto` is what happens anyway. */
function ipv6Config(command: CommandLine): Pick<NetworkConfig, 'ipv6Method' | 'address6' | 'gateway6'> {
  const given = text(command, '--ipv6');
  const gateway6 = text(command, '--ipv6gateway');
  const gateway = gateway6 === undefined ? {} : { gateway6 };
  if (given === undefined || given === 'auto') return gateway;
  if (given === 'dhcp') return { ipv6Method: 'dhcp', ...gateway };
  return { ipv6Method: 'static', address6: given.includes('/') ? given : `${given}/64`, ...gateway };
}

/** `255.255.255.0` → 24; undefined for what is no netmask. */
export function prefixLength(netmask: string): number | undefined {
  const octets = netmask.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !(octet >= 0 && octet <= 255))) return undefined;
  const bits = octets.map((octet) => octet.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined;
}

function networkProblems(command: CommandLine): readonly Problem[] {
  const problems: Problem[] = [];
  const refuse = (place: Place, message: string, hint?: string): void => {
    problems.push(problemAt(place, 'network', message, hint));
  };
  const check = (name: string, valid: (value: string) => boolean, what: string): void => {
    const word = option(command, name);
    const wrong = word?.text.split(',').find((part) => !valid(part.trim()));
    if (word !== undefined && wrong !== undefined) refuse(word, `'${wrong}' is no ${what}`);
  };
  check('--hostname', (value) => HOST_NAME.test(value), 'host name');
  check('--ip', isIPv4, 'IPv4 address');
  check('--netmask', (value) => prefixLength(value) !== undefined, 'netmask');
  check('--gateway', isIPv4, 'IPv4 address');
  check('--ipv6', isIPv6Choice, 'IPv6 address with prefix, auto or dhcp');
  check('--ipv6gateway', isIPv6, 'IPv6 address');
  check('--nameserver', (value) => isIPv4(value) || isIPv6(value), 'address of a name server');
  check('--mtu', (value) => /^\d+$/.test(value) && Number(value) >= 68, 'MTU');
  check('--vlanid', (value) => /^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= 4094, 'VLAN id');
  check('--device', isDevice, 'interface');
  check('--bondslaves', isDevice, 'interface');
  check('--bridgeslaves', isDevice, 'interface');
  check('--interfacename', (value) => /^[\w.-]{1,15}$/.test(value), 'name of an interface');
  check('--dhcpclass', (value) => /^[\w.:/ -]+$/.test(value), 'DHCP class');
  const network = networkConfig(command);
  const ports = option(command, '--bondopts') ?? option(command, '--bridgeopts');
  for (const name of network === undefined ? [] : unknownPortOptions(network)) {
    refuse(ports ?? command, `this installer does not know the option '${name}'`);
  }
  const ip = option(command, '--ip');
  if (ip !== undefined && option(command, '--netmask') === undefined) refuse(ip, '--ip without --netmask');
  const device = option(command, '--device');
  if (device?.text === 'bootif') {
    refuse(device, 'this installer does not know the card it was booted from', 'name it, or its MAC address');
  }
  const protocol = option(command, '--bootproto');
  if (protocol?.text === 'static' && ip === undefined) {
    refuse(protocol, 'a static address without --ip', 'add --ip= and --netmask=');
  }
  if (protocol !== undefined && ['query', 'ibft'].includes(protocol.text)) {
    refuse(protocol, `this installer does not know --bootproto=${protocol.text}`);
  }
  return problems;
}

const isDevice = (value: string): boolean =>
  /^([\da-f]{2}:){5}[\da-f]{2}$/i.test(value) || /^[\w.-]{1,15}$/.test(value);

function isIPv6Choice(value: string): boolean {
  if (value === 'auto' || value === 'dhcp') return true;
  const [address = '', prefix = '64'] = value.split('/');
  return isIPv6(address) && /^\d+$/.test(prefix) && Number(prefix) <= 128;
}

/** A device may have many lines, but only one for each VLAN and one without. */
function repeatedNetworks(commands: readonly CommandLine[]): readonly Problem[] {
  const seen = new Set<string>();
  return commands.flatMap((command) => {
    const network = networkConfig(command);
    if (network === undefined) return [];
    const name = network.vlan === undefined ? network.device : `VLAN ${network.vlan} on ${network.device}`;
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return problemAt(command, 'network', `${name} is set up twice`);
  });
}
