/** The file systems of an image that boot loaders read: the disc and every FAT image, wherever something leads to it. */

import { FatError } from '../../storage/fat.ts';
import { type Medium, openFatAt } from '../image/medium.ts';
import { GPT_TYPE_BASIC_DATA, GPT_TYPE_ESP, tableInForce } from '../image/partitions.ts';
import { findFile, findIgnoringCase, readEntry } from '../image/tree.ts';
import { ISO_BLOCK } from '../image/volume.ts';
import type { BootVolume, FatImage, FatRole } from './types.ts';

const SECTOR = 512;
const MBR_ESP = 'ef';
/** Where vendors keep the image of the EFI system partition as a file. */
const ESP_FILE = /(?:^|\/)(?:efiboot|efi|macboot)\.img$/i;

const relative = (path: string): string => path.replace(/^\/+/, '');

/** The medium's own tree. Plain ISO 9660 names are found whatever their case, as loaders do. */
export function discVolume(medium: Medium): BootVolume {
  const { tree, image, volume } = medium;
  const find = (path: string) =>
    tree.naming === 'iso9660' ? findIgnoringCase(tree, relative(path)) : findFile(tree, relative(path));
  return {
    name: 'disc',
    label: volume.volumeId,
    async read(path) {
      const entry = find(path);
      return entry?.kind === 'file' ? readEntry(image.read, entry) : undefined;
    },
    has: async (path) => find(path) !== undefined || tree.entries.has(relative(path)),
  };
}

/** Every FAT file system that El Torito, a partition or a well-known name leads to, by its place on the image. */
export async function findFatImages(medium: Medium): Promise<readonly FatImage[]> {
  const places = new Map<number, FatRole[]>();
  for (const { offset, role } of fatPlaces(medium)) places.set(offset, [...(places.get(offset) ?? []), role]);
  const found = await Promise.all(
    [...places].map(async ([offset, roles]) => {
      const fat = await openFatAt(medium.image, offset);
      return fat === undefined || (await listed(fat)) === undefined ? [] : [fatImage(offset, roles, fat)];
    }),
  );
  return found.flat();
}

function fatPlaces({ catalog, partitions, tree }: Medium) {
  const uefi = catalog?.entries.filter(({ platform }) => platform === 'uefi') ?? [];
  const gpt = tableInForce(partitions.gpt)?.partitions ?? [];
  const place = (offset: number, role: FatRole) => ({ offset, role });
  return [
    ...uefi.map(({ block }) => place(block * ISO_BLOCK, { kind: 'el-torito' })),
    ...gpt
      .filter(({ typeGuid }) => typeGuid === GPT_TYPE_ESP)
      .map(({ start, number }) => place(start * SECTOR, { kind: 'esp', number })),
    ...gpt
      .filter(({ typeGuid }) => typeGuid === GPT_TYPE_BASIC_DATA)
      .map(({ start, number }) => place(start * SECTOR, { kind: 'basic-data', number })),
    ...(partitions.mbr?.entries ?? [])
      .filter(({ type }) => type === MBR_ESP)
      .map(({ start, number }) => place(start * SECTOR, { kind: 'mbr', number })),
    ...[...tree.entries.values()]
      .filter(({ path, extents }) => ESP_FILE.test(path) && extents.length === 1)
      .map(({ path, extents }) => place((extents[0]?.block ?? 0) * ISO_BLOCK, { kind: 'file', path })),
  ];
}

function fatImage(offset: number, roles: readonly FatRole[], fat: FatImage['fat']): FatImage {
  const volume: BootVolume = {
    name: roleText(roles[0] ?? { kind: 'el-torito' }),
    label: undefined,
    read: (path) => fat.read(relative(path)).catch(damaged),
    async has(path) {
      const wanted = relative(path).toUpperCase();
      return (await fat.files()).some((file) => file.path.toUpperCase() === wanted);
    },
  };
  return { offset, roles, fat, volume };
}

/** What cannot be read is not there: neither for firmware nor for us. */
function damaged(error: unknown): undefined {
  if (error instanceof FatError) return undefined;
  throw error;
}

const listed = (fat: FatImage['fat']) => fat.files().catch(damaged);

/** No parentheses: it stands for a device in GRUB's paths. */
export function roleText(role: FatRole): string {
  switch (role.kind) {
    case 'el-torito':
      return 'EFI image';
    case 'esp':
      return `ESP ${role.number}`;
    case 'basic-data':
      return `GPT ${role.number}`;
    case 'mbr':
      return `MBR ${role.number}`;
    case 'file':
      return role.path;
  }
}
