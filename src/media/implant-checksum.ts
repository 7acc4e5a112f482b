/**
 * The checksum that install media carry inside themselves, for `rd.live.check` and `checkisomd5`: MD5 over the volume,
 * written into the application use area of its descriptor (isomd5sum, libimplantisomd5.c and utilities.c).
 */
import { readSync } from 'node:fs';
import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailedError } from '../errors/exit.ts';
import type { Cache } from '../host/cache.ts';
import { hashJson, hashText } from '../host/hash.ts';
import type { Stretch } from './image/aside.ts';
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

/** The part of an image that another build will have, too, but for its first blocks. */
export interface LastingPart {
  /** From the beginning of the image. */
  readonly bytes: number;
  /** The first ones, which may differ from build to build. */
  readonly head: number;
  /** Names the content between. */
  readonly key: string;
  readonly cache: Cache;
}

/**
 * Implants what implantisomd5 would, byte for byte. The digest at the end of the lasting part is kept, and the next
 * build whose first blocks are the same goes on from there.
 * @throws {InputError} when the file is no ISO.
 */
export async function implantChecksum(iso: string, lasting?: LastingPart): Promise<void> {
  const volume = await withImage(iso, readVolume);
  const handle = await open(iso, 'r+');
  try {
    const stretches = checksumStretches(volume);
    const begun = lasting === undefined ? NOTHING : await obtainBeginning(handle, stretches, lasting);
    const { digest, samples } = await goOn(handle, begun, stretches);
    const content = applicationUse(checksumOf([...samples, digest.digest()], DEFAULT_SHAPE.fragmentCount));
    await handle.write(
      content,
      0,
      content.length,
      volume.descriptorBlock * ISO_BLOCK + APPLICATION_USE.offset,
    );
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
  handle: FileHandle,
  stretches: readonly Stretch[],
  { bytes, head, key, cache }: LastingPart,
): Promise<Begun> {
  const beginning = clipped(stretches, 0, bytes);
  const first = Buffer.alloc(head);
  await handle.read(first, 0, head, 0);
  for (const { at, bytes: size, blank } of clipped(stretches, 0, head))
    if (blank) first.fill(' ', at, at + size);
  const { dir } = await cache.obtain(
    'media-checksum',
    hashJson({ key, head: hashText(first), beginning }),
    async (entry) => {
      const { digest, samples } = await goOn(handle, NOTHING, beginning);
      await writeFile(join(entry, 'begun.json'), JSON.stringify({ state: digest.state(), samples }));
    },
  );
  return JSON.parse(await readFile(join(dir, 'begun.json'), 'utf8'));
}

/** The parts of stretches that lie between two bytes. What was cut off at its end is not sampled there. */
const clipped = (stretches: readonly Stretch[], from: number, to: number): readonly Stretch[] =>
  stretches
    .filter(({ at, bytes }) => at < to && at + bytes > from)
    .map(({ at, bytes, sampled, ...rest }) => {
      const [start, end] = [Math.max(at, from), Math.min(at + bytes, to)];
      return {
        ...rest,
        at: start,
        bytes: end - start,
        ...(sampled && end === at + bytes ? { sampled } : {}),
      };
    });

const CHUNK = 256 << 10;

/** Digests what of the stretches has not been digested yet. */
async function goOn({ fd }: FileHandle, begun: Begun, stretches: readonly Stretch[]) {
  const digest = new Md5(begun.state);
  const samples = [...begun.samples];
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (const { at, bytes, blank, sampled } of clipped(
    stretches,
    begun.state.bytes,
    Number.POSITIVE_INFINITY,
  )) {
    for (let done = 0; done < bytes; ) {
      const piece =
        blank === true ? BLANKS.subarray(0, bytes) : buffer.subarray(0, Math.min(CHUNK, bytes - done));
      // What was just written is in memory: a thread of its own for every piece takes longer than the copying.
      const size = blank === true ? piece.length : readSync(fd, piece, 0, piece.length, at + done);
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
