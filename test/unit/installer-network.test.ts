import assert from 'node:assert/strict';
import { networkFiles } from '../../src/installer/network-files.ts';
import { type NetworkConfig, prefixLength, readNetwork } from '../../src/installer/system-config-network.ts';
import { brief, commandsOf } from '../helpers/installer.ts';

const read = (text: string): ReturnType<typeof readNetwork> => readNetwork(commandsOf(`${text}\n`));
function interfacesOf(text: string): readonly NetworkConfig[] {
  const { interfaces, problems } = read(text);
  assert.deepEqual(problems, []);
  return interfaces;
}
const filesOf = (...lines: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(networkFiles(interfacesOf(lines.map((line) => `network ${line}`).join('\n'))));

const plain = { device: 'link', dhcp: true, ipv6: true, nameServers: [] };

describe('the network lines of a kickstart', () => {
  for (const [line, network] of [
    ['--bootproto=dhcp', plain],
    ['--bootproto=dhcp --device=ens3 --noipv6', { ...plain, device: 'ens3', ipv6: false }],
    [
      '--device=52:54:00:10:00:0a --bindto=mac --bootproto=static --ip=10.0.0.5 --netmask=255.255.240.0 --gateway=10.0.0.1 --nameserver=10.0.0.2,10.0.0.3 --onboot=yes',
      {
        ...plain,
        device: '52:54:00:10:00:0a',
        dhcp: false,
        address: '10.0.0.5/20',
        gateway: '10.0.0.1',
        nameServers: ['10.0.0.2', '10.0.0.3'],
      },
    ],
    ['--device=ens3 --vlanid=42 --bootproto=dhcp', { ...plain, device: 'ens3', vlan: 42 }],
    [
      '--device=bond0 --bondslaves=ens3,ens4 --bondopts=mode=active-backup,miimon=100 --noipv4 --noipv6',
      {
        ...plain,
        device: 'bond0',
        dhcp: false,
        ipv6: false,
        bond: { ports: ['ens3', 'ens4'], options: ['mode=active-backup', 'miimon=100'] },
      },
    ],
    [
      '--device=br0 --bridgeslaves=ens3 --bridgeopts=stp=yes --bootproto=dhcp --mtu=9000 --nodefroute --nodns --onboot=no --dhcpclass=lab',
      {
        ...plain,
        device: 'br0',
        mtu: 9000,
        noDefaultRoute: true,
        ignoreOfferedDns: true,
        dhcpClass: 'lab',
        manual: true,
        bridge: { ports: ['ens3'], options: ['stp=yes'] },
      },
    ],
    [
      '--device=a --noipv4 --ipv6=fd00::5 --ipv6gateway=fd00::1',
      {
        ...plain,
        device: 'a',
        dhcp: false,
        ipv6Method: 'static',
        address6: 'fd00::5/64',
        gateway6: 'fd00::1',
      },
    ],
    ['--device=a --noipv4 --ipv6=dhcp', { ...plain, device: 'a', dhcp: false, ipv6Method: 'dhcp' }],
    ['--device=a --bootproto=dhcp --ipv6=auto', { ...plain, device: 'a' }],
  ] as const) {
    it(`are read: ${line}`, () => assert.deepEqual(interfacesOf(`network ${line}`), [network]));
  }

  it('give the host name, the last one of several', () => {
    assert.equal(
      read('network --hostname=a\nnetwork --bootproto=dhcp --hostname=b.example').hostname,
      'b.example',
    );
    assert.deepEqual(read('network --hostname=a').interfaces, []);
  });

  it('count the bits of a netmask that is one', () => {
    for (const [netmask, length] of [
      ['255.255.255.0', 24],
      ['255.255.255.255', 32],
      ['0.0.0.0', 0],
      ['255.128.0.0', 9],
      ['255.0.255.0', undefined],
      ['255.255.255', undefined],
      ['255.255.255.256', undefined],
      ['', undefined],
      ['24', undefined],
    ] as const) {
      assert.equal(prefixLength(netmask), length, netmask);
    }
  });

  it('may name one device several times as long as each line is another VLAN', () => {
    const lines = ['', '--vlanid=4', '--vlanid=5'].map(
      (vlan) => `network --device=a ${vlan} --bootproto=dhcp\n`,
    );
    assert.deepEqual(read(`${lines.join('')}network --hostname=x`).problems, []);
  });

  for (const [title, text, problem] of [
    ['an address without a netmask', '--ip=10.0.0.5', '1:14 network: --ip without --netmask'],
    [
      'a static address that is none',
      '--device=a --bootproto=static',
      '1:32 network: a static address without --ip',
    ],
    [
      'a netmask that is none',
      '--ip=10.0.0.5 --netmask=255.0.255.0',
      "1:33 network: '255.0.255.0' is no netmask",
    ],
    ['a host name with a blank', '--hostname="a b"', "1:20 network: 'a b' is no host name"],
    [
      'an address that is none',
      '--ip=10.0.0 --netmask=255.0.0.0',
      "1:14 network: '10.0.0' is no IPv4 address",
    ],
    [
      'a name server that is none',
      '--device=a --nameserver=8.8.8.8,x',
      "1:33 network: 'x' is no address of a name server",
    ],
    ['a device with a line break', '--device="a\\nb"', "1:18 network: 'a\\nb' is no interface"],
    ['a VLAN out of range', '--device=a --vlanid=4095', "1:29 network: '4095' is no VLAN id"],
    [
      'an unknown option of a bond',
      '--device=b --bondslaves=a --bondopts=tlb=1',
      "1:46 network: this installer does not know the option 'tlb'",
    ],
    [
      'the card it was booted from',
      '--device=bootif --bootproto=dhcp',
      '1:18 network: this installer does not know the card it was booted from',
    ],
    [
      'one VLAN twice',
      '--device=a --vlanid=4 --bootproto=dhcp\nnetwork --device=a --vlanid=4 --bootproto=dhcp',
      '2:1 network: VLAN 4 on a is set up twice',
    ],
  ] as const) {
    it(`are refused with ${title}`, () =>
      assert.deepEqual(
        read(`network ${text}`).problems.map((one) => brief(one).replace(/^(\d+):\d+/, '$1')),
        [problem.replace(/^(\d+):\d+/, '$1')],
      ));
  }
});

describe('the files of systemd-networkd', () => {
  it('have a bridge of two cards that stays down until somebody wants it', () => {
    assert.deepEqual(
      filesOf(
        '--device=br0 --bridgeslaves=ens3,ens4 --bridgeopts=stp=yes,priority=100 --bootproto=dhcp --onboot=no',
      ),
      {
        '10-slipway-br0.netdev': '[NetDev]\nName=br0\nKind=bridge\n\n[Bridge]\nSTP=yes\nPriority=100\n',
        '10-slipway-port0.network': '[Match]\nName=ens3\n\n[Network]\nBridge=br0\n',
        '10-slipway-port1.network': '[Match]\nName=ens4\n\n[Network]\nBridge=br0\n',
        '10-slipway.network': '[Match]\nName=br0\n\n[Link]\nActivationPolicy=manual\n\n[Network]\nDHCP=yes\n',
      },
    );
  });

  it('have a bond with times in milliseconds and its first choice', () => {
    const files = filesOf(
      '--device=bond0 --bondslaves=ens3,ens4 --bondopts=mode=active-backup;miimon=100;primary=ens4 --bootproto=dhcp',
    );
    assert.equal(
      files['10-slipway-bond0.netdev'],
      '[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nMode=active-backup\nMIIMonitorSec=100ms\n',
    );
    assert.equal(
      files['10-slipway-port1.network'],
      '[Match]\nName=ens4\n\n[Network]\nBond=bond0\nPrimarySlave=yes\n',
    );
  });

  it('leave out what DHCP and routers offer and the kickstart does not want', () => {
    assert.deepEqual(filesOf('--device=a --bootproto=dhcp --nodefroute --nodns --dhcpclass=lab --mtu=1400'), {
      '10-slipway.network': `[Match]
Name=a

[Link]
MTUBytes=1400

[Network]
DHCP=yes

[DHCPv4]
VendorClassIdentifier=lab
UseGateway=no
UseDNS=no

[DHCPv6]
UseDNS=no

[IPv6AcceptRA]
UseGateway=no
UseDNS=no
`,
    });
  });

  it('give a card two static addresses and ask nobody', () => {
    assert.deepEqual(
      filesOf(
        '--device=a --ip=10.0.0.5 --netmask=255.0.0.0 --gateway=10.0.0.1 --ipv6=fd00::5/48 --ipv6gateway=fd00::1',
      ),
      {
        '10-slipway.network':
          '[Match]\nName=a\n\n[Network]\nAddress=10.0.0.5/8\nAddress=fd00::5/48\nGateway=10.0.0.1\nGateway=fd00::1\nIPv6AcceptRA=no\n',
      },
    );
  });

  it('name a VLAN as the kickstart does', () => {
    const files = filesOf('--device=a --vlanid=7 --interfacename=storage --bootproto=dhcp');
    assert.equal(files['10-slipway-storage.netdev'], '[NetDev]\nName=storage\nKind=vlan\n\n[VLAN]\nId=7\n');
    assert.match(files['10-slipway.network'] ?? '', /^VLAN=storage$/m);
  });
});
