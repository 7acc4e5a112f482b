/** What a storage command puts on its device: a file system, a part of something larger, or nothing at all. */
import type { CommandLine, Place } from '../kickstart/types.ts';
import { flag, number, option, placeOf, type problemAt, text } from './command-words.ts';
import type { ModelFileSystem } from './model.ts';
import type { StorageFacts } from './storage-facts.ts';

/** Notes what stands against a kickstart, at a place of it. */
export type Refuse = (...problem: Parameters<typeof problemAt>) => void;

export type MemberKind = 'member' | 'pv' | 'btrfs';

export type Content =
  | { readonly kind: 'file-system'; readonly fileSystem: Omit<ModelFileSystem, 'device'> }
  /** A part of an array, volume group or btrfs volume; `id` is its name in the kickstart, `raid.boot0`. */
  | { readonly kind: MemberKind; readonly id: string }
  /** `unformatted` is the wish for nothing, `nothing` what becomes of a wish that cannot be had. */
  | { readonly kind: 'biosboot' | 'unformatted' | 'nothing' };

/** A device that a command makes. */
export interface MadeDevice {
  readonly device: string;
  readonly command: CommandLine;
  readonly content: Content;
  /** MiB for what lies on it. */
  readonly sizeMiB: number;
  /** The disk's kernel name; only for a partition. */
  readonly disk?: string;
}

/** The mount point or its like: `/boot`, `swap`, `raid.boot0`, `pv.system`, `biosboot`, `None`. */
export const targetOf = (command: CommandLine): string => command.positionals[0]?.text ?? '';

/** Whether a `raid`, `volgroup` or `logvol` command goes on using what is there. */
export const reuses = (command: CommandLine): boolean =>
  flag(command, '--useexisting') || flag(command, '--noformat');

/** Whether what lies on the device stays. */
export const keepsFormat = (command: CommandLine): boolean => flag(command, '--noformat');

/** Words of a kickstart for "mount it nowhere". */
export const NOWHERE: readonly string[] = ['None', 'none', ''];

/**
 * What `command` asks for; what cannot be had is refused, and then nothing lies there.
 *
 * @param usual the type of a file system where the command does not say
 * @param there what is kept of what lies on the device, in the words of blkid; undefined: it is made anew
 */
export function contentOf(
  command: CommandLine,
  usual: StorageFacts['fileSystem'],
  refuse: Refuse,
  there?: string,
): Content {
  const target = targetOf(command);
  const wanted = there ?? text(command, '--fstype');
  if (/^raid\./.test(target)) return { kind: 'member', id: target };
  if (/^pv\./.test(target)) return { kind: 'pv', id: target };
  if (/^btrfs\./.test(target)) return { kind: 'btrfs', id: target };
  if (wanted === 'biosboot' || target === 'biosboot') return { kind: 'biosboot' };
  // How a kickstart says "leave it alone": see the renderer.
  if (wanted === 'mdmember') return { kind: 'unformatted' };
  if (!isMountPoint(target) && target !== 'swap' && !NOWHERE.includes(target)) {
    refuse(
      command.positionals[0] ?? command,
      'mount-point',
      `nothing can be mounted at '${target}'`,
      'give an absolute path, swap, raid.NAME, pv.NAME, btrfs.NAME, biosboot or None',
    );
    return { kind: 'nothing' };
  }
  if (there !== undefined) {
    if (NOWHERE.includes(target)) return { kind: 'nothing' };
    if (fileSystemType('', there) === undefined || (target === 'swap' && there !== 'swap')) {
      const what = there === '' ? 'no file system' : `${there}, which cannot be used as ${target}`;
      refuse(command, 'keeps-existing', `there is ${what}`, 'leave out --noformat to make it anew');
      return { kind: 'nothing' };
    }
  }
  const fileSystem = fileSystemOf(
    command,
    target,
    wanted ?? (target === '/boot/efi' ? 'efi' : usual),
    refuse,
  );
  if (fileSystem === undefined) return { kind: 'nothing' };
  return {
    kind: 'file-system',
    fileSystem: there === undefined ? fileSystem : { ...fileSystem, keep: true },
  };
}

/** An absolute path that stays where it says, and that a line of fstab can hold. */
export const isMountPoint = (target: string): boolean =>
  /^\/[^\s\\]*$/.test(target) && !/\/\/|\/\.{1,2}(\/|$)|.\/$/.test(target);

type FileSystemType = ModelFileSystem['type'];

/** Bytes of a label; mkfs refuses longer ones or cuts them, when the disks are already written. */
const LABEL_BYTES: Readonly<Record<FileSystemType, number>> = {
  ...{ ext2: 16, ext3: 16, ext4: 16 },
  ...{ xfs: 12, vfat: 11, swap: 15, tmpfs: 0, btrfs: 255 },
};

/** The file systems that lie in memory: `part /tmp --fstype=tmpfs --size=…`. */
export function memoryFileSystems(
  commands: readonly CommandLine[],
  refuse: Refuse,
): readonly ModelFileSystem[] {
  const made = commands.filter((command) => text(command, '--fstype') === 'tmpfs');
  return made.flatMap((command) => {
    const mountPoint = targetOf(command);
    if (!isMountPoint(mountPoint) || mountPoint === '/') {
      refuse(command, 'mount-point', `tmpfs cannot be mounted at '${mountPoint}'`);
      return [];
    }
    const size = number(command, '--size');
    const options = [text(command, '--fsoptions') ?? [], size === undefined ? [] : `size=${size}m`].flat();
    return {
      device: 'tmpfs',
      type: 'tmpfs',
      mountPoint,
      ...(options.length === 0 ? {} : { mountOptions: options.join(',') }),
      mkfsOptions: [],
      place: placeOf(command),
    };
  });
}

function fileSystemOf(
  command: CommandLine,
  target: string,
  wanted: string | undefined,
  refuse: Refuse,
): Omit<ModelFileSystem, 'device'> | undefined {
  const at: Place = option(command, '--fstype') ?? command;
  const type = fileSystemType(target, wanted);
  if (type === undefined) {
    refuse(
      at,
      'file-system',
      `this installer makes no file system of type ${wanted ?? ''}`,
      'use ext2, ext3, ext4, xfs, btrfs, vfat, efi or swap',
    );
    return undefined;
  }
  if (target === '/boot/efi' && type !== 'vfat') {
    refuse(at, 'esp-type', `firmware cannot read ${type} at /boot/efi`, 'use --fstype=efi');
  }
  if (target.startsWith('/') && type === 'swap') {
    refuse(
      at,
      'file-system',
      `swap cannot be mounted at ${target}`,
      'write swap in place of the mount point',
    );
  }
  const label = option(command, '--label');
  const most = LABEL_BYTES[type];
  if (label !== undefined && Buffer.byteLength(label.text) > most) {
    refuse(label, 'label-too-long', `'${label.text}' is too long for a label of ${type}: ${most} bytes`);
  }
  const mountOptions = text(command, '--fsoptions');
  return {
    type,
    ...(target.startsWith('/') ? { mountPoint: target } : {}),
    ...(label === undefined ? {} : { label: label.text }),
    ...(mountOptions === undefined ? {} : { mountOptions }),
    mkfsOptions: mkfsWords(command),
    place: placeOf(command),
  };
}

/** The words that `--mkfsoptions` adds to the call of mkfs. */
export const mkfsWords = (command: CommandLine): readonly string[] =>
  (text(command, '--mkfsoptions') ?? '').split(/\s+/).filter((word) => word !== '');

export function fileSystemType(target: string, wanted: string | undefined): FileSystemType | undefined {
  if (target === 'swap') return 'swap';
  switch (wanted) {
    case 'efi':
    case 'vfat':
      return 'vfat';
    case 'ext2':
    case 'ext3':
    case 'ext4':
    case 'xfs':
    case 'btrfs':
    case 'swap':
      return wanted;
    default:
      return undefined;
  }
}
