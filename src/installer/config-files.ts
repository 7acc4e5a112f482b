/** The files that make an unpacked image this node: path → content. Pure; Debian with systemd-networkd. */
import type { DeviceIds } from './device-ids.ts';
import type { StorageModel } from './model.ts';
import { networkFiles } from './network-files.ts';
import type { SystemConfig } from './system-config.ts';

/** Every file to be written below the target's root. */
export function configFiles(
  config: SystemConfig,
  model: StorageModel,
  ids: DeviceIds,
): ReadonlyMap<string, string> {
  const files = new Map<string, string>([
    ['/etc/fstab', fstab(model, ids)],
    ['/etc/timezone', `${config.timezone}\n`],
    ['/etc/default/locale', localeFile(config.locale)],
    ['/etc/vconsole.conf', `KEYMAP=${config.keymap}\n`],
    ['/etc/adjtime', '0.0 0 0.0\n0\nUTC\n'],
  ]);
  if (config.hostname !== undefined) {
    files.set('/etc/hostname', `${config.hostname}\n`);
    files.set(
      '/etc/hosts',
      `127.0.0.1 localhost\n127.0.1.1 ${config.hostname}\n::1 localhost ip6-localhost\n`,
    );
  }
  if (model.arrays.length > 0) files.set('/etc/mdadm/mdadm.conf', mdadmConf(model, ids));
  if (config.timeServers.length > 0) {
    files.set('/etc/systemd/timesyncd.conf.d/slipway.conf', `[Time]\nNTP=${config.timeServers.join(' ')}\n`);
  }
  const nameServers = [...new Set(config.interfaces.flatMap((one) => one.nameServers))];
  if (nameServers.length > 0) {
    files.set('/etc/resolv.conf', nameServers.map((server) => `nameserver ${server}\n`).join(''));
  }
  for (const [name, text] of networkFiles(config.interfaces)) files.set(`/etc/systemd/network/${name}`, text);
  return files;
}

/** The image holds no other locales: a LANG that is not there makes every program complain. */
const IMAGE_LOCALES = ['C', 'POSIX', 'C.UTF-8'];

function localeFile(wanted: string): string {
  if (IMAGE_LOCALES.includes(wanted)) return `LANG=${wanted}\n`;
  return `# The kickstart asks for ${wanted}, this image has C.UTF-8.\nLANG=C.UTF-8\n`;
}

function fstab(model: StorageModel, ids: DeviceIds): string {
  const lines = model.fileSystems
    .filter(({ type, mountPoint }) => mountPoint !== undefined || type === 'swap')
    .toSorted((a, b) => (a.mountPoint ?? '~').length - (b.mountPoint ?? '~').length)
    .map(({ device, type, mountPoint, mountOptions }) => {
      const pass = mountPoint === '/' ? 1 : type === 'swap' || type === 'xfs' ? 0 : 2;
      // A missing ESP or data volume must not keep a node from starting: the agent says what is wrong.
      const tolerant =
        mountPoint === '/' ? '' : type === 'swap' ? ',nofail' : ',nofail,x-systemd.device-timeout=30s';
      const base = mountOptions ?? (mountPoint === '/boot/efi' ? 'umask=0077' : 'defaults');
      return `UUID=${ids.fileSystem(device)} ${mountPoint ?? 'none'} ${type} ${base}${tolerant} 0 ${pass}`;
    });
  return ['# Written by the installer from the kickstart.', ...lines, ''].join('\n');
}

/** Only the arrays of this installation are assembled: a disk nobody declared stays as it is. */
function mdadmConf(model: StorageModel, ids: DeviceIds): string {
  return [
    'HOMEHOST <ignore>',
    'MAILADDR root',
    'AUTO -all',
    ...model.arrays.map(({ name, device }) => `ARRAY ${device} UUID=${ids.array(name)}`),
    '',
  ].join('\n');
}
