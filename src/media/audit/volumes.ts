/** The file systems of an image that boot loaders read: the disc and every FAT image, wherever something leads to it. */

import { FatError } from '../../storage/fat.ts';
import { type FatRole, fatPlaces, roleText } from '../image/fat-places.ts';
import { type Medium, openFatAt } from '../image/medium.ts';
import { findFile, findIgnoringCase, readEntry } from '../image/tree.ts';
import type { BootVolume, FatImage } from './types.ts';

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
  const found = await Promise.all(
    fatPlaces(medium).map(async ({ offset, roles }) => {
      const fat = await openFatAt(medium.image, offset);
      return fat === undefined || (await listed(fat)) === undefined ? [] : [fatImage(offset, roles, fat)];
    }),
  );
  return found.flat();
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
