/** The files by which the installed system finds its storage: /etc/fstab and mdadm.conf. Pure. */
import type { DeviceIds } from './device-ids.ts';
import type { StorageModel } from './model.ts';

/** `/etc/fstab` */
export function fstab(model: StorageModel, ids: DeviceIds): string {
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

/** `mdadm.conf`: only the arrays of this installation are assembled: a disk nobody declared stays as it is. */
export function mdadmConf(model: StorageModel, ids: DeviceIds): string {
  return [
    'HOMEHOST <ignore>',
    'MAILADDR root',
    'AUTO -all',
    ...model.arrays.map(({ name, device }) => `ARRAY ${device} UUID=${ids.array(name)}`),
    '',
  ].join('\n');
}
