/**
 * The checksum that install media carry inside themselves, for `rd.live.check` and `checkisomd5`: MD5 over the volume,
 * written into the application use area of its descriptor (isomd5sum, libimplantisomd5.c and utilities.c).
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailedError } from '../errors/exit.ts';
import type { Cache } from '../host/cache.ts';
import { hashJson, hashText } from '../host/hash.ts';
import { clipped, readShared, type SharedPart, type Stretch } from './image/aside.ts';
import {
  BLANKS,
  checksumOf,
  checksumStretches,
  DEFAULT_SHAPE,
  type MediaChecksum,
} from './image/checksum.ts';
import { Md5, type Md5State } from './image/md5.ts';
import { withImage } from './image/source.ts';
import { APPLICATION_USE, ISO_BLOCK, readVolume } from './image/volume.ts';

/** The part of an image that another build will have, too. */
export interface LastingPart {
  /** The file that it comes from. It is read there, and what is before it may differ from build to build. */
  readonly shared: SharedPart;
  /** Names the content of that file. */
  readonly key: string;
  readonly cache: Cache;
}

/** Implants what implantisomd5 would, byte for byte. @throws {InputError} when the file is no ISO. */
export const implantChecksum = async (iso: string): Promise<void> =>
  writeChecksum(iso, await takeChecksum(iso));

/**
 * Takes the checksum of an ISO. The digest at the end of the lasting part is kept, and the next build whose first
 * blocks are the same goes on from there.
 * @throws {InputError} when the file is no ISO.
 */
export async function takeChecksum(iso: string, lasting?: LastingPart): Promise<MediaChecksum> {
  const stretches = checksumStretches(await withImage(iso, readVolume));
  const begun = lasting === undefined ? NOTHING : await obtainBeginning(iso, stretches, lasting);
  const { digest, samples } = await goOn(iso, begun, readShared(stretches, lasting?.shared));
  return checksumOf([...samples, digest.digest()], DEFAULT_SHAPE.fragmentCount);
}

/** Writes a checksum into the descriptor of an ISO. */
export async function writeChecksum(iso: string, checksum: MediaChecksum): Promise<void> {
  const { descriptorBlock } = await withImage(iso, readVolume);
  const handle = await open(iso, 'r+');
  try {
    const place = descriptorBlock * ISO_BLOCK + APPLICATION_USE.offset;
    await handle.write(applicationUse(checksum), 0, APPLICATION_USE.bytes, place);
  } finally {
    await handle.close();
  }
}

/** A digest on its way, as it is kept. */
interface Begun {
  readonly state: Md5State;
  /** Hex digests at the samples so far. */
  readonly samples: readonly string[];
}

const NOTHING: Begun = { state: new Md5().state(), samples: [] };

async function obtainBeginning(
  iso: string,
  stretches: readonly Stretch[],
  { shared, key, cache }: LastingPart,
): Promise<Begun> {
  const { from, to } = shared;
  const beginning = clipped(stretches, 0, to);
  const head = Buffer.from(await withImage(iso, ({ read }) => read(0, from)));
  for (const { at, bytes, blank } of clipped(stretches, 0, from)) if (blank) head.fill(' ', at, at + bytes);
  const { dir } = await cache.obtain(
    'media-checksum',
    hashJson({ key, head: hashText(head), beginning }),
    async (entry) => {
      const { digest, samples } = await goOn(iso, NOTHING, readShared(beginning, shared));
      await writeFile(join(entry, 'begun.json'), JSON.stringify({ state: digest.state(), samples }));
    },
  );
  return JSON.parse(await readFile(join(dir, 'begun.json'), 'utf8'));
}

const CHUNK = 256 << 10;

/** Digests what of the stretches has not been digested yet. */
async function goOn(iso: string, begun: Begun, stretches: readonly Stretch[]) {
  const left = clipped(stretches, begun.state.bytes, Number.POSITIVE_INFINITY);
  const files = new Map<string, number>();
  try {
    for (const { file = iso } of left) if (!files.has(file)) files.set(file, openSync(file, 'r'));
    return await digestOn(begun, left, ({ file = iso }) => files.get(file) ?? -1);
  } finally {
    for (const fd of files.values()) closeSync(fd);
  }
}

async function digestOn(begun: Begun, left: readonly Stretch[], fileOf: (stretch: Stretch) => number) {
  const digest = new Md5(begun.state);
  const samples = [...begun.samples];
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (const stretch of left) {
    const { at, bytes, blank, sampled } = stretch;
    for (let done = 0; done < bytes; ) {
      const piece =
        blank === true ? BLANKS.subarray(0, bytes) : buffer.subarray(0, Math.min(CHUNK, bytes - done));
      // What lies in memory already: a thread of its own for every piece takes longer than the copying.
      const size =
        blank === true ? piece.length : readSync(fileOf(stretch), piece, 0, piece.length, at + done);
      if (size === 0) throw new FailedError('the ISO was cut off while its checksum was taken');
      digest.update(piece.subarray(0, size));
      done += size;
      await breathe();
    }
    if (sampled === true) samples.push(digest.digest());
  }
  return { digest, samples };
}

/** Lets signals and the output of programs through. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function applicationUse({ md5, fragmentSums }: MediaChecksum): Buffer {
  const text = [
    `ISO MD5SUM = ${md5}`,
    `SKIPSECTORS = ${DEFAULT_SHAPE.skipBlocks}`,
    'RHLISOSTATUS=0',
    `FRAGMENT SUMS = ${fragmentSums}`,
    `FRAGMENT COUNT = ${DEFAULT_SHAPE.fragmentCount}`,
    'THIS IS NOT THE SAME AS RUNNING MD5SUM ON THIS ISO!!',
  ].join(';');
  return Buffer.from(text.padEnd(APPLICATION_USE.bytes), 'latin1');
}
