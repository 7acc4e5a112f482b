/** The installed system's boot configuration: grub.cfg on /boot, and the short one on the ESP. Pure. */
import type { DeviceIds } from './device-ids.ts';
import type { StorageModel } from './model.ts';
import { cryptsBelow } from './model-layers.ts';
import type { SystemConfig } from './system-config.ts';

export interface BootFacts {
  readonly title: string;
  /** File names in /boot. */
  readonly kernel: string;
  readonly initrd: string;
}

/** The kernel's arguments: what the generic initramfs needs to find the root, and what the kickstart adds. */
export function kernelArguments(
  model: StorageModel,
  ids: DeviceIds,
  config: SystemConfig,
): readonly string[] {
  const root = model.fileSystems.find(({ mountPoint }) => mountPoint === '/');
  if (root === undefined) throw new Error('the model has no root file system');
  return [
    `root=UUID=${ids.fileSystem(root.device)}`,
    'ro',
    ...(root.subvolume === undefined ? [] : [`rootflags=subvol=${root.subvolume}`]),
    ...model.arrays.map(({ name }) => `rd.md.uuid=${ids.array(name)}`),
    ...cryptsBelow(model, root.device).map(({ name }) => `rd.luks.uuid=${name}`),
    ...model.volumeGroups.map(({ name }) => `rd.lvm.vg=${name}`),
    ...resumeArgument(model, ids),
    ...config.bootArguments,
  ];
}

/** Where a hibernated system is read from; nothing unless the kickstart asks for hibernation. */
export const resumeArgument = ({ boot }: StorageModel, ids: DeviceIds): readonly string[] =>
  boot.hibernation === undefined ? [] : [`resume=UUID=${ids.fileSystem(boot.hibernation)}`];

/** The device whose file system holds /boot, and the folder's path in it. */
export function bootVolume(model: StorageModel): { readonly device: string; readonly folder: string } {
  const at = (mountPoint: string) => model.fileSystems.find((one) => one.mountPoint === mountPoint);
  const boot = at('/boot');
  if (boot !== undefined) return { device: boot.device, folder: '' };
  const root = at('/');
  if (root === undefined) throw new Error('the model has no root file system');
  return { device: root.device, folder: '/boot' };
}

/** The file system that GRUB reads its configuration, kernel and initramfs from. */
export interface BootVolume {
  readonly uuid: string;
  /** Path of /boot in it. */
  readonly folder: string;
  /** Modules of GRUB that reading it takes beside the usual ones. */
  readonly modules?: readonly string[];
  /** Whether {@link passwordFile} lies there. */
  readonly locked?: boolean;
}

/** Where EL keeps the password of the boot menu, and its grub2-setpassword looks for it. */
export const PASSWORD_FILE = '/boot/grub2/user.cfg';

/** `/boot/grub2/user.cfg`; GRUB knows passwords by their hashes only. */
export const passwordFile = (hash: string): string => `GRUB2_PASSWORD=${hash}\n`;

/** `/boot/grub/grub.cfg`. */
export function grubConfig(
  facts: BootFacts,
  args: readonly string[],
  timeoutSeconds: number,
  volume: BootVolume,
): string {
  const entry = (title: string, extra: string): string =>
    [
      `menuentry ${grubWord(title)}${volume.locked ? ' --unrestricted' : ''} {`,
      `  linux ${volume.folder}/${facts.kernel} ${args.map(grubWord).join(' ')}${extra}`,
      `  initrd ${volume.folder}/${facts.initrd}`,
      '}',
    ].join('\n');
  return [
    '# Written by the installer; `/etc/slipway` says from what.',
    'insmod part_gpt',
    'insmod mdraid1x',
    'insmod ext2',
    ...(volume.modules ?? []).map((module) => `insmod ${module}`),
    `search --no-floppy --fs-uuid --set=root ${volume.uuid}`,
    ...(volume.locked ? passwordLines(volume.folder) : []),
    // A machine without a serial port keeps its screen.
    'if serial --unit=0 --speed=115200; then',
    '  terminal_input console serial',
    '  terminal_output console serial',
    'fi',
    `set timeout=${timeoutSeconds}`,
    'set default=0',
    entry(facts.title, ''),
    entry(`${facts.title}, one user`, ' single'),
    '',
  ].join('\n');
}

/** As grub2-mkconfig of EL writes it: whoever wants more than to start an entry is asked for root's password. */
const passwordLines = (folder: string): readonly string[] => [
  `source ($root)${folder}/grub2/user.cfg`,
  'if [ -n "$GRUB2_PASSWORD" ]; then',
  '  set superusers=root',
  '  export superusers',
  '  password_pbkdf2 root $GRUB2_PASSWORD',
  'fi',
];

/** A word as GRUB's script language reads it back: what it would take for its own is quoted. */
function grubWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** `EFI/debian/grub.cfg` on the ESP, where Debian's signed GRUB looks: it only finds /boot. */
export function espGrubConfig(volume: BootVolume): string {
  return [
    `search --no-floppy --fs-uuid --set=root ${volume.uuid}`,
    `set prefix=($root)${volume.folder}/grub`,
    'configfile $prefix/grub.cfg',
    '',
  ].join('\n');
}

/** The same within core.img, whose first parser knows no options; it goes on with `$prefix/grub.cfg` by itself. */
export function coreGrubConfig(volume: BootVolume): string {
  return [`search.fs_uuid ${volume.uuid} root`, `set prefix=($root)${volume.folder}/grub`, ''].join('\n');
}

/** Files of the signed chain: from the image, to the ESP. */
export const ESP_FILES: readonly (readonly [from: string, to: string])[] = [
  // The path every firmware starts without an entry of its own.
  ['/usr/lib/shim/shimx64.efi.signed', 'EFI/BOOT/BOOTX64.EFI'],
  ['/usr/lib/shim/mmx64.efi.signed', 'EFI/BOOT/mmx64.efi'],
  ['/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed', 'EFI/BOOT/grubx64.efi'],
  ['/usr/lib/shim/shimx64.efi.signed', 'EFI/debian/shimx64.efi'],
  ['/usr/lib/shim/mmx64.efi.signed', 'EFI/debian/mmx64.efi'],
  ['/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed', 'EFI/debian/grubx64.efi'],
];
