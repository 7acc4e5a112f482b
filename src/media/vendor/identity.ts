/** Whose install medium it is: family, release and architecture, from what vendors write onto their media. Pure. */
import type { Release } from '../../plan/types.ts';

export interface VendorIdentity {
  /** As the vendor writes it: `Rocky Linux`. */
  readonly family: string;
  /** As the vendor writes it: `9.6`. */
  readonly version: string;
  /** `x86_64`, `aarch64`, `ppc64le`, `s390x`. */
  readonly arch: string;
  /** What the kickstarts must be rendered for; undefined for a release that slipway renders none for. */
  readonly release: Release | undefined;
}

/** Texts of the medium, undefined where it has none. */
export interface IdentityTexts {
  readonly volumeId: string;
  readonly treeInfo: string | undefined;
  readonly discInfo: string | undefined;
  readonly mediaRepo: string | undefined;
  /** Titles of the boot menus' entries. */
  readonly titles: readonly string[];
  /** Paths of the medium that name an architecture: the loaders below EFI/BOOT, ppc/, images/cdboot.img. */
  readonly paths: readonly string[];
}

interface Product {
  readonly family: string;
  readonly version: string;
}

/**
 * Asks the tree's own description first and names made for people last: media that are made for booting only have
 * neither `.treeinfo` nor `media.repo`. Undefined when nothing names a product.
 */
export function identifyVendor(texts: IdentityTexts): VendorIdentity | undefined {
  const tree = parseTreeInfo(texts.treeInfo ?? '');
  const disc = (texts.discInfo ?? '').split('\n').map((line) => line.trim());
  const product =
    productOfTree(tree) ??
    [
      /^name\s*=\s*(.*)$/m.exec(texts.mediaRepo ?? '')?.[1],
      ...texts.titles.map((title) => /^Install (.*)$/.exec(title)?.[1]),
      texts.volumeId,
    ]
      .flatMap((text) => (text === undefined ? [] : [parseProduct(text)]))
      .find((each) => each !== undefined);
  if (product === undefined) return undefined;
  const arch =
    tree.get('tree.arch') ?? tree.get('general.arch') ?? archOf(disc[2] ?? '') ?? archOfPaths(texts.paths);
  return { ...product, arch: arch ?? 'unknown', release: releaseOf(product) };
}

function productOfTree(tree: ReadonlyMap<string, string>): Product | undefined {
  const family = tree.get('release.name') ?? tree.get('general.family');
  const version = tree.get('release.version') ?? tree.get('general.version');
  return family === undefined || version === undefined ? undefined : { family, version };
}

/** An INI file as `section.key` → value. */
function parseTreeInfo(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    const header = /^\[(.*)\]\s*$/.exec(line)?.[1];
    const [, key, value] = /^([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (header !== undefined) section = header;
    else if (key !== undefined && value !== undefined && value !== '') values.set(`${section}.${key}`, value);
  }
  return values;
}

/** Names as they stand in titles (`CentOS Stream 10`) and volume ids (`RHEL-9-6-0-BaseOS-x86_64`, `Fedora-S-dvd-x86_64-44`). */
const PRODUCTS: readonly (readonly [family: string, pattern: RegExp])[] = [
  ['CentOS Stream', /CentOS[ -]Stream[ -](?:BaseOS-)?(\d+)/i],
  ['CentOS Linux', /CentOS[ -](?:Linux[ -])?(\d+(?:[.-]\d+)?)/i],
  ['Rocky Linux', /Rocky[ -](?:Linux[ -])?(\d+(?:[.-]\d+)?)/i],
  ['AlmaLinux', /AlmaLinux[ -](\d+(?:[.-]\d+)?)/i],
  ['Oracle Linux', /(?:Oracle Linux(?: Server)?|^OL)[ -](\d+(?:[.-]\d+)?)/i],
  ['Red Hat Enterprise Linux', /(?:Red Hat Enterprise Linux|^RHEL)[ -](\d+(?:[.-]\d+)?)/i],
  ['Fedora', /^Fedora(?:-[A-Za-z]+)*(?:-x86_64|-aarch64|-ppc64le|-s390x)?[ -](\d+)/i],
];

function parseProduct(text: string): Product | undefined {
  for (const [family, pattern] of PRODUCTS) {
    const version = pattern.exec(text)?.[1];
    if (version !== undefined) return { family, version: version.replace('-', '.') };
  }
  return undefined;
}

/** All that is built from RHEL's sources counts as RHEL. */
function releaseOf({ family, version }: Product): Release | undefined {
  const major = Number.parseInt(version, 10);
  if (/fedora/i.test(family)) return major === 44 ? 'fedora44' : undefined;
  switch (major) {
    case 8:
      return 'rhel8';
    case 9:
      return 'rhel9';
    case 10:
      return 'rhel10';
    default:
      return undefined;
  }
}

const archOf = (text: string): string | undefined => /^(?:x86_64|aarch64|ppc64le|s390x)$/.exec(text)?.[0];

const ARCH_FILES: readonly (readonly [arch: string, pattern: RegExp])[] = [
  ['x86_64', /(?:^|\/)(?:BOOTX64\.EFI|isolinux\.bin|eltorito\.img)$/i],
  ['aarch64', /(?:^|\/)BOOTAA64\.EFI$/i],
  ['ppc64le', /^ppc\//],
  ['s390x', /^images\/cdboot\.(?:img|prm)$/],
];

const archOfPaths = (paths: readonly string[]): string | undefined =>
  ARCH_FILES.find(([, pattern]) => paths.some((path) => pattern.test(path)))?.[0];
