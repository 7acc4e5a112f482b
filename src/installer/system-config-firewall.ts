/** `firewall` as nftables rules. Pure. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine } from '../kickstart/types.ts';
import { flag, list, option, problemAt } from './command-words.ts';

export interface FirewallConfig {
  /** False writes the rules all the same, and keeps them from being loaded. */
  readonly enabled: boolean;
  /** `22/tcp`, sorted, without repetition. */
  readonly ports: readonly string[];
  /** Interfaces from which everything is let in. */
  readonly trusted: readonly string[];
}

/** Ports of the services most asked for, by firewalld's names (its files below /usr/lib/firewalld/services). */
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  amanda: ['10080/tcp', '10080/udp'],
  cockpit: ['9090/tcp'],
  dhcp: ['67/udp'],
  'dhcpv6-client': ['546/udp'],
  dns: ['53/tcp', '53/udp'],
  ftp: ['21/tcp'],
  'high-availability': [
    '2224/tcp',
    '3121/tcp',
    '5403/tcp',
    '5404/udp',
    '5405-5412/udp',
    '9929/tcp',
    '9929/udp',
    '21064/tcp',
  ],
  http: ['80/tcp'],
  https: ['443/tcp'],
  imaps: ['993/tcp'],
  'iscsi-target': ['3260/tcp'],
  kerberos: ['88/tcp', '88/udp'],
  ldap: ['389/tcp'],
  ldaps: ['636/tcp'],
  mdns: ['5353/udp'],
  mountd: ['20048/tcp', '20048/udp'],
  mysql: ['3306/tcp'],
  nfs: ['2049/tcp'],
  ntp: ['123/udp'],
  postgresql: ['5432/tcp'],
  'rpc-bind': ['111/tcp', '111/udp'],
  samba: ['139/tcp', '445/tcp', '137/udp', '138/udp'],
  smtp: ['25/tcp'],
  snmp: ['161/tcp', '161/udp'],
  ssh: ['22/tcp'],
  syslog: ['514/udp'],
  tftp: ['69/udp'],
  'vnc-server': ['5900-5903/tcp'],
};

/** What firewalld's public zone lets in without being asked. */
const DEFAULT_SERVICES: readonly string[] = ['ssh', 'dhcpv6-client'];

/** Old flags that stand for a service. */
const SERVICE_FLAGS: readonly string[] = ['ftp', 'http', 'smtp', 'ssh'];

/** Undefined when the kickstart leaves the firewall as the image has it: no line, or --use-system-defaults. */
export function readFirewall(commands: readonly CommandLine[]): {
  readonly firewall?: FirewallConfig;
  readonly problems: readonly Problem[];
} {
  const command = commands.filter(({ name }) => name === 'firewall').at(-1);
  if (command === undefined || flag(command, '--use-system-defaults')) return { problems: [] };
  const removed = list(command, '--remove-service');
  const services = [
    ...DEFAULT_SERVICES,
    ...list(command, '--service'),
    ...SERVICE_FLAGS.filter((name) => flag(command, `--${name}`)),
  ].filter((name) => !removed.includes(name));
  const ports = [...services.flatMap((name) => SERVICES[name] ?? []), ...list(command, '--port').map(portOf)];
  return {
    firewall: {
      enabled: !flag(command, '--disabled'),
      ports: [...new Set(ports)].toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)),
      trusted: list(command, '--trust'),
    },
    problems: firewallProblems(command),
  };
}

/** `22001:tcp` → `22001/tcp`; without a protocol it is tcp. */
function portOf(word: string): string {
  const [port = '', protocol = 'tcp'] = word.split(':');
  return `${SERVICES[port]?.[0]?.split('/')[0] ?? port}/${protocol}`;
}

function firewallProblems(command: CommandLine): readonly Problem[] {
  const at = (name: string) => option(command, name) ?? command;
  const unknown = list(command, '--service').filter((name) => SERVICES[name] === undefined);
  return [
    ...unknown.map((name) =>
      problemAt(
        at('--service'),
        'firewall',
        `this installer does not know the ports of the service '${name}'`,
        'name them with --port=NUMBER:tcp',
      ),
    ),
    ...list(command, '--port')
      .filter((word) => !isPort(portOf(word)))
      .map((word) => problemAt(at('--port'), 'firewall', `'${word}' is no port`, 'write it as 2000:tcp')),
    ...list(command, '--trust')
      .filter((name) => !/^[\w.:-]{1,15}$/.test(name))
      .map((name) => problemAt(at('--trust'), 'firewall', `'${name}' is no interface`)),
  ];
}

function isPort(text: string): boolean {
  const [, first = '', last = first] = /^(\d+)(?:-(\d+))?\/(?:tcp|udp|sctp)$/.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  return first !== '' && from >= 1 && from <= to && to <= 65_535;
}

/** `/etc/nftables.conf`: what comes in is dropped unless it answers, is ours, or is asked for. */
export function nftablesConfig({ ports, trusted }: FirewallConfig): string {
  const of = (protocol: string): readonly string[] =>
    ports.filter((port) => port.endsWith(`/${protocol}`)).map((port) => port.split('/')[0] ?? '');
  const accepted = ['tcp', 'udp', 'sctp'].flatMap((protocol) => {
    const numbers = of(protocol);
    return numbers.length === 0 ? [] : [`    ${protocol} dport { ${numbers.join(', ')} } accept`];
  });
  return [
    '#!/usr/sbin/nft -f',
    '# Written by the installer from the kickstart.',
    'flush ruleset',
    'table inet filter {',
    '  chain input {',
    '    type filter hook input priority filter; policy drop;',
    '    ct state established,related accept',
    '    ct state invalid drop',
    '    iif lo accept',
    ...trusted.map((name) => `    iifname "${name}" accept`),
    // Neighbour discovery and path MTU discovery are ICMP; without them IPv6 does not work at all.
    '    meta l4proto { icmp, ipv6-icmp } accept',
    ...accepted,
    '  }',
    '  chain forward {',
    '    type filter hook forward priority filter; policy drop;',
    '  }',
    '}',
    '',
  ].join('\n');
}
