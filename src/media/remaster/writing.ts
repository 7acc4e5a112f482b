/** Writes the ISO and takes its digests, both at the same time where it can be drafted. */
import { access, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, type Exec } from '../../engine/command.ts';
import { FailedError } from '../../errors/exit.ts';
import type { Cache } from '../../host/cache.ts';
import { type SharedPart, sha256Aside } from '../image/aside.ts';
import type { MediaChecksum } from '../image/checksum.ts';
import type { Medium } from '../image/medium.ts';
import { withImage } from '../image/source.ts';
import { ISO_BLOCK, readVolume } from '../image/volume.ts';
import { implantChecksum, takeChecksum, writeChecksum } from '../implant-checksum.ts';
import { runXorriso } from '../run-xorriso.ts';
import { together } from '../together.ts';
import { copyCommand, type RemasterLayout, remasterCommand } from './command.ts';
import { isAsDrafted, type Span, skeletonOf, writeSkeleton } from './draft.ts';

export interface Writing {
  readonly exec: Exec;
  readonly cache: Cache;
  readonly say: (line: string) => void;
  readonly preview: boolean;
  /** The base. */
  readonly medium: Medium;
  /** What the content of its file is known by. */
  readonly baseKey: string;
  readonly layout: Omit<RemasterLayout, 'iso'>;
  /** The folder to write in. */
  readonly dir: string;
  readonly drafting: Drafting;
}

export interface Drafting {
  /** What of the base a draft has. */
  readonly skeleton: readonly Span[];
  /** Whether there is to be one. */
  readonly isWanted: boolean;
}

export interface Written {
  readonly iso: string;
  /** Settles when the ISO is complete. */
  readonly finished: Promise<unknown>;
  /** SHA-256 (hex) of it. Settles last, also when something fails. */
  readonly sha256: Promise<string>;
}

/** What xorriso writes of a grown image beside the end: descriptors, and their copies of an image with a partition offset. */
const HEAD_BYTES = 64 * ISO_BLOCK;
/** What xorriso reads of a medium that it grows, and so what of it a draft has. */
export const draftSkeleton = (medium: Medium): readonly Span[] => skeletonOf(medium, HEAD_BYTES);

/** Starts to write. A preview ends with the commands that it shows. */
export async function startWriting(w: Writing): Promise<Written> {
  const iso = join(w.dir, 'medium.iso');
  const write = async (): Promise<void> => {
    await w.exec(copyCommand(w.medium.image.path, iso));
    await grow(w, iso);
  };
  if (w.preview) await write();
  const shared = sharedPart(w.medium);
  const written = write();
  const taken = takeFirstChecksum(w, iso, written, shared);
  const foretold = taken.then(async ({ path }) => sha256Aside(path, (await stat(path)).size, shared));
  const finished = together([taken, written]).then(async ([{ path, checksum }]) => {
    await writeChecksum(iso, checksum);
    if (await isAsDrafted(iso, path, shared, w.drafting.skeleton)) return true;
    w.say('the ISO is another than was drafted: taking its digests once more');
    await implantChecksum(iso);
    return false;
  });
  const sha256 = together([foretold, finished]).then(async ([digest, asDrafted]) =>
    asDrafted ? digest : sha256Aside(iso, (await stat(iso)).size),
  );
  return { iso, finished, sha256 };
}

/** The part of the base that comes to lie where it lay. */
function sharedPart({ image, volume }: Medium): SharedPart {
  const blocks = Math.min(volume.blocks, Math.floor(image.bytes / ISO_BLOCK));
  return { file: image.path, from: HEAD_BYTES, to: blocks * ISO_BLOCK };
}

/** Takes the checksum of the draft, or else of the ISO, and implants it there. */
async function takeFirstChecksum(
  w: Writing,
  iso: string,
  written: Promise<void>,
  shared: SharedPart,
): Promise<{ readonly path: string; readonly checksum: MediaChecksum }> {
  const drafted = w.drafting.isWanted ? await draft(w) : undefined;
  if (drafted === undefined) await written;
  const path = drafted ?? iso;
  const checksum = await takeChecksum(path, { shared, key: w.baseKey, cache: w.cache });
  await writeChecksum(path, checksum);
  return { path, checksum };
}

/** Undefined when xorriso cannot make one; what it has to say, it says of the ISO as well. */
async function draft(w: Writing): Promise<string | undefined> {
  const path = join(w.dir, 'draft.iso');
  try {
    await writeSkeleton(w.medium.image, w.drafting.skeleton, path);
    await grow(w, path);
    return path;
  } catch (error) {
    if (error instanceof FailedError || error instanceof CommandError) return undefined;
    throw error;
  }
}

/** Adds the session of ours to a copy of the base, or to what stands for one. */
async function grow({ exec, layout, preview }: Writing, iso: string): Promise<void> {
  await runXorriso(exec, remasterCommand({ ...layout, iso }));
  if (preview) await access(iso);
  await cutToVolume(iso);
}

/** xorriso fills the file up to a multiple of 32 KiB; the backup of the GPT belongs to the very end. */
async function cutToVolume(iso: string): Promise<void> {
  const end = await withImage(iso, async (image) => {
    const end = (await readVolume(image)).blocks * ISO_BLOCK;
    if (image.bytes >= end) return end;
    throw new FailedError(`xorriso has not written all of the ISO: ${end - image.bytes} bytes are missing`);
  });
  await truncate(iso, end);
}
