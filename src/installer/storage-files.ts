/** The files by which the installed system finds its storage: /etc/fstab and mdadm.conf. Pure. */
import type { DeviceIds } from './device-ids.ts';
import type { ModelFileSystem, StorageModel } from './model.ts';
import { cryptsBelow } from './model-layers.ts';

/** What blivet mounts an ESP with. */
const ESP_OPTIONS = 'umask=0077,shortname=winnt';

/** Types that no fsck looks at when a system starts. */
const CHECKED_BY_THEMSELVES: readonly string[] = ['swap', 'xfs', 'btrfs', 'tmpfs'];

/** What a file system is mounted with here and in fstab; a subvolume is one of them. */
export const mountOptions = ({ subvolume, mountOptions: given }: ModelFileSystem): readonly string[] => [
  ...(subvolume === undefined ? [] : [`subvol=${subvolume}`]),
  ...(given === undefined ? [] : [given]),
];

/** `/etc/fstab` */
export function fstab(model: StorageModel, ids: DeviceIds): string {
  const lines = model.fileSystems
    .filter(({ type, mountPoint }) => mountPoint !== undefined || type === 'swap')
    .toSorted((a, b) => (a.mountPoint ?? '~').length - (b.mountPoint ?? '~').length)
    .map((fileSystem) => {
      const { device, type, mountPoint } = fileSystem;
      const pass = CHECKED_BY_THEMSELVES.includes(type) ? 0 : mountPoint === '/' ? 1 : 2;
      const usual = mountPoint === '/boot/efi' ? ESP_OPTIONS : 'defaults';
      const base = mountOptions(fileSystem).join(',') || usual;
      const options = model.tolerant ? `${base}${tolerance(fileSystem)}` : base;
      const source = type === 'tmpfs' ? 'tmpfs' : `UUID=${ids.fileSystem(device)}`;
      return `${source} ${mountPoint ?? 'none'} ${type} ${options} 0 ${pass}`;
    });
  return ['# Written by the installer from the kickstart.', ...lines, ''].join('\n');
}

/**
 * A missing ESP or data volume must not keep a node from starting: the agent says what is wrong. How long systemd looks
 * for it is systemd's own 90 s: nothing but the agent waits for that, and a busy machine takes more than 30 s.
 */
function tolerance({ type, mountPoint }: ModelFileSystem): string {
  if (mountPoint === '/' || type === 'tmpfs') return '';
  return ',nofail';
}

/** `/etc/crypttab`, as Anaconda writes it; undefined where nothing is encrypted. */
export function crypttab(model: StorageModel): string | undefined {
  if (model.crypts.length === 0) return undefined;
  const root = model.fileSystems.find(({ mountPoint }) => mountPoint === '/');
  const early = root === undefined ? [] : cryptsBelow(model, root.device);
  const lines = model.crypts.map((crypt) => {
    const options = early.includes(crypt) ? 'discard,x-initrd.attach' : 'discard';
    return `${crypt.name} UUID=${crypt.uuid} none ${options}`;
  });
  return [...lines, ''].join('\n');
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
