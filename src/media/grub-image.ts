/**
 * GRUB's El Torito image for BIOS machines: the one boot loader of the medium that is made and not copied (Debian
 * signs GRUB for UEFI and ships no ready image for BIOS).
 */
import type { Command } from '../engine/command.ts';
import { MEDIUM } from './types.ts';

/**
 * What GRUB runs before it can read a configuration file. BIOS tells GRUB which drive it came from, and `$root` is
 * that drive; some machines lie about it, so the medium is looked for, the boot drive first (the third word is a
 * hint). Only rescue-parser commands here: no `if`, no `[`.
 */
export const GRUB_EARLY_CONFIG = [
  `search.file /${MEDIUM.manifest} root $root`,
  'set prefix=($root)/boot/grub',
  '',
].join('\n');

/**
 * Everything the boot menu and a person at its prompt need, so that the menu works before, and without, the module
 * folder on a slow disc.
 */
// biome-ignore format: one line a subject
const GRUB_BIOS_MODULES = [
  // Disks, partition tables and file systems: the medium itself, and enough to look at an installed disk.
  'biosdisk', 'part_gpt', 'part_msdos', 'iso9660', 'fat', 'ext2', 'loopback',
  'search', 'search_fs_file', 'search_label', 'search_fs_uuid', 'probe', 'ls',
  // Consoles.
  'serial', 'terminal', 'terminfo',
  // The menu's language.
  'normal', 'configfile', 'test', 'true', 'regexp', 'echo', 'sleep', 'minicmd',
  // What an entry can do.
  'linux', 'chain', 'boot', 'halt', 'reboot', 'all_video',
] as const;

/** Paths of the call; all absolute, or all inside the chroot it runs in. */
export interface GrubImagePaths {
  /** `/usr/lib/grub/i386-pc` of the base. */
  readonly modules: string;
  /** A file that holds {@link GRUB_EARLY_CONFIG}. */
  readonly earlyConfig: string;
  readonly out: string;
}

/** The call of grub-mkimage (grub-common) that makes the image; its output depends on nothing but its inputs. */
export function grubElToritoCommand(paths: GrubImagePaths): Command {
  return {
    file: 'grub-mkimage',
    effect: 'write',
    args: [
      '--format=i386-pc-eltorito',
      `--directory=${paths.modules}`,
      '--prefix=/boot/grub',
      `--config=${paths.earlyConfig}`,
      `--output=${paths.out}`,
      ...GRUB_BIOS_MODULES,
    ],
  };
}
