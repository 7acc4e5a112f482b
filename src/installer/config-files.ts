/** The files that make an unpacked image this node: path → content. Pure; Debian with systemd-networkd. */
import { resumeArgument } from './boot-files.ts';
import type { DeviceIds } from './device-ids.ts';
import type { StorageModel } from './model.ts';
import { networkFiles, takesOfferedDns } from './network-files.ts';
import { crypttab, fstab, mdadmConf } from './storage-files.ts';
import type { SystemConfig } from './system-config.ts';
import { nftablesConfig } from './system-config-firewall.ts';
import { keyboardFile, localeFile, vconsoleFile } from './system-config-language.ts';
import { selinuxConfig } from './system-config-services.ts';
import { chronyConfig, timesyncdConfig } from './system-config-time.ts';

/** Every file to be written below the target's root. */
export function configFiles(
  config: SystemConfig,
  model: StorageModel,
  ids: DeviceIds,
): ReadonlyMap<string, string> {
  const { language, time, services, firewall, accounts, hostname } = config;
  const files = new Map<string, string>([
    ['/etc/fstab', fstab(model, ids)],
    ['/etc/timezone', `${time.zone}\n`],
    ['/etc/default/locale', localeFile(language)],
    ['/etc/default/keyboard', keyboardFile(language)],
    ['/etc/vconsole.conf', vconsoleFile(language)],
    ['/etc/adjtime', `0.0 0 0.0\n0\n${time.hardwareClock}\n`],
    ['/etc/default/grub', grubDefaults(config, resumeArgument(model, ids))],
  ]);
  const set = (path: string, content: string | undefined): void => {
    if (content !== undefined) files.set(path, content);
  };
  if (hostname !== undefined) {
    files.set('/etc/hostname', `${hostname}\n`);
    files.set('/etc/hosts', `127.0.0.1 localhost\n127.0.1.1 ${hostname}\n::1 localhost ip6-localhost\n`);
  }
  if (model.arrays.length > 0) files.set('/etc/mdadm/mdadm.conf', mdadmConf(model, ids));
  set('/etc/crypttab', crypttab(model));
  set('/etc/systemd/timesyncd.conf.d/slipway.conf', timesyncdConfig(time));
  set('/etc/chrony.conf', chronyConfig(time));
  set('/etc/resolv.conf', resolverConfig(config));
  if (takesOfferedDns(config.interfaces)) {
    // It is here for the name servers of a lease, not to answer the neighbours.
    files.set('/etc/systemd/resolved.conf.d/slipway.conf', '[Resolve]\nLLMNR=no\nMulticastDNS=no\n');
  }
  if (services.selinux !== undefined) files.set('/etc/selinux/config', selinuxConfig(services.selinux));
  if (firewall !== undefined) files.set('/etc/nftables.conf', nftablesConfig(firewall));
  if (accounts.rootBySsh) files.set('/etc/ssh/sshd_config.d/01-permitrootlogin.conf', ROOT_BY_SSH);
  for (const [name, text] of networkFiles(config.interfaces)) files.set(`/etc/systemd/network/${name}`, text);
  return files;
}

/** Every symbolic link to be made below the target's root: path → target, as it is written. */
export function configLinks({ time, interfaces }: SystemConfig): ReadonlyMap<string, string> {
  return new Map([
    // Relative, as Anaconda and systemd make it.
    ['/etc/localtime', `../usr/share/zoneinfo/${time.zone}`],
    ...(takesOfferedDns(interfaces)
      ? [['/etc/resolv.conf', '../run/systemd/resolve/resolv.conf'] as const]
      : []),
  ]);
}

/** By the name Anaconda gives it. */
const ROOT_BY_SSH = [
  '# Written by the installer: the kickstart says rootpw --allow-ssh. Remove this file to opt out.',
  'PermitRootLogin yes',
  '',
].join('\n');

/** Only name servers that the kickstart names: those that DHCP offers come and go with the lease. See configLinks. */
function resolverConfig({ interfaces }: SystemConfig): string | undefined {
  const servers = [...new Set(interfaces.flatMap(({ nameServers }) => nameServers))];
  return servers.length === 0 ? undefined : servers.map((server) => `nameserver ${server}\n`).join('');
}

/** For grub-mkconfig, whoever runs it later, and for those who look here for the arguments of the kernel. */
function grubDefaults({ bootTimeout, bootArguments }: SystemConfig, resume: readonly string[]): string {
  const quoted = [...resume, ...bootArguments].join(' ').replace(/["\\$`]/g, '\\$&');
  return [
    '# Written by the installer from the kickstart.',
    `GRUB_TIMEOUT=${bootTimeout}`,
    'GRUB_DISTRIBUTOR="Slipway"',
    `GRUB_CMDLINE_LINUX="${quoted}"`,
    '',
  ].join('\n');
}
