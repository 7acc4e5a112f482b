/** What an audit of an image finds. */

import type { FatVolume } from '../../storage/fat.ts';
import type { FatRole } from '../image/fat-places.ts';
import type { GrubBuiltIn } from './grub-image.ts';

/** Ways to start a machine from the medium. */
export const BOOT_PATHS = {
  'bios-cd': 'BIOS, CD',
  'bios-disk': 'BIOS, USB stick',
  'uefi-cd': 'UEFI, CD',
  'uefi-disk': 'UEFI, USB stick',
  openfirmware: 'OpenFirmware, CD',
  s390x: 's390x, CD',
} as const;
export type BootPathId = keyof typeof BOOT_PATHS;

/** What is looked at, in this order. */
export const CHECK_NAMES = [
  'volume',
  'partitions',
  'boot',
  'loaders',
  'menus',
  'labels',
  'kickstarts',
  'divergence',
  'checksum',
  'base',
] as const;
export type CheckName = (typeof CHECK_NAMES)[number];

export interface Finding {
  readonly check: CheckName;
  readonly severity: 'failure' | 'warning';
  /** A boot path, a file of the medium, a partition. */
  readonly where: string;
  readonly message: string;
  readonly hint?: string;
  /** Two texts that should be one, as a unified diff. */
  readonly diff?: string;
}

export interface CheckResult {
  readonly check: CheckName;
  readonly verdict: 'ok' | 'warning' | 'failure' | 'skipped';
  /** What was looked at, or why it was not. */
  readonly summary: string;
}

/** A file system that a boot loader can read: the medium's own, or a FAT image on it. */
export interface BootVolume {
  /** `disc`, or the place of the FAT image: `El Torito image (UEFI)`. */
  readonly name: string;
  /** What `search --label` of GRUB finds it by; undefined for a FAT image. */
  readonly label: string | undefined;
  /** Undefined when there is no such file. Paths may begin with a slash. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Whether there is such a file; folders count as well for the disc. */
  has(path: string): Promise<boolean>;
}

/** A FAT file system somewhere on the image. */
export interface FatImage {
  /** Bytes from the beginning of the image. */
  readonly offset: number;
  /** All that leads to it, such as `GPT partition 2`. */
  readonly roles: readonly FatRole[];
  readonly fat: FatVolume;
  readonly volume: BootVolume;
}

export interface BootLoader {
  readonly kind: 'isolinux' | 'grub' | 'kernel' | 'unknown';
  /** Where it lies, for people. */
  readonly where: string;
  readonly builtIn: GrubBuiltIn | undefined;
}

/** A file that a loader may take its menu from. */
export interface ConfigPlace {
  readonly volume: BootVolume;
  /** Without a leading slash. */
  readonly path: string;
}

export interface BootPath {
  readonly id: BootPathId;
  readonly loader: BootLoader;
  /**
   * The files that exist among those the loader looks for. The first one is what firmware was seen to read; others are
   * read by other firmware, so they have to say the same.
   */
  readonly configs: readonly ConfigPlace[];
  /** The FAT image that the firmware opens, under UEFI. */
  readonly fat?: FatImage;
}

/** A line of a menu that starts a kernel, its files looked up. */
export interface AuditEntry {
  /** The text it stands in: `disc:/boot/grub/grub.cfg`. */
  readonly place: string;
  readonly title: string;
  readonly submenus: readonly string[];
  readonly isDefault: boolean;
  readonly kernel: FileReference;
  readonly initrds: readonly FileReference[];
  /** Words of the kernel's command line without `initrd=`. */
  readonly args: readonly string[];
}

export interface FileReference {
  /** As resolved: `disc:/images/pxeboot/vmlinuz`. */
  readonly place: string;
  /** Path on its volume, without a leading slash. */
  readonly path: string;
  readonly onDisc: boolean;
  readonly exists: boolean;
}

/** A configuration with everything it leads to. */
export interface FollowedConfig {
  /** `disc:/EFI/BOOT/grub.cfg`. */
  readonly place: string;
  /** The texts in the order they were read, the first one at `place`. */
  readonly texts: readonly { readonly place: string; readonly text: string }[];
  readonly entries: readonly AuditEntry[];
  /** The entry the time-out takes starts no kernel: "boot from disk". */
  readonly defaultElsewhere: string | undefined;
  readonly timeoutSeconds: number | undefined;
  /** What keeps it from working, for {@link Finding.message}; `check` says of what kind. */
  readonly complaints: readonly {
    readonly check: CheckName;
    readonly severity: 'failure' | 'warning';
    readonly message: string;
  }[];
}

export const placeOf = ({ volume, path }: ConfigPlace): string => `${volume.name}:/${path}`;
