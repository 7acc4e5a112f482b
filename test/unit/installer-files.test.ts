import assert from 'node:assert/strict';
import { bootVolume, espGrubConfig, grubConfig, kernelArguments } from '../../src/installer/boot-files.ts';
import { configFiles } from '../../src/installer/config-files.ts';
import type { DeviceIds } from '../../src/installer/device-ids.ts';
import { readSystemConfig, type SystemConfig } from '../../src/installer/system-config.ts';
import { documentOf, goodModel, RAID1, RELEASE } from '../helpers/installer.ts';

const ids: DeviceIds = {
  fileSystem: (device) => `UUID-OF-${device.replace('/dev/', '')}`,
  array: (name) => `array:${name}`,
};
const configOf = (text: string): SystemConfig => readSystemConfig(documentOf(`${text}\n`)).config;
const NODE = 'network --hostname=node-a\ntimezone Europe/Berlin --utc\nkeyboard --vckeymap=de';

const MANY = `${RELEASE}part biosboot --size=1 --ondisk=vda
part /boot/efi --size=100 --ondisk=vda
part /boot --size=512 --ondisk=vda
part swap --size=512 --ondisk=vda
part pv.a --size=2048 --ondisk=vda
part /srv --fstype=xfs --size=512 --fsoptions=noatime --ondisk=vda
part None --fstype=ext4 --size=16 --ondisk=vda
volgroup system pv.a
logvol / --vgname=system --name=root --size=1024
`;

describe('the configuration of the installed system', () => {
  it('makes an image a node with arrays', () => {
    const files = configFiles(
      configOf(`${NODE}\ntimesource --ntp-server=10.0.0.1\ntimesource --ntp-server=10.0.0.2`),
      goodModel(RAID1),
      ids,
    );
    assert.deepEqual(
      [...files],
      [
        [
          '/etc/fstab',
          `# Written by the installer from the kickstart.
UUID=UUID-OF-md/root / ext4 defaults 0 1
UUID=UUID-OF-md/boot /boot ext4 defaults,nofail 0 2
`,
        ],
        ['/etc/timezone', 'Europe/Berlin\n'],
        ['/etc/default/locale', 'LANG=C.UTF-8\n'],
        ['/etc/default/keyboard', 'XKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBVARIANT=""\nXKBOPTIONS=""\n'],
        ['/etc/vconsole.conf', 'KEYMAP=de\n'],
        ['/etc/adjtime', '0.0 0 0.0\n0\nUTC\n'],
        [
          '/etc/default/grub',
          `# Written by the installer from the kickstart.
GRUB_TIMEOUT=3
GRUB_DISTRIBUTOR="Slipway"
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"
`,
        ],
        ['/etc/hostname', 'node-a\n'],
        ['/etc/hosts', '127.0.0.1 localhost\n127.0.1.1 node-a\n::1 localhost ip6-localhost\n'],
        [
          '/etc/mdadm/mdadm.conf',
          `HOMEHOST <ignore>
MAILADDR root
AUTO -all
ARRAY /dev/md/boot UUID=array:boot
ARRAY /dev/md/root UUID=array:root
`,
        ],
        ['/etc/systemd/timesyncd.conf.d/slipway.conf', '[Time]\nNTP=10.0.0.1 10.0.0.2\n'],
        [
          '/etc/chrony.conf',
          `# Written by the installer from the kickstart. This system has no chrony: systemd-timesyncd keeps its time.
server 10.0.0.1 iburst
server 10.0.0.2 iburst
driftfile /var/lib/chrony/drift
makestep 1.0 3
rtcsync
`,
        ],
      ],
    );
  });

  it('mounts / first, checks no XFS, and names nothing that is mounted nowhere', () => {
    const files = configFiles(configOf('zerombr'), goodModel(MANY), ids);
    assert.equal(
      files.get('/etc/fstab'),
      `# Written by the installer from the kickstart.
UUID=UUID-OF-vda4 none swap defaults,nofail 0 0
UUID=UUID-OF-system/root / ext4 defaults 0 1
UUID=UUID-OF-vda6 /srv xfs noatime,nofail 0 0
UUID=UUID-OF-vda3 /boot ext4 defaults,nofail 0 2
UUID=UUID-OF-vda2 /boot/efi vfat umask=0077,shortname=winnt,nofail 0 2
`,
    );
    assert.deepEqual([...files.keys()].slice(1), [
      '/etc/timezone',
      '/etc/default/locale',
      '/etc/default/keyboard',
      '/etc/vconsole.conf',
      '/etc/adjtime',
      '/etc/default/grub',
    ]);
  });

  it('says why the language is not the one that was asked for', () => {
    const files = configFiles(configOf('lang de_DE.UTF-8'), goodModel(RAID1), ids);
    assert.equal(
      files.get('/etc/default/locale'),
      '# The kickstart asks for de_DE.UTF-8, this image has C.UTF-8.\nLANG=C.UTF-8\n',
    );
  });
});

describe('the network of the installed system', () => {
  /** File name → text, without the folder. */
  function network(...lines: readonly string[]): Readonly<Record<string, string>> {
    const files = configFiles(
      configOf(lines.map((line) => `network ${line}`).join('\n')),
      goodModel(RAID1),
      ids,
    );
    const folder = '/etc/systemd/network/';
    return Object.fromEntries(
      [...files].flatMap(([name, text]) =>
        name.startsWith(folder) || name.endsWith('resolv.conf') ? [[name.replace(folder, ''), text]] : [],
      ),
    );
  }

  it('is the first wired interface when no device is named', () => {
    assert.deepEqual(network('--bootproto=dhcp'), {
      '10-slipway.network': '[Match]\nName=en* eth*\nType=ether\n\n[Network]\nDHCP=yes\n',
    });
  });

  it('has a static address on the card of a MAC address', () => {
    const address = '--ip=10.0.0.5 --netmask=255.255.255.0 --gateway=10.0.0.1 --nameserver=10.0.0.2,10.0.0.3';
    assert.deepEqual(network(`--device=52:54:00:10:00:0A --noipv6 ${address}`), {
      '/etc/resolv.conf': 'nameserver 10.0.0.2\nnameserver 10.0.0.3\n',
      '10-slipway.network': `[Match]
MACAddress=52:54:00:10:00:0a
Type=ether

[Network]
Address=10.0.0.5/24
Gateway=10.0.0.1
DNS=10.0.0.2
DNS=10.0.0.3
LinkLocalAddressing=no
IPv6AcceptRA=no
`,
    });
  });

  it('has a card with VLANs in one file, since networkd takes the first that matches', () => {
    const files = network(
      '--device=ens3 --vlanid=41 --ip=10.0.41.5 --netmask=255.255.255.0',
      '--device=ens4 --vlanid=41 --bootproto=dhcp',
      '--device=ens3 --vlanid=42 --bootproto=dhcp',
    );
    assert.deepEqual(files, {
      '10-slipway-vlan41-0.netdev': '[NetDev]\nName=vlan41-0\nKind=vlan\n\n[VLAN]\nId=41\n',
      '10-slipway-vlan42.netdev': '[NetDev]\nName=vlan42\nKind=vlan\n\n[VLAN]\nId=42\n',
      '10-slipway.network':
        '[Match]\nName=ens3\n\n[Network]\nVLAN=vlan41-0\nVLAN=vlan42\nLinkLocalAddressing=no\n',
      '10-slipway-vlan41-0.network': '[Match]\nName=vlan41-0\n\n[Network]\nAddress=10.0.41.5/24\n',
      '10-slipway-vlan42.network': '[Match]\nName=vlan42\n\n[Network]\nDHCP=yes\n',
      '11-slipway-vlan41-1.netdev': '[NetDev]\nName=vlan41-1\nKind=vlan\n\n[VLAN]\nId=41\n',
      '11-slipway.network': '[Match]\nName=ens4\n\n[Network]\nVLAN=vlan41-1\nLinkLocalAddressing=no\n',
      '11-slipway-vlan41-1.network': '[Match]\nName=vlan41-1\n\n[Network]\nDHCP=yes\n',
    });
  });

  it('keeps the address of a card beside its VLANs', () => {
    const files = network('--device=ens3 --bootproto=dhcp', '--device=ens3 --vlanid=42 --bootproto=dhcp');
    assert.equal(files['10-slipway.network'], '[Match]\nName=ens3\n\n[Network]\nVLAN=vlan42\nDHCP=yes\n');
  });

  it('has a bond of two cards, with a VLAN on the same line or on another', () => {
    const bond = '--device=bond0 --bondslaves=ens3,52:54:00:10:00:0b --bondopts=mode=802.3ad,miimon=100';
    const expected = {
      '10-slipway-bond0.netdev':
        '[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nMode=802.3ad\nMIIMonitorSec=100ms\n',
      '10-slipway-port0.network': '[Match]\nName=ens3\n\n[Network]\nBond=bond0\n',
      '10-slipway-port1.network':
        '[Match]\nMACAddress=52:54:00:10:00:0b\nType=ether\n\n[Network]\nBond=bond0\n',
    };
    assert.deepEqual(network(`${bond} --bootproto=dhcp`), {
      ...expected,
      '10-slipway.network': '[Match]\nName=bond0\n\n[Network]\nDHCP=yes\n',
    });
    const tagged = {
      ...expected,
      '10-slipway-vlan42.netdev': '[NetDev]\nName=vlan42\nKind=vlan\n\n[VLAN]\nId=42\n',
      '10-slipway-vlan42.network': '[Match]\nName=vlan42\n\n[Network]\nDHCP=yes\n',
    };
    assert.deepEqual(network(`${bond} --vlanid=42 --bootproto=dhcp`), {
      ...tagged,
      '10-slipway.network': '[Match]\nName=bond0\n\n[Network]\nVLAN=vlan42\nLinkLocalAddressing=no\n',
    });
    assert.deepEqual(
      network(`${bond} --noipv4 --noipv6`, '--device=bond0 --vlanid=42 --bootproto=dhcp')[
        '10-slipway.network'
      ],
      '[Match]\nName=bond0\n\n[Network]\nVLAN=vlan42\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n',
    );
  });
});

describe('the boot configuration of the installed system', () => {
  it('tells the kernel its root, its arrays, its groups, its consoles and what the kickstart adds', () => {
    const config = configOf('bootloader --append="quiet x=1"');
    assert.deepEqual(kernelArguments(goodModel(RAID1), ids, config), [
      'root=UUID=UUID-OF-md/root',
      'ro',
      'rd.md.uuid=array:boot',
      'rd.md.uuid=array:root',
      'console=tty0',
      'console=ttyS0,115200',
      'quiet',
      'x=1',
    ]);
    assert.deepEqual(kernelArguments(goodModel(MANY), ids, configOf('zerombr')).slice(0, 3), [
      'root=UUID=UUID-OF-system/root',
      'ro',
      'rd.lvm.vg=system',
    ]);
  });

  it('finds /boot where it is', () => {
    assert.deepEqual(bootVolume(goodModel(RAID1)), { device: '/dev/md/boot', folder: '' });
    const inRoot = goodModel(RAID1.replace(/^.*boot[01].*\n/gm, ''));
    assert.deepEqual(bootVolume(inRoot), { device: '/dev/md/root', folder: '/boot' });
  });

  it('is a menu of two entries', () => {
    const facts = { title: 'node-a, Linux 6.1', kernel: 'vmlinuz-6.1', initrd: 'initrd.img-6.1' };
    assert.equal(
      grubConfig(facts, ['root=UUID=1', 'ro'], 3, { uuid: 'B007', folder: '/boot' }),
      `# Written by the installer; \`/etc/slipway\` says from what.
insmod part_gpt
insmod mdraid1x
insmod ext2
search --no-floppy --fs-uuid --set=root B007
if serial --unit=0 --speed=115200; then
  terminal_input console serial
  terminal_output console serial
fi
set timeout=3
set default=0
menuentry 'node-a, Linux 6.1' {
  linux /boot/vmlinuz-6.1 root=UUID=1 ro
  initrd /boot/initrd.img-6.1
}
menuentry 'node-a, Linux 6.1, one user' {
  linux /boot/vmlinuz-6.1 root=UUID=1 ro single
  initrd /boot/initrd.img-6.1
}
`,
    );
  });

  it('quotes what GRUB would take for its own', () => {
    const facts = { title: "it's", kernel: 'k', initrd: 'i' };
    const text = grubConfig(facts, ['a=$b', 'c;d', "e'f", 'plain=1'], 3, { uuid: 'B007', folder: '' });
    assert.ok(text.includes(`menuentry 'it'\\''s' {\n  linux /k 'a=$b' 'c;d' 'e'\\''f' plain=1\n`), text);
  });

  it('leads from the ESP to /boot', () => {
    assert.equal(
      espGrubConfig({ uuid: 'B007', folder: '' }),
      'search --no-floppy --fs-uuid --set=root B007\nset prefix=($root)/grub\nconfigfile $prefix/grub.cfg\n',
    );
  });
});
