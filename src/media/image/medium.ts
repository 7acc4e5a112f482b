/** Everything of an image that says how it boots and what is on it, read in one go; contents of files on demand. */

import { fileProblem, InputError } from '../../errors/problem.ts';
import { FatError, type FatVolume, openFat } from '../../storage/fat.ts';
import { type BootCatalog, readBootCatalog } from './el-torito.ts';
import { type ImagePartitions, readImagePartitions } from './partitions.ts';
import { type ImageSource, readFrom } from './source.ts';
import { findFile, type ImageTree, ImageTreeError, readEntry, readTree } from './tree.ts';
import { type ImageVolume, readVolume } from './volume.ts';

export interface Medium {
  readonly image: ImageSource;
  readonly volume: ImageVolume;
  /** By Rock Ridge or plain names. */
  readonly tree: ImageTree;
  /** The same files by Joliet names, where the image has them. */
  readonly joliet: ImageTree | undefined;
  readonly catalog: BootCatalog | undefined;
  readonly partitions: ImagePartitions;
}

/** @throws {InputError} for an image that is no ISO 9660 volume, or one whose directories are damaged. */
export async function readMedium(image: ImageSource): Promise<Medium> {
  const volume = await readVolume(image);
  const { read } = image;
  const [tree, joliet, catalog, partitions] = await Promise.all([
    readTree(read, volume.root).catch(damaged(image)),
    volume.joliet === undefined ? undefined : readTree(read, volume.joliet.root, true).catch(damaged(image)),
    volume.bootCatalog === undefined ? undefined : readBootCatalog(read, volume.bootCatalog),
    readImagePartitions(image),
  ]);
  return { image, volume, tree, joliet, catalog, partitions };
}

const damaged =
  ({ path }: ImageSource) =>
  (error: unknown): never => {
    if (!(error instanceof ImageTreeError)) throw error;
    const hint = 'copy or download it again';
    throw new InputError([
      fileProblem(path, 'damaged-image', `a folder cannot be read: ${error.message}`, hint),
    ]);
  };

/** A file of the tree, links followed; undefined when there is none. */
export async function readMediumFile(medium: Medium, path: string): Promise<Uint8Array | undefined> {
  const entry = findFile(medium.tree, path);
  return entry === undefined ? undefined : readEntry(medium.image.read, entry);
}

/** The FAT file system that starts at a byte of the image; undefined when there is none. */
export async function openFatAt(image: ImageSource, offset: number): Promise<FatVolume | undefined> {
  try {
    return await openFat(readFrom(image.read, offset));
  } catch (error) {
    if (error instanceof FatError) return undefined;
    throw error;
  }
}
