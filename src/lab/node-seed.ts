/** What the lab puts into its machines from outside, so that it can log in. The ISO knows nothing of it. */
import type { NodePlan } from '../plan/types.ts';
import type { SeedFile } from './engine.ts';

/** What the lab needs to know of a node. */
export type NodeOutline = Pick<NodePlan, 'name' | 'index' | 'interfaces' | 'hosts'>;

/** A second file that sshd reads by default: the spec's own keys, if any, stay alone in the first. */
const KEYS = 'root/.ssh/authorized_keys2';

/**
 * An SMBIOS string that makes systemd write our key at every start: systemd-tmpfiles takes lines from the credential
 * `tmpfiles.extra` (systemd 252 and later; others ignore it). Base64, since the lines hold spaces and line ends.
 */
export function loginCredential(publicKey: string): string {
  return seedCredential(
    'd /root/.ssh 0700 root root -',
    `f+ /${KEYS} 0600 root root - ${publicKey.trim().replaceAll('%', '%%')}`,
  );
}

/** The same for any lines of tmpfiles.d(5): they are carried out at each start, before services are. */
export function seedCredential(...lines: readonly string[]): string {
  const text = [...lines, ''].join('\n');
  return `io.systemd.credential.binary:tmpfiles.extra=${Buffer.from(text).toString('base64')}`;
}

/** The line of tmpfiles.d(5) that writes a program of the shell. */
export const seedScript = (path: string, text: string): string =>
  `f+~ ${path} 0755 - - - ${Buffer.from(`#!/bin/sh\n${text}\n`).toString('base64')}`;

/** Files of a bare system: its name, its addresses, our key, a shell on its console. */
export function bareSeed(
  { name, interfaces, hosts }: NodeOutline,
  cards: readonly { readonly mac: string }[],
  publicKey: string,
): readonly SeedFile[] {
  return [
    { path: 'etc/hostname', content: `${name}\n`, mode: 0o644 },
    { path: 'etc/hosts', content: hostsFile(hosts), mode: 0o644 },
    ...interfaces.map((each, i) => ({
      path: `etc/systemd/network/10-lab-${i}.network`,
      content: networkFile(each, each.mac ?? cards[i]?.mac ?? ''),
      mode: 0o644,
    })),
    ...accessSeed(publicKey),
  ];
}

/** What the lab puts into a system on User-Mode Linux: our key, a shell on its console, its button, less to look for. */
export const accessSeed = (publicKey: string): readonly SeedFile[] => [
  { path: KEYS, content: `${publicKey.trim()}\n`, mode: 0o600 },
  {
    path: 'etc/systemd/system/console-getty.service.d/lab.conf',
    content: CONSOLE_SHELL,
    mode: 0o644,
  },
  { path: 'etc/systemd/system/ctrl-alt-del.target', content: POWER_OFF, mode: 0o644 },
  { path: 'etc/systemd/system/systemd-udev-trigger.service.d/lab.conf', content: FEW_DEVICES, mode: 0o644 },
];

const hostsFile = (hosts: NodeOutline['hosts']): string =>
  ['127.0.0.1 localhost', ...hosts.map(({ name, address }) => `${address} ${name}`), ''].join('\n');

function networkFile(
  { address, gateway }: { readonly address: string; readonly gateway?: string },
  mac: string,
): string {
  const lines = address === 'dhcp' ? ['DHCP=ipv4'] : [`Address=${address}`];
  if (gateway !== undefined) lines.push(`Gateway=${gateway}`);
  return `[Match]\nMACAddress=${mac}\n\n[Network]\n${lines.join('\n')}\n`;
}

/** Nobody has a password there, and whoever reaches the console has the whole machine in files. */
const CONSOLE_SHELL = `[Service]
ExecStart=
ExecStart=-/sbin/agetty -o "-p -f -- \\\\u" --noclear --autologin root --keep-baud - 115200,38400,9600 linux
`;

/** Disks and cards are all that there is to be found; the kernel's many consoles take seconds. */
const FEW_DEVICES = `[Service]
ExecStart=
ExecStart=-udevadm trigger --type=all --action=add --subsystem-match=block --subsystem-match=net
`;

/** The only button such a machine has is Ctrl-Alt-Del. */
const POWER_OFF = `[Unit]
DefaultDependencies=no
Requires=systemd-poweroff.service
After=systemd-poweroff.service
AllowIsolate=yes
`;
