/** A vendor's install medium: whose it is, and every copy of every boot configuration on it. */
import { fileProblem, InputError } from '../../errors/problem.ts';
import { FatError, type FatVolume } from '../../storage/fat.ts';
import { SECTOR_BYTES } from '../../storage/gpt.ts';
import { fatPlaces, MBR_TYPE_ESP } from '../image/fat-places.ts';
import { type Medium, openFatAt, readMediumFile } from '../image/medium.ts';
import {
  GPT_TYPE_BASIC_DATA,
  GPT_TYPE_ESP,
  type ImagePartitions,
  tableInForce,
} from '../image/partitions.ts';
import type { ImageEntry } from '../image/tree.ts';
import { ISO_BLOCK } from '../image/volume.ts';
import { readGrubMenu } from '../menu/grub.ts';
import { readIsolinuxMenu } from '../menu/isolinux.ts';
import type { Menu, MenuEntry } from '../menu/types.ts';
import { MEDIUM } from '../types.ts';
import { identifyVendor, type VendorIdentity } from './identity.ts';

export interface VendorMedium {
  readonly identity: VendorIdentity;
  readonly volumeId: string;
  /** Packages to install from, not the installer alone. */
  readonly hasPackages: boolean;
  /** Configurations in the tree. */
  readonly configs: readonly BootConfig[];
  /** FAT images that UEFI boots from, each once however many ways lead to it. */
  readonly fatImages: readonly FatImage[];
  /** The tree has names for Windows, too. */
  readonly joliet: boolean;
}

export interface BootConfig {
  /** From the root of the medium or of the FAT image. */
  readonly path: string;
  readonly syntax: 'grub' | 'isolinux' | 'parameters';
  /** Latin-1, one character a byte. */
  readonly text: string;
}

export interface FatImage {
  /** Byte of the medium it starts at, and its length. */
  readonly offset: number;
  readonly bytes: number;
  /** A file of the tree, or a partition behind the file system. */
  readonly place:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'partition'; readonly number: number; readonly typeGuid: string };
  readonly configs: readonly BootConfig[];
}

/**
 * Reads what a remaster has to know.
 * @throws {InputError} for an image that is incomplete, that is no install medium of a known family, or a live medium.
 */
export async function inspectVendorMedium(medium: Medium): Promise<VendorMedium> {
  refuseTruncated(medium);
  const configs = await treeConfigs(medium);
  const fatImages = await findFatImages(medium);
  const paths = [...medium.tree.entries.keys()];
  const entries = [...configs, ...fatImages.flatMap((image) => image.configs)].flatMap(entriesOf);
  const refuse = (rule: string, message: string, hint: string): never => {
    throw new InputError([fileProblem(medium.image.path, rule, message, hint)]);
  };
  if (medium.tree.entries.has(MEDIUM.squashfs)) {
    refuse(
      'not-a-vendors-medium',
      'this ISO was built by slipway on its embedded base',
      'name the ISO of a vendor',
    );
  }
  const booting = entries.filter(({ kernel }) => kernel !== undefined);
  if (booting.length > 0 && booting.every(isLive)) {
    refuse(
      'live-medium',
      'this is a live medium: its installer copies the running system and takes no kickstart',
      "take the vendor's DVD or boot ISO",
    );
  }
  const identity = identifyVendor({
    volumeId: medium.volume.volumeId,
    treeInfo: await textOf(medium, '.treeinfo'),
    discInfo: await textOf(medium, '.discinfo'),
    mediaRepo: await textOf(medium, 'media.repo'),
    titles: entries.map(({ title }) => title),
    paths,
  });
  const parameters = configs.some(({ syntax }) => syntax === 'parameters');
  if (identity === undefined || (booting.length === 0 && !parameters)) {
    return refuse(
      'unknown-medium',
      'this is no install medium of RHEL, Rocky, Alma, CentOS, Oracle or Fedora: ' +
        (identity === undefined ? 'nothing on it names a product' : 'no boot menu on it starts a kernel'),
      'name a DVD or boot ISO of one of these',
    );
  }
  return {
    identity,
    volumeId: medium.volume.volumeId,
    hasPackages: paths.some((path) => /(?:^|\/)repodata\/repomd\.xml$/.test(path)),
    configs,
    fatImages,
    joliet: medium.joliet !== undefined,
  };
}

/** A download that was cut: what the volume or the partition table names lies beyond the end. */
function refuseTruncated({ image, volume, partitions }: Medium): void {
  const table = tableInForce(partitions.gpt);
  const ends = (table?.partitions ?? []).map(({ start, sectors }) => (start + sectors) * SECTOR_BYTES);
  const needed = Math.max(volume.blocks * ISO_BLOCK, ...ends);
  if (image.bytes >= needed) return;
  const missing = needed - image.bytes;
  throw new InputError([
    fileProblem(
      image.path,
      'truncated-medium',
      `this ISO is incomplete: ${missing} of ${needed} bytes are missing at its end`,
      'download it again',
    ),
  ]);
}

/** The places where loaders of the families look, in any case: firmware and loaders do not care. */
const TREE_CONFIGS: readonly (readonly [BootConfig['syntax'], RegExp])[] = [
  ['isolinux', /^(?:boot\/)?(?:isolinux|syslinux)\/(?:isolinux|syslinux|extlinux)\.cfg$/i],
  ['grub', /^(?:EFI\/[^/]+|boot\/grub2?)\/(?:grub\.cfg|BOOT\.conf)$/i],
  ['parameters', /^images\/[^/]+\.prm$/i],
];

async function treeConfigs(medium: Medium): Promise<readonly BootConfig[]> {
  const found: BootConfig[] = [];
  for (const { path, kind } of medium.tree.entries.values()) {
    const syntax = TREE_CONFIGS.find(([, pattern]) => pattern.test(path))?.[0];
    if (kind !== 'file' || syntax === undefined) continue;
    found.push({ path, syntax, text: (await textOf(medium, path)) ?? '' });
  }
  return found;
}

async function textOf(medium: Medium, path: string): Promise<string | undefined> {
  const bytes = await readMediumFile(medium, path);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
}

/** What lies where an image may hold one, with its configurations. */
async function findFatImages(medium: Medium): Promise<readonly FatImage[]> {
  const { partitions, tree } = medium;
  const byOffset = new Map(
    [...tree.entries.values()]
      .filter(({ kind, extents }) => kind === 'file' && extents.length > 0)
      .map((file) => [(file.extents[0]?.block ?? 0) * ISO_BLOCK, file]),
  );
  const named = [...espsOfGpt(partitions), ...espsOfMbr(partitions)];
  const images = fatPlaces(medium).map(async ({ offset }): Promise<readonly FatImage[]> => {
    const volume = await openFatAt(medium.image, offset);
    const place = placeOf(offset, byOffset.get(offset), named);
    if (volume === undefined || place === undefined) return [];
    const configs = await configsOf(volume).catch(damaged(medium.image.path));
    return [{ offset, ...place, configs }];
  });
  return (await Promise.all(images)).flat();
}

async function configsOf(volume: FatVolume): Promise<readonly BootConfig[]> {
  const paths = (await volume.files()).map(({ path }) => path).filter((path) => FAT_CONFIG.test(path));
  const configs = paths.map(async (path): Promise<BootConfig> => {
    const bytes = (await volume.read(path)) ?? new Uint8Array();
    return { path, syntax: 'grub', text: Buffer.from(bytes).toString('latin1') };
  });
  return Promise.all(configs);
}

const damaged =
  (path: string) =>
  (error: unknown): never => {
    if (!(error instanceof FatError)) throw error;
    const message = `its EFI image cannot be read: ${error.message}`;
    throw new InputError([fileProblem(path, 'damaged-image', message, 'copy or download it again')]);
  };

const FAT_CONFIG = /(?:^|\/)(?:grub\.cfg|BOOT\.conf)$/i;

interface EspEntry {
  readonly number: number;
  readonly typeGuid: string;
  /** In 512-byte sectors. */
  readonly start: number;
  readonly sectors: number;
}

const espsOfGpt = ({ gpt }: ImagePartitions): readonly EspEntry[] =>
  (tableInForce(gpt)?.partitions ?? []).filter(({ typeGuid }) =>
    [GPT_TYPE_ESP, GPT_TYPE_BASIC_DATA].includes(typeGuid),
  );

const espsOfMbr = ({ mbr }: ImagePartitions): readonly EspEntry[] =>
  (mbr?.entries ?? [])
    .filter(({ type }) => type === MBR_TYPE_ESP)
    .map((entry) => ({ ...entry, typeGuid: GPT_TYPE_ESP }));

function placeOf(
  offset: number,
  file: ImageEntry | undefined,
  named: readonly EspEntry[],
): Pick<FatImage, 'bytes' | 'place'> | undefined {
  if (file !== undefined) return { bytes: file.bytes, place: { kind: 'file', path: file.path } };
  const partition = named.find(({ start }) => start * SECTOR_BYTES === offset);
  if (partition === undefined) return undefined;
  const { number, typeGuid, sectors } = partition;
  return { bytes: sectors * SECTOR_BYTES, place: { kind: 'partition', number, typeGuid } };
}

const readMenu = ({ syntax, text, path }: BootConfig): Menu | undefined => {
  if (syntax === 'parameters') return undefined;
  return syntax === 'grub' ? readGrubMenu(text, path) : readIsolinuxMenu(text, path);
};

const entriesOf = (config: BootConfig): readonly MenuEntry[] => readMenu(config)?.entries ?? [];

const isLive = ({ args }: MenuEntry): boolean =>
  args.some(({ value }) => /^(?:rd\.live\.image$|root=live:)/.test(value));
