/** Whether a vendor's medium is whole, and what is on it: read once for each file. */
import { readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileProblem, InputError } from '../../errors/problem.ts';
import type { Cache } from '../../host/cache.ts';
import { hashFile, hashJson } from '../../host/hash.ts';
import { checksumAside, implantedChecksum, isRight } from '../image/checksum.ts';
import { digestContents } from '../image/digest.ts';
import type { Medium } from '../image/medium.ts';
import type { ImageVolume } from '../image/volume.ts';

/**
 * Compares a medium with its implanted checksum, beside whatever this thread does. A file that was right before and has
 * not been touched since is not read again. Media without a checksum pass.
 * @throws {InputError} when the medium is damaged.
 */
export async function checkVendorMedium(path: string, volume: ImageVolume, cache: Cache): Promise<void> {
  const implanted = implantedChecksum(volume);
  if (implanted === undefined) return;
  await cache.obtain('vendor-check', await fileKey(path), async (entry) => {
    if (!isRight(implanted, await checksumAside(path, volume, implanted))) {
      const hint = 'download it again, and compare it with the SHA-256 its maker publishes';
      const message = 'this ISO is damaged: its content is not what its own checksum was taken of';
      throw new InputError([fileProblem(path, 'damaged-medium', message, hint)]);
    }
    await writeFile(join(entry, 'checked'), `${path}\n`);
  });
}

/** SHA-256 (hex) of every file on a medium by where it lies; taken once for each medium, as above. */
export async function vendorContents(medium: Medium, cache: Cache): Promise<ReadonlyMap<string, string>> {
  const { path } = medium.image;
  const { dir } = await cache.obtain('vendor-contents', await fileKey(path), async (entry) => {
    await writeFile(join(entry, 'contents.json'), JSON.stringify([...(await digestContents(medium))]));
  });
  return new Map(JSON.parse(await readFile(join(dir, 'contents.json'), 'utf8')));
}

/**
 * What a medium is known by: its implanted checksum, which covers its content, or else the hash of the whole file.
 */
export async function vendorIdentityHash(path: string, volume: ImageVolume, cache: Cache): Promise<string> {
  const implanted = implantedChecksum(volume);
  if (implanted !== undefined) return `md5:${implanted.md5}`;
  const key = await fileKey(path);
  return `sha256:${await hashOnce(path, key, cache)}`;
}

async function hashOnce(path: string, key: string, cache: Cache): Promise<string> {
  const { dir } = await cache.obtain('vendor-hash', key, async (entry) => {
    await writeFile(join(entry, 'sha256'), await hashFile(path));
  });
  return readFile(join(dir, 'sha256'), 'utf8');
}

/** Changes when the file does, short of deceit. */
export async function fileKey(path: string): Promise<string> {
  const { size, mtimeMs, ctimeMs, ino, dev } = await stat(path);
  return hashJson({ path: await realpath(path), size, mtimeMs, ctimeMs, ino, dev });
}
