/** Everything about how an image boots, gathered before anything is judged. */
import { InputError } from '../../errors/problem.ts';
import type { Release } from '../../plan/types.ts';
import { readGptCopies, SECTOR_BYTES } from '../../storage/gpt.ts';
import { type Medium, readMedium } from '../image/medium.ts';
import type { ImageSource } from '../image/source.ts';
import { ISO_BLOCK, readVolume } from '../image/volume.ts';
import { MEDIUM } from '../types.ts';
import { identifyVendor } from '../vendor/identity.ts';
import { findBootPaths, findCopies } from './boot-paths.ts';
import type { BootParts } from './check-base.ts';
import { readPrograms } from './check-loaders.ts';
import { followGrub } from './follow-grub.ts';
import { followIsolinux } from './follow-isolinux.ts';
import { followParameters } from './follow-parameters.ts';
import {
  type BootPath,
  type BootVolume,
  type ConfigPlace,
  type FatImage,
  type Finding,
  type FollowedConfig,
  placeOf,
} from './types.ts';
import { discVolume, findFatImages } from './volumes.ts';

export interface Survey extends BootParts {
  readonly medium: Medium;
  readonly disc: BootVolume;
  readonly fats: readonly FatImage[];
  /** FAT images no path leads to, with their configurations. */
  readonly copies: readonly Pick<BootPath, 'configs' | 'fat'>[];
  /** Every configuration once, by its place. */
  readonly configs: ReadonlyMap<string, FollowedConfig>;
  /** Why others could not be read. */
  readonly unread: readonly Finding[];
  /** Of the installer on the medium; undefined when nothing tells, or no kickstarts are known for it. */
  readonly release: Release | undefined;
}

/** Reads metadata and boot files only. @throws {InputError} when the image is no ISO 9660 volume. */
export async function survey(image: ImageSource): Promise<Survey> {
  const medium = await readMedium(await withoutRest(image));
  const disc = discVolume(medium);
  const fats = await findFatImages(medium);
  const paths = await findBootPaths(medium, disc, fats);
  const copies = await findCopies(fats, paths);
  const programs = await readPrograms(disc, fats);
  const configs = new Map<string, FollowedConfig>();
  const unread: Finding[] = [];
  for (const { configs: places, fat } of [...paths, ...copies]) {
    for (const place of places.filter((each) => !configs.has(placeOf(each)))) {
      try {
        configs.set(placeOf(place), await follow(place, disc, fat?.volume, medium.volume.modified));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        unread.push(...unreadable(error));
      }
    }
  }
  const release = await findRelease(medium, disc, configs);
  return { medium, disc, fats, paths, copies, programs, configs, unread, release };
}

/**
 * A device as far as the image on it reaches: to the backup of its GPT, else to the end of the volume. What an earlier
 * content left behind that is nobody's concern.
 */
async function withoutRest(image: ImageSource): Promise<ImageSource> {
  if (image.isDevice !== true) return image;
  const { primary } = await readGptCopies(
    { readBytes: (_path, offset, length) => image.read(offset, length) },
    { path: image.path, sizeBytes: image.bytes },
  );
  const end = primary.ok
    ? (primary.table.alternateBlock + 1) * SECTOR_BYTES
    : (await readVolume(image)).blocks * ISO_BLOCK;
  return { ...image, bytes: Math.min(image.bytes, end) };
}

function follow(
  place: ConfigPlace,
  disc: BootVolume,
  fat: BootVolume | undefined,
  modified: string,
): Promise<FollowedConfig> {
  if (/\.(?:prm|img)$/i.test(place.path)) return followParameters(place);
  if (/(?:iso|sys)linux\.cfg$/i.test(place.path)) return followIsolinux(place);
  return followGrub(place, { disc, fat, discUuid: uuidOf(modified) });
}

/** `2026010100000000` → `2026-01-01-00-00-00-00`, what blkid and GRUB call the UUID of an ISO 9660 volume. */
const uuidOf = (modified: string): string =>
  [modified.slice(0, 4), ...(modified.slice(4).match(/../g) ?? [])].join('-');

const unreadable = ({ problems }: InputError): readonly Finding[] =>
  problems.map(({ file, line, message }) => ({
    check: 'menus',
    severity: 'failure',
    where: `${file}, line ${line}`,
    message: `the menu cannot be read: ${message}`,
  }));

async function findRelease({ tree, volume }: Medium, disc: BootVolume, configs: Survey['configs']) {
  if (await disc.has(MEDIUM.squashfs)) return 'embedded';
  const text = async (path: string): Promise<string | undefined> => {
    const bytes = await disc.read(path);
    return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
  };
  return identifyVendor({
    volumeId: volume.volumeId,
    treeInfo: await text('.treeinfo'),
    discInfo: await text('.discinfo'),
    mediaRepo: await text('media.repo'),
    titles: [...configs.values()].flatMap(({ entries }) => entries.map(({ title }) => title)),
    paths: [...tree.entries.keys()],
  })?.release;
}
