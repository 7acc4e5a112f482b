import assert from 'node:assert/strict';
import { prefixLength, readSystemConfig, type SystemConfig } from '../../src/installer/system-config.ts';
import { brief, documentOf } from '../helpers/installer.ts';

const IMAGE = 'liveimg --url=file:///run/install/repo/slipway/base.squashfs\n';

function configOf(text: string): SystemConfig {
  const { config, problems } = readSystemConfig(documentOf(`${text}\n${IMAGE}`));
  assert.deepEqual(problems, []);
  return config;
}
const problemsOf = (text: string): readonly string[] =>
  readSystemConfig(documentOf(`${text}\n${IMAGE}`)).problems.map(brief);

describe("the kickstart's system configuration", () => {
  it('has a default for everything the kickstart does not say', () => {
    assert.deepEqual(configOf('zerombr'), {
      interfaces: [],
      locale: 'C.UTF-8',
      keymap: 'us',
      timezone: 'UTC',
      timeServers: [],
      root: { kind: 'locked' },
      sshKeys: [],
      bootArguments: [],
      bootTimeout: 3,
      image: 'file:///run/install/repo/slipway/base.squashfs',
      repositories: [],
      packages: [],
      ignoreMissingPackages: false,
      after: 'poweroff',
    });
  });

  it('reads what it says', () => {
    const config = configOf(`lang de_DE.UTF-8
keyboard --vckeymap=de
timezone Europe/Berlin --utc
timesource --ntp-server=10.0.0.1
timesource --ntp-pool=pool.example.org
network --hostname=node-a.example.org
rootpw --iscrypted $6$salt$hash
sshkey --username=root "ssh-ed25519 AAAA me@here"
bootloader --location=mbr --timeout=7 --append="quiet mitigations=auto"
repo --name=slipway --baseurl=file:///run/install/repo/slipway/repo
reboot
%packages --ignoremissing
# comment
slipway-postinstall
tool   # why
@core
-other
%end`);
    assert.deepEqual(
      { ...config, image: undefined },
      {
        hostname: 'node-a.example.org',
        interfaces: [],
        locale: 'de_DE.UTF-8',
        keymap: 'de',
        timezone: 'Europe/Berlin',
        timeServers: ['10.0.0.1', 'pool.example.org'],
        root: { kind: 'hash', hash: '$6$salt$hash' },
        sshKeys: ['ssh-ed25519 AAAA me@here'],
        bootArguments: ['quiet', 'mitigations=auto'],
        bootTimeout: 7,
        image: undefined,
        repositories: ['/run/install/repo/slipway/repo'],
        packages: ['slipway-postinstall', 'tool'],
        ignoreMissingPackages: true,
        after: 'reboot',
      },
    );
  });

  for (const [line, root] of [
    ['rootpw --lock', { kind: 'locked' }],
    ['rootpw --lock --iscrypted $6$x', { kind: 'locked' }],
    ['rootpw --iscrypted $6$x', { kind: 'hash', hash: '$6$x' }],
    ['rootpw secret', { kind: 'plain', password: 'secret' }],
    ['rootpw --plaintext secret', { kind: 'plain', password: 'secret' }],
  ] as const) {
    it(`reads ${line}`, () => assert.deepEqual(configOf(line).root, root));
  }

  const plain = { device: 'link', dhcp: true, ipv6: true, nameServers: [] };
  for (const [line, network] of [
    ['network --bootproto=dhcp', plain],
    ['network --bootproto=dhcp --device=ens3 --noipv6', { ...plain, device: 'ens3', ipv6: false }],
    [
      'network --device=52:54:00:10:00:0a --bindto=mac --bootproto=static --ip=10.0.0.5 --netmask=255.255.240.0 --gateway=10.0.0.1 --nameserver=10.0.0.2,10.0.0.3 --onboot=yes',
      {
        device: '52:54:00:10:00:0a',
        dhcp: false,
        ipv6: true,
        address: '10.0.0.5/20',
        gateway: '10.0.0.1',
        nameServers: ['10.0.0.2', '10.0.0.3'],
      },
    ],
    ['network --device=ens3 --vlanid=42 --bootproto=dhcp', { ...plain, device: 'ens3', vlan: 42 }],
    [
      'network --device=bond0 --bondslaves=ens3,ens4 --bondopts=mode=active-backup,miimon=100 --noipv4 --noipv6',
      {
        device: 'bond0',
        dhcp: false,
        ipv6: false,
        nameServers: [],
        bond: { ports: ['ens3', 'ens4'], options: ['mode=active-backup', 'miimon=100'] },
      },
    ],
  ] as const) {
    it(`reads ${line}`, () => assert.deepEqual(configOf(line).interfaces, [network]));
  }

  it('counts the bits of a netmask that is one', () => {
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

  for (const [after, text] of [
    ['halt', 'reboot\nhalt'],
    ['poweroff', 'shutdown'],
    ['reboot', 'reboot'],
  ] as const) {
    it(`ends as the kickstart says last: ${text.replace('\n', ', ')}`, () => {
      const { config } = readSystemConfig(documentOf(`${text}\n${IMAGE}`));
      assert.equal(config.after, after);
    });
  }

  for (const [title, text, problem] of [
    [
      'a command it does not carry out',
      'lang C\n  user --name=me',
      "2:3 unsupported-command: this installer does not carry out 'user'",
    ],
    [
      'a firewall',
      'firewall --enabled',
      "1:1 unsupported-command: this installer does not carry out 'firewall'",
    ],
    [
      'a section it does not carry out',
      '%onerror\ntrue\n%end',
      "1:1 unsupported-command: this installer does not carry out '%onerror'",
    ],
    [
      'a key of somebody else',
      'sshkey --username=me "ssh-ed25519 A"',
      '1:19 access: this installer knows no user but root',
    ],
    ['an address without a netmask', 'network --ip=10.0.0.5', '1:14 network: --ip without --netmask'],
    [
      'a static address that is none',
      'network --device=a --bootproto=static',
      '1:32 network: a static address without --ip',
    ],
    [
      'a netmask that is none',
      'network --ip=10.0.0.5 --netmask=255.0.255.0',
      "1:33 network: '255.0.255.0' is no netmask",
    ],
    ['a host name with a blank', 'network --hostname="a b"', "1:20 network: 'a b' is no host name"],
    [
      'a bridge',
      'network --device=br0 --bridgeslaves=ens3',
      '1:22 unsupported-option: this installer does not know --bridgeslaves yet',
    ],
    [
      'an interface that stays down',
      'network --device=a --bootproto=dhcp --onboot=no',
      '1:46 network: this installer sets up interfaces for the start only',
    ],
    [
      'one VLAN twice',
      'network --device=a --vlanid=4 --bootproto=dhcp\nnetwork --device=a --vlanid=4 --bootproto=dhcp',
      '2:1 network: VLAN 4 on a is set up twice',
    ],
    [
      'packages from afar',
      'repo --name=x --baseurl=https://example.org/',
      '1:25 repository: this installer reads packages from the medium only, not from https://example.org/',
    ],
    [
      'a boot loader that is not on the disks',
      'bootloader --location=none',
      "1:23 boot-loader: this installer puts the boot loader on the disks themselves, not 'none'",
    ],
    [
      'a boot loader with a password',
      'bootloader --password=x',
      '1:12 unsupported-option: this installer does not know --password yet',
    ],
  ] as const) {
    it(`refuses ${title}`, () => assert.deepEqual(problemsOf(text), [problem]));
  }

  it('takes several lines of one device as long as each is another VLAN', () => {
    const lines = ['', '--vlanid=4', '--vlanid=5'].map(
      (vlan) => `network --device=a ${vlan} --bootproto=dhcp\n`,
    );
    assert.deepEqual(problemsOf(`${lines.join('')}network --hostname=x\n`), []);
  });

  for (const [text, place] of [
    ['liveimg --url=https://example.org/x.img', '1:15'],
    ['url --url=https://example.org/', '1:1'],
    ['%pre\ntrue\n%end', '1:1'],
  ] as const) {
    it(`refuses a payload that is not on the medium: ${text.split('\n')[0]}`, () => {
      const problems = readSystemConfig(documentOf(`${text}\n`)).problems.map(brief);
      const payload = `${place} payload: the kickstart names no image on the medium: liveimg --url=file://…`;
      assert.ok(problems.includes(payload), problems.join('\n'));
    });
  }
});
