/** What systemd-networkd reads of a kickstart's `network` lines: systemd.network(5), systemd.netdev(5). Pure. */
import type { NetworkConfig } from './system-config-network.ts';

type NamedFile = readonly [name: string, text: string];
/** A section's name and its lines; one without lines is left out. */
type UnitSection = readonly [name: string, ...lines: string[]];

/**
 * File name → text. networkd sets a link up by the first file that matches it, so all lines of a device make one file.
 */
export function networkFiles(lines: readonly NetworkConfig[]): readonly NamedFile[] {
  const devices = [...new Set(lines.map(({ device }) => device))];
  return devices.flatMap((device, index) => {
    const ofDevice = lines.filter((line) => line.device === device);
    const elsewhere = lines.filter((line) => line.device !== device).map(({ vlan }) => vlan);
    const vlanName = ({ vlan = 0, interfaceName }: NetworkConfig): string =>
      interfaceName ?? (elsewhere.includes(vlan) ? `vlan${vlan}-${index}` : `vlan${vlan}`);
    return deviceFiles(device, ofDevice, `${10 + index}-slipway`, vlanName);
  });
}

function deviceFiles(
  device: string,
  lines: readonly NetworkConfig[],
  stem: string,
  vlanName: (line: NetworkConfig) => string,
): readonly NamedFile[] {
  const bond = lines.find((line) => line.bond !== undefined)?.bond;
  const bridge = lines.find((line) => line.bridge !== undefined)?.bridge;
  const untagged = lines.find(({ vlan }) => vlan === undefined);
  const tagged = lines
    .filter(({ vlan }) => vlan !== undefined)
    .map((line) => ({ line, id: line.vlan, name: vlanName(line) }));
  const vlans = tagged.map(({ name }) => `VLAN=${name}`);
  return [
    ...(bond === undefined ? [] : bondFiles(device, bond, stem)),
    ...(bridge === undefined ? [] : bridgeFiles(device, bridge, stem)),
    ...tagged.map(
      ({ id, name }): NamedFile => [
        `${stem}-${name}.netdev`,
        unit(['NetDev', `Name=${name}`, 'Kind=vlan'], ['VLAN', `Id=${id}`]),
      ],
    ),
    [
      `${stem}.network`,
      untagged === undefined
        ? unit(['Match', ...match(device)], ['Network', ...vlans, 'LinkLocalAddressing=no'])
        : linkUnit(match(device), untagged, vlans),
    ],
    ...tagged.map(
      ({ line, name }): NamedFile => [`${stem}-${name}.network`, linkUnit([`Name=${name}`], line, [])],
    ),
  ];
}

/** Whether name servers come with a lease or from a router, since the kickstart names none: systemd-resolved keeps them. */
export const takesOfferedDns = (lines: readonly NetworkConfig[]): boolean =>
  lines.every(({ nameServers }) => nameServers.length === 0) &&
  lines.some(
    ({ dhcp, ipv6Method, ignoreOfferedDns }) => (dhcp || ipv6Method === 'dhcp') && !ignoreOfferedDns,
  );

type Ports = NonNullable<NetworkConfig['bond'] | NetworkConfig['bridge']>;

/** Bond options by the kernel's names (Documentation/networking/bonding.rst) → systemd's, with the unit of a time. */
const BOND_OPTIONS: Readonly<Record<string, (value: string) => string>> = {
  mode: (value) => `Mode=${value}`,
  miimon: (value) => `MIIMonitorSec=${value}ms`,
  updelay: (value) => `UpDelaySec=${value}ms`,
  downdelay: (value) => `DownDelaySec=${value}ms`,
  lacp_rate: (value) => `LACPTransmitRate=${{ 0: 'slow', 1: 'fast' }[value] ?? value}`,
  xmit_hash_policy: (value) => `TransmitHashPolicy=${value}`,
  arp_interval: (value) => `ARPIntervalSec=${value}ms`,
  arp_ip_target: (value) => `ARPIPTargets=${value}`,
  primary_reselect: (value) => `PrimaryReselectPolicy=${value}`,
  fail_over_mac: (value) => `FailOverMACPolicy=${value}`,
};

function bondFiles(name: string, { ports, options }: Ports, stem: string): readonly NamedFile[] {
  const primary = optionPairs(options).find(([key]) => key === 'primary')?.[1];
  return [
    [
      `${stem}-${name}.netdev`,
      unit(['NetDev', `Name=${name}`, 'Kind=bond'], ['Bond', ...translated(options, BOND_OPTIONS)]),
    ],
    ...ports.map(
      (port, index): NamedFile => [
        `${stem}-port${index}.network`,
        unit(
          ['Match', ...match(port)],
          ['Network', `Bond=${name}`, ...(port === primary ? ['PrimarySlave=yes'] : [])],
        ),
      ],
    ),
  ];
}

/** Bridge options as NetworkManager, hence kickstart, names them → systemd's. */
const BRIDGE_OPTIONS: Readonly<Record<string, (value: string) => string>> = {
  stp: (value) => `STP=${/^(yes|true|on|1)$/i.test(value) ? 'yes' : 'no'}`,
  priority: (value) => `Priority=${value}`,
  'forward-delay': (value) => `ForwardDelaySec=${value}`,
  'hello-time': (value) => `HelloTimeSec=${value}`,
  'max-age': (value) => `MaxAgeSec=${value}`,
  'ageing-time': (value) => `AgeingTimeSec=${value}`,
};

function bridgeFiles(name: string, { ports, options }: Ports, stem: string): readonly NamedFile[] {
  return [
    [
      `${stem}-${name}.netdev`,
      unit(['NetDev', `Name=${name}`, 'Kind=bridge'], ['Bridge', ...translated(options, BRIDGE_OPTIONS)]),
    ],
    ...ports.map(
      (port, index): NamedFile => [
        `${stem}-port${index}.network`,
        unit(['Match', ...match(port)], ['Network', `Bridge=${name}`]),
      ],
    ),
  ];
}

/** Options of a bond or a bridge that have no counterpart here; the kickstart's reader refuses them. */
export function unknownPortOptions({ bond, bridge }: NetworkConfig): readonly string[] {
  const known = bond === undefined ? BRIDGE_OPTIONS : { ...BOND_OPTIONS, primary: undefined };
  return optionPairs((bond ?? bridge)?.options ?? [])
    .map(([key]) => key)
    .filter((key) => !Object.hasOwn(known, key));
}

/** Commas and semicolons both separate bond options. */
function optionPairs(options: readonly string[]): readonly (readonly [key: string, value: string])[] {
  return options
    .flatMap((word) => word.split(';'))
    .map((pair) => [pair.split('=', 1)[0] ?? '', pair.replace(/^[^=]*=/, '')]);
}

function translated(
  options: readonly string[],
  table: Readonly<Record<string, (value: string) => string>>,
): readonly string[] {
  return optionPairs(options).flatMap(([key, value]) => table[key]?.(value) ?? []);
}

/** A MAC address with `Type=ether`, since VLANs and bonds take over the address of their card. */
function match(device: string): readonly string[] {
  if (device === 'link') return ['Name=en* eth*', 'Type=ether'];
  return /^([\da-f]{2}:){5}[\da-f]{2}$/i.test(device)
    ? [`MACAddress=${device.toLowerCase()}`, 'Type=ether']
    : [`Name=${device}`];
}

function linkUnit(matching: readonly string[], line: NetworkConfig, vlans: readonly string[]): string {
  const { mtu, manual, dhcpClass, noDefaultRoute, ignoreOfferedDns } = line;
  const offered = [...(noDefaultRoute ? ['UseGateway=no'] : []), ...(ignoreOfferedDns ? ['UseDNS=no'] : [])];
  return unit(
    ['Match', ...matching],
    [
      'Link',
      ...(mtu === undefined ? [] : [`MTUBytes=${mtu}`]),
      ...(manual ? ['ActivationPolicy=manual'] : []),
    ],
    ['Network', ...vlans, ...addressLines(line)],
    ['DHCPv4', ...(dhcpClass === undefined ? [] : [`VendorClassIdentifier=${dhcpClass}`]), ...offered],
    ['DHCPv6', ...(ignoreOfferedDns ? ['UseDNS=no'] : [])],
    ['IPv6AcceptRA', ...offered],
  );
}

function addressLines(line: NetworkConfig): readonly string[] {
  const { dhcp, ipv6, ipv6Method, address, address6, gateway, gateway6, nameServers, noDefaultRoute } = line;
  const both = dhcp && ipv6 && ipv6Method !== 'static';
  const method = both ? 'yes' : dhcp ? 'ipv4' : ipv6Method === 'dhcp' ? 'ipv6' : undefined;
  const gateways = noDefaultRoute ? [] : [gateway, gateway6];
  return [
    ...(method === undefined ? [] : [`DHCP=${method}`]),
    ...[address, address6].flatMap((one) => (one === undefined ? [] : [`Address=${one}`])),
    ...gateways.flatMap((one) => (one === undefined ? [] : [`Gateway=${one}`])),
    ...nameServers.map((server) => `DNS=${server}`),
    ...(ipv6 ? [] : ['LinkLocalAddressing=no']),
    ...(ipv6 && ipv6Method !== 'static' ? [] : ['IPv6AcceptRA=no']),
  ];
}

/** An ini file. */
function unit(...sections: readonly UnitSection[]): string {
  const full = sections.filter(([name, ...lines]) => lines.length > 0 || name === 'Bond');
  return `${full.map(([name, ...lines]) => [`[${name}]`, ...lines].join('\n')).join('\n\n')}\n`;
}
