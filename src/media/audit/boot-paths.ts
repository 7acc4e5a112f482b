/**
 * Which loader each way to boot starts, and where that loader looks for its menu: by what is built into it, and where
 * that cannot be read, by the conventions of vendors.
 */

import type { BootCatalogEntry } from '../image/el-torito.ts';
import type { FatRole } from '../image/fat-places.ts';
import type { Medium } from '../image/medium.ts';
import { readEntry } from '../image/tree.ts';
import { ISO_BLOCK } from '../image/volume.ts';
import { type GrubBuiltIn, grubBuiltIntoEfi, grubBuiltIntoElTorito } from './grub-image.ts';
import type { BootLoader, BootPath, BootPathId, BootVolume, ConfigPlace, FatImage } from './types.ts';

/** In the order of isolinux's own search (syslinux 6, core/fs/iso9660/iso9660.c). */
const ISOLINUX_FOLDERS = ['boot/isolinux/', 'isolinux/', 'boot/syslinux/', 'syslinux/', ''];
const ISOLINUX_CONFIGS = ISOLINUX_FOLDERS.flatMap((folder) => [
  `${folder}isolinux.cfg`,
  `${folder}syslinux.cfg`,
]);
/** Where vendors' and Debian's GRUB keep it, when nothing can be read from the image itself. */
const GRUB_BIOS_CONFIGS = ['boot/grub2/grub.cfg', 'boot/grub/grub.cfg'];
const GRUB_EFI_CONFIGS = ['EFI/BOOT/grub.cfg', 'boot/grub2/grub.cfg', 'boot/grub/grub.cfg'];
const BOOTINFO = 'ppc/bootinfo.txt';
const S390X_IMAGE = 'images/cdboot.img';
/** What the command line in the image was taken from. */
const S390X_PARAMETERS = 'images/cdboot.prm';
/** More than any loader has; what lies there is read as a whole. */
const MOST_LOADER_BYTES = 16 << 20;

/** The program that firmware starts from a FAT image, and the GRUB that a shim of that machine goes on with. */
export const EFI_PROGRAMS = ['X64', 'AA64', 'IA32', 'RISCV64'].map((machine) => ({
  first: `EFI/BOOT/BOOT${machine}.EFI`,
  second: `EFI/BOOT/grub${machine.toLowerCase()}.efi`,
}));

export async function findBootPaths(
  medium: Medium,
  disc: BootVolume,
  fats: readonly FatImage[],
): Promise<readonly BootPath[]> {
  const s390x = await s390xPath(disc);
  const bios = medium.catalog?.entries.find(({ platform, bootable }) => platform === 'bios' && bootable);
  const cd =
    bios === undefined || s390x !== undefined ? undefined : await biosPath('bios-cd', medium, disc, bios);
  // The code in the MBR does nothing but go on with the very image of the CD.
  const disk =
    cd !== undefined && medium.partitions.mbr?.hasCode === true
      ? { ...cd, id: 'bios-disk' as const }
      : undefined;
  const firmware = async (id: BootPathId, ...kinds: readonly FatRole['kind'][]) => {
    const fat = kinds
      .map((kind) => fats.find(({ roles }) => roles.some((r) => r.kind === kind)))
      .find((f) => f !== undefined);
    return fat === undefined ? undefined : uefiPath(id, disc, fat);
  };
  const paths = [
    cd,
    disk,
    await firmware('uefi-cd', 'el-torito'),
    // Without an ESP, other partitions with a FAT file system: isohybrid names the EFI image in one.
    await firmware('uefi-disk', 'esp', 'mbr', 'basic-data'),
    await openFirmwarePath(disc),
    s390x,
  ];
  return paths.filter((path) => path !== undefined);
}

/** Configurations in FAT images that no path leads to: firmware of others may, and people will look there. */
export async function findCopies(
  fats: readonly FatImage[],
  paths: readonly BootPath[],
): Promise<readonly Pick<BootPath, 'configs' | 'fat'>[]> {
  const unused = fats.filter((fat) => !paths.some((path) => path.fat === fat));
  return Promise.all(
    unused.map(async (fat) => ({ fat, configs: await existing(fat.volume, GRUB_EFI_CONFIGS) })),
  );
}

/** The El Torito image for BIOS: a file of the tree, or as many sectors as the catalogue says. */
export async function readBiosImage(medium: Medium, { block, sectors }: BootCatalogEntry) {
  const entry = [...medium.tree.entries.values()].find(
    ({ kind, extents }) => kind === 'file' && extents[0]?.block === block,
  );
  const bytes =
    entry === undefined
      ? await medium.image.read(block * ISO_BLOCK, sectors * 512)
      : await readEntry(medium.image.read, entry, 0, Math.min(entry.bytes, MOST_LOADER_BYTES));
  return { path: entry?.path, bytes };
}

async function biosPath(
  id: BootPathId,
  medium: Medium,
  disc: BootVolume,
  entry: BootCatalogEntry,
): Promise<BootPath> {
  const { path, bytes } = await readBiosImage(medium, entry);
  const where = path === undefined ? `block ${entry.block}` : `/${path}`;
  if (isIsolinux(bytes)) {
    const configs = await existing(disc, ISOLINUX_CONFIGS);
    return { id, loader: { kind: 'isolinux', where, builtIn: undefined }, configs: configs.slice(0, 1) };
  }
  const builtIn = grubBuiltIntoElTorito(bytes);
  const loader: BootLoader = { kind: builtIn === undefined ? 'unknown' : 'grub', where, builtIn };
  const conventional =
    builtIn === undefined ? [...ISOLINUX_CONFIGS, ...GRUB_BIOS_CONFIGS] : GRUB_BIOS_CONFIGS;
  const own = prefixOf(builtIn);
  const configs = await existing(disc, own === undefined ? conventional : [`${own}/grub.cfg`]);
  return { id, loader, configs: configs.slice(0, 1) };
}

/**
 * GRUB for UEFI looks at its prefix on the device it was started from. That is the whole disc when firmware took the
 * El Torito image, and the partition when it took an ESP (seen with OVMF and the GRUB of Debian and of vendors).
 */
async function uefiPath(id: BootPathId, disc: BootVolume, fat: FatImage): Promise<BootPath> {
  const { where, program } = await findEfiGrub(fat);
  const builtIn = program === undefined ? undefined : grubBuiltIntoEfi(program);
  const own = prefixOf(builtIn);
  const names = [...new Set([...(own === undefined ? [] : [`${own}/grub.cfg`]), ...GRUB_EFI_CONFIGS])];
  const onEsp = id === 'uefi-disk' && fat.roles.some(({ kind }) => kind === 'esp');
  const volumes = onEsp ? [fat.volume, disc] : [disc, fat.volume];
  const perVolume = await Promise.all(
    volumes.map(async (volume) => (await existing(volume, names)).slice(0, 1)),
  );
  return {
    id,
    fat,
    loader: { kind: builtIn === undefined ? 'unknown' : 'grub', where, builtIn },
    configs: perVolume.flat(),
  };
}

/** On POWER a file names the loader, which is GRUB with `/boot/grub` built in (lorax's ppc64le.tmpl). */
async function openFirmwarePath(disc: BootVolume): Promise<BootPath | undefined> {
  if (!(await disc.has(BOOTINFO))) return undefined;
  const loader: BootLoader = { kind: 'grub', where: `/${BOOTINFO}`, builtIn: undefined };
  return { id: 'openfirmware', loader, configs: (await existing(disc, GRUB_BIOS_CONFIGS)).slice(0, 1) };
}

/** On s390x there is no loader: kernel, initramfs and command line are one image (lorax's s390.tmpl). */
async function s390xPath(disc: BootVolume): Promise<BootPath | undefined> {
  if (!(await disc.has(S390X_IMAGE))) return undefined;
  const loader: BootLoader = { kind: 'kernel', where: `/${S390X_IMAGE}`, builtIn: undefined };
  return { id: 's390x', loader, configs: await existing(disc, [S390X_IMAGE, S390X_PARAMETERS]) };
}

/** The GRUB of a FAT image: what shim starts, or the first program itself. */
async function findEfiGrub({ volume }: FatImage) {
  for (const { first, second } of EFI_PROGRAMS) {
    const [main, next] = await Promise.all([volume.read(first), volume.read(second)]);
    if (next !== undefined) return { where: `${volume.name}:/${second}`, program: next };
    if (main !== undefined) return { where: `${volume.name}:/${first}`, program: main };
  }
  return { where: volume.name, program: undefined };
}

async function existing(volume: BootVolume, paths: readonly string[]): Promise<readonly ConfigPlace[]> {
  const there = await Promise.all(
    paths.map(async (path) => ((await volume.has(path)) ? [{ volume, path }] : [])),
  );
  return there.flat();
}

const isIsolinux = (image: Uint8Array): boolean =>
  Buffer.from(image.buffer, image.byteOffset, Math.min(image.length, 65_536)).includes('ISOLINUX');

/** `(cd0)/boot/grub`, or `set prefix=($root)/boot/grub` in the first commands → `boot/grub`. */
function prefixOf(builtIn: GrubBuiltIn | undefined): string | undefined {
  const set = /^\s*set prefix=(\S+)/m.exec(builtIn?.earlyConfig ?? '')?.[1];
  const prefix = (set ?? builtIn?.prefix)?.replace(/^\([^)]*\)/, '').replace(/^\/+|\/+$/g, '');
  return prefix === undefined || prefix === '' ? undefined : prefix;
}
