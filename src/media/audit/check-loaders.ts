/** Programs that firmware starts under UEFI: there, for a machine, and as they were signed. */
import { type ProgramSignatures, readSignatures } from './authenticode.ts';
import { EFI_PROGRAMS } from './boot-paths.ts';
import { collector } from './check-structure.ts';
import { parsePe } from './pe.ts';
import { BOOT_PATHS, type BootPath, type BootVolume, type FatImage, type Finding } from './types.ts';

export interface LoaderProgram {
  /** `EFI image:/EFI/BOOT/BOOTX64.EFI`. */
  readonly place: string;
  /** Without the volume, in capitals: what is compared between two media. */
  readonly path: string;
  /** Undefined when the file is listed and cannot be read. */
  readonly bytes: Uint8Array | undefined;
  readonly signatures: ProgramSignatures | undefined;
}

const MOST_PROGRAM_BYTES = 64 << 20;

/** Every .efi file of the FAT images, and the same names in the disc's own tree. */
export async function readPrograms(
  disc: BootVolume,
  fats: readonly FatImage[],
): Promise<readonly LoaderProgram[]> {
  const lists = await Promise.all(
    fats.map(async ({ fat, volume }) =>
      (await fat.files())
        .filter(({ path, bytes }) => /\.efi$/i.test(path) && bytes <= MOST_PROGRAM_BYTES)
        .map(({ path }) => ({ volume, path })),
    ),
  );
  const inFats = lists.flat();
  const onDisc = [...new Set(inFats.map(({ path }) => path))].map((path) => ({ volume: disc, path }));
  const programs: LoaderProgram[] = [];
  for (const { volume, path } of [...inFats, ...onDisc]) {
    const bytes = await volume.read(path);
    if (bytes === undefined && volume === disc) continue;
    const place = `${volume.name}:/${path}`;
    const signatures = bytes === undefined ? undefined : readSignatures(bytes);
    programs.push({ place, path: path.toUpperCase(), bytes, signatures });
  }
  return programs;
}

/** A path under UEFI has a program to start; programs are programs, and intact where they are signed. */
export function checkLoaders(
  paths: readonly BootPath[],
  programs: readonly LoaderProgram[],
): readonly Finding[] {
  const { findings, fail, warn } = collector('loaders');
  for (const { id, fat, loader } of paths) {
    if (fat !== undefined && !hasFirstProgram(fat, programs))
      fail(BOOT_PATHS[id], `there is no EFI/BOOT/BOOT*.EFI in the ${fat.volume.name}`);
    if (loader.kind === 'unknown')
      warn(
        BOOT_PATHS[id],
        `${loader.where} is neither isolinux nor a GRUB that can be looked into`,
        'its menu was looked for where vendors keep theirs',
      );
  }
  for (const { place, bytes, signatures } of programs) {
    if (bytes === undefined) fail(place, 'it cannot be read: the FAT file system is damaged');
    else if (parsePe(bytes) === undefined) fail(place, 'this is no program for UEFI');
    const broken = signatures?.signatures.find(({ intact }) => !intact);
    if (broken !== undefined)
      fail(place, `it was changed after ${broken.signer} had signed it`, 'Secure Boot will refuse it');
    const first = EFI_PROGRAMS.some(
      (names) => names.first.toUpperCase() === place.replace(/^[^:]*:\//, '').toUpperCase(),
    );
    if (first && signatures?.signatures.length === 0)
      warn(place, 'it is not signed; Secure Boot will refuse it');
  }
  return findings;
}

const hasFirstProgram = ({ volume }: FatImage, programs: readonly LoaderProgram[]): boolean =>
  EFI_PROGRAMS.some(({ first }) =>
    programs.some(({ place }) => place.toUpperCase() === `${volume.name}:/${first}`.toUpperCase()),
  );
