/**
 * Install media in miniature with the layouts of vendors' media: where files lie, how firmware finds them, in which
 * order tables and images come (lorax's templates of each branch). Loaders and kernel are Debian's, in the vendors'
 * places; what would be gigabytes is a few blocks.
 */
import { chmod, copyFile, mkdir, open, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command, Exec } from '../../src/engine/command.ts';
import { HOST } from './tiny-base.ts';
import { writeFiles } from './tmp.ts';
import { grubMenu, isolinuxMenu, type MenuFacts, ppcMenu } from './vendor-menus.ts';

export const VENDOR_LAYOUTS = [
  'el7',
  'el8',
  'el9',
  'el10',
  'fedora',
  'el9-aarch64',
  'el10-aarch64',
  'el9-ppc64le',
  'el9-s390x',
] as const;
export type VendorLayout = (typeof VENDOR_LAYOUTS)[number];

export interface VendorBaseOptions {
  readonly layout: VendorLayout;
  /** Default: as the vendor writes it. */
  readonly label?: string;
  /** More words for the plain installation entry, with a space before them. */
  readonly extra?: string;
  /** Default: bytes that are neither. */
  readonly kernel?: string;
  readonly initrd?: string;
  /** Bytes of `images/install.img`; default 2 MiB. */
  readonly payloadBytes?: number;
  /** Files to add, or to put in the place of others; undefined leaves one out. */
  readonly files?: Readonly<Record<string, string | undefined>>;
}

interface LayoutFacts {
  readonly product: string;
  readonly family: string;
  readonly version: string;
  readonly arch: string;
  readonly label: string;
  /** `linuxefi` and `initrdefi`. */
  readonly efiSuffix?: 'efi';
  readonly rescue?: string;
  readonly efi: 'file' | 'appended' | 'none';
  readonly bios: 'isolinux' | 'grub' | 'none';
}

const FACTS: Readonly<Record<VendorLayout, LayoutFacts>> = {
  el7: {
    ...{ product: 'CentOS 7', family: 'CentOS', version: '7', arch: 'x86_64', label: 'CentOS 7 x86_64' },
    ...{ efiSuffix: 'efi', rescue: 'rescue', efi: 'file', bios: 'isolinux' },
  },
  el8: {
    ...{ product: 'Rocky Linux 8.10', family: 'Rocky Linux', version: '8.10', arch: 'x86_64' },
    ...{ label: 'Rocky-8-10-x86_64-dvd', efiSuffix: 'efi', efi: 'file', bios: 'isolinux' },
  },
  el9: {
    ...{ product: 'AlmaLinux 9.6', family: 'AlmaLinux', version: '9.6', arch: 'x86_64' },
    ...{ label: 'AlmaLinux-9-6-x86_64-dvd', efi: 'file', bios: 'isolinux' },
  },
  el10: {
    ...{ product: 'CentOS Stream 10', family: 'CentOS Stream', version: '10', arch: 'x86_64' },
    ...{ label: 'CentOS-Stream-10-BaseOS-x86_64', efi: 'appended', bios: 'grub' },
  },
  fedora: {
    ...{ product: 'Fedora 44', family: 'Fedora', version: '44', arch: 'x86_64' },
    ...{ label: 'Fedora-S-dvd-x86_64-44', efi: 'appended', bios: 'grub' },
  },
  'el9-aarch64': {
    ...{ product: 'Rocky Linux 9.6', family: 'Rocky Linux', version: '9.6', arch: 'aarch64' },
    ...{ label: 'Rocky-9-6-aarch64-dvd', efi: 'file', bios: 'none' },
  },
  'el10-aarch64': {
    ...{ product: 'AlmaLinux 10.0', family: 'AlmaLinux', version: '10.0', arch: 'aarch64' },
    ...{ label: 'AlmaLinux-10-0-aarch64-dvd', efi: 'file', bios: 'none' },
  },
  'el9-ppc64le': {
    ...{ product: 'Rocky Linux 9.6', family: 'Rocky Linux', version: '9.6', arch: 'ppc64le' },
    ...{ label: 'Rocky-9-6-ppc64le-dvd', efi: 'none', bios: 'none' },
  },
  'el9-s390x': {
    ...{ product: 'Rocky Linux 9.6', family: 'Rocky Linux', version: '9.6', arch: 's390x' },
    ...{ label: 'Rocky-9-6-s390x-dvd', efi: 'none', bios: 'none' },
  },
};

export const vendorLabel = (layout: VendorLayout): string => FACTS[layout].label;

const ISOLINUX = '/usr/lib/ISOLINUX';
const MODULES = '/usr/lib/syslinux/modules/bios';
const MIB = 1 << 20;

/** Makes `dir/base.iso`, with an implanted checksum; answers its path. What it is made of lies beside it. */
export async function vendorBase(dir: string, options: VendorBaseOptions, exec: Exec): Promise<string> {
  const facts = FACTS[options.layout];
  const tree = join(dir, 'tree');
  const iso = join(dir, 'base.iso');
  await writeFiles(tree, textsOf(facts, options));
  await writePayload(join(tree, 'images/install.img'), options.payloadBytes ?? 2 * MIB);
  await placeKernels(tree, facts, options);
  await placeLoaders(tree, facts, exec);
  if (facts.efi !== 'none') await makeEfiImage(tree, facts, exec);
  await exec(isoCommand(tree, iso, facts, options.label ?? facts.label));
  if (facts.efiSuffix === 'efi') await exec({ file: 'isohybrid', args: ['--uefi', iso], effect: 'write' });
  await exec({ file: 'implantisomd5', args: [iso], effect: 'write' });
  return iso;
}

function textsOf(facts: LayoutFacts, { label = facts.label, extra, files = {} }: VendorBaseOptions) {
  const { product, family, version, arch, bios, efi, efiSuffix: suffix, rescue } = facts;
  const menu: MenuFacts = { product, label, ...(extra === undefined ? {} : { extra }) };
  const efiMenu = grubMenu(menu, {
    ...(suffix === undefined ? {} : { suffix }),
    ...(rescue === undefined ? {} : { rescue }),
  });
  const stage2 = `inst.stage2=hd:LABEL=${label.replaceAll(' ', '\\x20')}`;
  const texts: Readonly<Record<string, string | undefined>> = {
    '.discinfo': `1746093312.054913\n${version}\n${arch}\n`,
    '.treeinfo': treeInfo(family, version, arch),
    'media.repo': `[InstallMedia]\nname=${product}\nmediaid=1746093312.054913\nmetadata_expire=-1\ngpgcheck=0\n`,
    'BaseOS/repodata/repomd.xml': '<repomd/>\n',
    'BaseOS/Packages/t/tree-1.0-1.noarch.rpm': 'no package\n',
    LICENSE: 'free\n',
    ...(bios === 'isolinux'
      ? {
          'isolinux/isolinux.cfg': isolinuxMenu(menu, rescue),
          'isolinux/boot.msg': 'Welcome\n',
          'isolinux/grub.conf': '#debug --graphics\ndefault=0\n',
        }
      : {}),
    ...(bios === 'grub' ? { 'boot/grub2/grub.cfg': grubMenu(menu, { disks: true }) } : {}),
    ...(efi === 'none' ? {} : { 'EFI/BOOT/grub.cfg': efiMenu }),
    ...(efi === 'none' || suffix === undefined ? {} : { 'EFI/BOOT/BOOT.conf': efiMenu }),
    ...(arch === 'ppc64le'
      ? {
          'boot/grub/grub.cfg': ppcMenu(menu),
          'ppc/bootinfo.txt': '<chrp-boot>\n<os-name>grub 2</os-name>\n</chrp-boot>\n',
        }
      : {}),
    ...(arch === 's390x'
      ? {
          'images/generic.prm': 'ro ramdisk_size=40000 cio_ignore=all,!condev\n',
          'images/cdboot.prm': `ro ${stage2}\n`,
          'generic.ins': '* minimal lpar ins file\nimages/kernel.img 0x00000000\n',
        }
      : {}),
    ...files,
  };
  return Object.fromEntries(
    Object.entries(texts).flatMap(([path, text]) => (text === undefined ? [] : [[path, text]])),
  );
}

const treeInfo = (family: string, version: string, arch: string): string => `[general]
arch = ${arch}
family = ${family}
name = ${family} ${version}
platforms = ${arch},xen
repository = BaseOS
timestamp = 1746093312
variant = BaseOS
variants = BaseOS
version = ${version}

[release]
name = ${family}
short = ${family.split(' ')[0]}
version = ${version}

[stage2]
mainimage = images/install.img

[tree]
arch = ${arch}
build_timestamp = 1746093312
platforms = ${arch},xen
variants = BaseOS

[variant-BaseOS]
id = BaseOS
packages = BaseOS/Packages
repository = BaseOS
type = variant
uid = BaseOS
`;

/** No file system makes a hole of what is in the first two gigabytes; what is beyond is one. */
const WRITTEN = 2e9;

async function writePayload(path: string, bytes: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const chunk = Buffer.alloc(Math.min(bytes, MIB), 'installer image ');
  const file = await open(path, 'w');
  await file.truncate(bytes);
  for (let at = 0; at < Math.min(bytes, WRITTEN); at += chunk.length) {
    chunk.writeDoubleLE(at, 0);
    await file.write(chunk, 0, Math.min(chunk.length, bytes - at));
  }
  await file.close();
}

async function placeKernels(tree: string, facts: LayoutFacts, options: VendorBaseOptions): Promise<void> {
  const place = async (path: string, source: string | undefined, standIn: string): Promise<void> => {
    const target = join(tree, path);
    await mkdir(dirname(target), { recursive: true });
    if (source === undefined) await writeFile(target, standIn.repeat(1000));
    else await copyFile(source, target);
    await chmod(target, 0o644);
  };
  const folders = {
    x86_64: facts.bios === 'isolinux' ? ['images/pxeboot', 'isolinux'] : ['images/pxeboot'],
    aarch64: ['images/pxeboot'],
    ppc64le: ['ppc/ppc64'],
  };
  const places = Object.entries(folders).find(([arch]) => arch === facts.arch)?.[1] ?? [];
  for (const folder of places) {
    await place(`${folder}/vmlinuz`, options.kernel, 'a kernel ');
    await place(`${folder}/initrd.img`, options.initrd, 'an initramfs ');
  }
  if (facts.arch !== 's390x') return;
  await place('images/kernel.img', undefined, 'a kernel ');
  await place('images/initrd.img', undefined, 'an initramfs ');
  // As mk-s390image lays it out: the command line at a fixed place inside the kernel.
  const image = Buffer.alloc(0x20000, 1);
  image.fill(0, 0x10480, 0x10480 + 896);
  const label = (options.label ?? facts.label).replaceAll(' ', '\\x20');
  image.write(`ro inst.stage2=hd:LABEL=${label}`, 0x10480, 'latin1');
  await writeFile(join(tree, 'images/cdboot.img'), image);
}

async function placeLoaders(tree: string, { bios, efi, arch }: LayoutFacts, exec: Exec): Promise<void> {
  const copy = async (source: string, path: string): Promise<void> => {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await copyFile(source, join(tree, path));
    await chmod(join(tree, path), 0o644);
  };
  if (efi !== 'none') {
    const suffix = arch === 'aarch64' ? ['AA64', 'aa64'] : ['X64', 'x64'];
    await copy(HOST.shim, `EFI/BOOT/BOOT${suffix[0]}.EFI`);
    await copy(HOST.grubEfi, `EFI/BOOT/grub${suffix[1]}.efi`);
    await copy(HOST.mokManager, `EFI/BOOT/mm${suffix[1]}.efi`);
  }
  if (bios === 'isolinux') {
    await copy(join(ISOLINUX, 'isolinux.bin'), 'isolinux/isolinux.bin');
    for (const module of ['ldlinux', 'libcom32', 'libutil', 'menu']) {
      await copy(join(MODULES, `${module}.c32`), `isolinux/${module}.c32`);
    }
  }
  if (bios === 'grub') {
    const out = join(tree, 'images/eltorito.img');
    await exec({
      file: 'grub-mkimage',
      args: [
        ...['-O', 'i386-pc-eltorito', '-d', HOST.biosModules, '-o', out, '-p', '/boot/grub2'],
        ...['iso9660', 'biosdisk'],
      ],
      effect: 'write',
    });
    const modules = join(tree, 'boot/grub2/i386-pc');
    await mkdir(modules, { recursive: true });
    await exec({
      file: 'sh',
      args: ['-c', 'cp "$1"/*.mod "$1"/*.lst "$2"/', 'sh', HOST.biosModules, modules],
      effect: 'write',
    });
  }
}

/** `mkefiboot`'s image: FAT, named ANACONDA, the folder EFI/BOOT in it, some room left. */
async function makeEfiImage(tree: string, { efi }: LayoutFacts, exec: Exec): Promise<void> {
  const image = efiImage(tree, efi);
  await mkdir(dirname(image), { recursive: true });
  const { stdout } = await exec({ file: 'du', args: ['-sk', join(tree, 'EFI')], effect: 'read' });
  const kilobytes = Number.parseInt(stdout, 10) + 512;
  await exec({
    file: 'mkfs.vfat',
    args: ['-C', '-n', 'ANACONDA', image, String(kilobytes)],
    effect: 'write',
  });
  await exec({ file: 'mcopy', args: ['-s', '-i', image, join(tree, 'EFI'), '::/'], effect: 'write' });
  await stat(image);
}

/** EL10 and Fedora have it behind the file system only. */
const efiImage = (tree: string, efi: LayoutFacts['efi']): string =>
  efi === 'appended' ? join(dirname(tree), 'efiboot.img') : join(tree, 'images/efiboot.img');

function isoCommand(
  tree: string,
  iso: string,
  { bios, efi, arch, efiSuffix }: LayoutFacts,
  label: string,
): Command {
  const common = ['-as', 'mkisofs', '-o', iso, '-R', '-J', '-V', label, '-iso-level', '3'];
  const efiFile = ['-eltorito-alt-boot', '-e', 'images/efiboot.img', '-no-emul-boot'];
  const isolinux = [
    ...['-b', 'isolinux/isolinux.bin', '-c', 'isolinux/boot.cat'],
    ...['-boot-load-size', '4', '-boot-info-table', '-no-emul-boot'],
  ];
  const byLayout = (): readonly string[] => {
    if (bios === 'isolinux' && efiSuffix === 'efi') return [...isolinux, ...efiFile];
    if (bios === 'isolinux') {
      const mbr = ['-isohybrid-mbr', join(ISOLINUX, 'isohdpfx.bin')];
      return [...mbr, ...isolinux, ...efiFile, '-isohybrid-gpt-basdat'];
    }
    if (bios === 'grub') {
      return [
        ...['--grub2-mbr', join(HOST.biosModules, 'boot_hybrid.img'), '-partition_offset', '16'],
        '-appended_part_as_gpt',
        ...['-append_partition', '2', 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B', efiImage(tree, efi)],
        ...['-iso_mbr_part_type', 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7'],
        ...['-c', 'boot.cat', '--boot-catalog-hide', '-b', 'images/eltorito.img'],
        ...['-no-emul-boot', '-boot-load-size', '4', '-boot-info-table', '--grub2-boot-info'],
        ...['-eltorito-alt-boot', '-e', '--interval:appended_partition_2:all::', '-no-emul-boot'],
      ];
    }
    if (arch === 'ppc64le') return ['-U', '-l', '-sysid', 'PPC', '-chrp-boot-part'];
    if (arch === 's390x') {
      return ['-b', 'images/cdboot.img', '-c', 'images/boot.cat', '-boot-load-size', '4', '-no-emul-boot'];
    }
    return efiFile.slice(1);
  };
  return { file: 'xorriso', effect: 'write', args: [...common, ...byLayout(), tree] };
}
