/** Network and firewall. */
import { boolean, type Check, type CommandSpec, choice, FROM_RHEL9, flag, list, text } from '../spec.ts';
import { conflict } from './checks.ts';

const bridgeOptions: Check = (line) => {
  const options = line.value('--bridgeopts') ?? '';
  if (options === '') return undefined;
  if (!line.has('--bridgeslaves')) return conflict(line, '--bridgeopts', '--bridgeopts needs --bridgeslaves');
  const wrong = options.split(',').find((pair) => !/^[^=]*=[^=]+$/s.test(pair));
  if (wrong === undefined) return undefined;
  return conflict(
    line,
    '--bridgeopts',
    `'${wrong}' is not key=value`,
    'write key=value pairs joined by commas',
  );
};

const bindToMac: Check = (line) =>
  line.value('--bindto') === 'mac' && line.has('--vlanid') && !line.has('--bondopts')
    ? conflict(line, '--bindto', 'a VLAN cannot be bound to a MAC address')
    : undefined;

const OF_ONE_DEVICE = [
  '--ipv4-dns-search',
  '--ipv6-dns-search',
  '--ipv4-ignore-auto-dns',
  '--ipv6-ignore-auto-dns',
];

const namesDevice: Check = (line) => {
  const option = OF_ONE_DEVICE.find((name) => line.has(name));
  if (option === undefined || line.has('--device')) return undefined;
  return conflict(line, option, `${option} needs --device`);
};

export const NETWORK: readonly CommandSpec[] = [
  {
    names: ['network'],
    summary: 'Configures a network interface.',
    options: [
      text('--device'),
      choice('--bootproto', ['dhcp', 'bootp', 'static', 'query', 'ibft']),
      text('--ip'),
      text('--netmask'),
      text('--gateway'),
      text('--nameserver'),
      flag('--nodns'),
      text('--ipv6'),
      text('--ipv6gateway'),
      flag('--noipv4'),
      flag('--noipv6'),
      flag('--nodefroute'),
      text('--hostname'),
      text('--mtu'),
      text('--ethtool'),
      boolean('--onboot'),
      flag('--activate'),
      flag('--no-activate'),
      choice('--bindto', ['mac']),
      text('--interfacename'),
      text('--vlanid'),
      text('--bondslaves'),
      text('--bondopts'),
      text('--bridgeslaves'),
      text('--bridgeopts'),
      text('--teamslaves', { deprecated: ['rhel10'] }),
      text('--teamconfig', { deprecated: ['rhel10'] }),
      text('--essid'),
      text('--wepkey'),
      text('--wpakey'),
      text('--dhcpclass'),
      flag('--notksdevice'),
      text('--ipv4-dns-search', { in: FROM_RHEL9 }),
      text('--ipv6-dns-search', { in: FROM_RHEL9 }),
      flag('--ipv4-ignore-auto-dns', { in: FROM_RHEL9 }),
      flag('--ipv6-ignore-auto-dns', { in: FROM_RHEL9 }),
    ],
    // Two lines that leave out --device are duplicates too: a host name belongs on the line of an interface.
    unique: { what: 'network line for the device', key: (line) => line.value('--device') ?? '' },
    checks: [bridgeOptions, bindToMac, namesDevice],
  },
  {
    names: ['firewall'],
    summary: 'Configures the firewall.',
    options: [
      flag(['--enabled', '--enable']),
      flag(['--disabled', '--disable']),
      list('--port'),
      list('--service'),
      list('--remove-service'),
      text('--trust'),
      flag('--ftp'),
      flag('--http'),
      flag('--smtp'),
      flag('--ssh'),
      flag('--use-system-defaults'),
    ],
  },
];
