/**
 * The EFI image: a FAT file system with Debian's signed shim and GRUB. It is the El Torito image of a CD and, the very
 * same bytes, the EFI system partition of a stick. Made by mkfs.vfat and mtools, without a mount.
 */
import type { Command } from '../engine/command.ts';
import type { BootFiles } from './types.ts';

export interface EspFile {
  /** Path in the image, without a leading slash. */
  readonly path: string;
  /** Absolute path of the file to copy. */
  readonly source: string;
}

/** What lies in the image; `config` and `marker` are files made for this medium. */
export function espFiles(boot: BootFiles, config: string, marker: EspFile): readonly EspFile[] {
  return [
    { path: 'EFI/BOOT/BOOTX64.EFI', source: boot.shim },
    // Names that shim has built in.
    { path: 'EFI/BOOT/grubx64.efi', source: boot.grubEfi },
    { path: 'EFI/BOOT/mmx64.efi', source: boot.mokManager },
    marker,
    { path: 'boot/grub/grub.cfg', source: config },
  ];
}

const MIB = 1024 * 1024;
/** Below this FAT16 has too few clusters to be FAT16 (4085, Microsoft's FAT specification). */
const SMALLEST_BYTES = 5 * MIB;

/** Size of the image for files of that many bytes together: room for FAT and folders, whole MiB. */
export const espBytes = (content: number): number =>
  Math.max(SMALLEST_BYTES, Math.ceil((content + MIB / 2) / MIB) * MIB);

/**
 * The calls that fill `image`, a file that already has its size. The same files and epoch give the same bytes: mtools
 * stamps with SOURCE_DATE_EPOCH, and `--invariant` takes the random and the clock out of mkfs.vfat.
 */
export function espCommands(
  image: string,
  files: readonly EspFile[],
  sourceDateEpoch: number,
): readonly Command[] {
  // FAT keeps local time.
  const env = { SOURCE_DATE_EPOCH: String(sourceDateEpoch), TZ: 'UTC' };
  const folders = [...new Set(files.flatMap(({ path }) => parents(path)))].sort();
  return [
    {
      file: 'mkfs.vfat',
      effect: 'write',
      args: ['--invariant', '-F', '16', '-s', '2', '-i', '534c5057', '-n', 'SLIPWAYEFI', image],
      env,
    },
    { file: 'mmd', effect: 'write', args: ['-i', image, ...folders.map((folder) => `::/${folder}`)], env },
    ...files.map(
      ({ path, source }): Command => ({
        file: 'mcopy',
        effect: 'write',
        args: ['-i', image, source, `::/${path}`],
        env,
      }),
    ),
  ];
}

/** `a/b/c.efi` → `a`, `a/b`. */
function parents(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}
