/** Whether a vendor's medium is whole, by the checksum it carries; asked once for each file. */
import { readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Exec } from '../../engine/command.ts';
import { fileProblem, InputError } from '../../errors/problem.ts';
import type { Cache } from '../../host/cache.ts';
import { hashFile, hashJson } from '../../host/hash.ts';
import { implantedChecksum } from '../image/checksum.ts';
import type { ImageVolume } from '../image/volume.ts';

/** A DVD on a slow disk. */
const TIMEOUT_MS = 30 * 60_000;

/**
 * Compares a medium with its implanted checksum, by checkisomd5 and so beside whatever this process does. A file that
 * was right before and has not been touched since is not read again. Media without a checksum pass.
 * @throws {InputError} when the medium is damaged.
 */
export async function checkVendorMedium(
  path: string,
  volume: ImageVolume,
  { exec, cache }: { readonly exec: Exec; readonly cache: Cache },
): Promise<void> {
  if (implantedChecksum(volume) === undefined) return;
  await cache.obtain('vendor-check', await fileKey(path), async (entry) => {
    const { exitCode } = await exec({
      file: 'checkisomd5',
      args: [path],
      effect: 'read',
      timeoutMs: TIMEOUT_MS,
      accept: [0, 1],
    });
    if (exitCode !== 0) {
      const hint = 'download it again, and compare it with the SHA-256 its maker publishes';
      const message = 'this ISO is damaged: its content is not what its own checksum was taken of';
      throw new InputError([fileProblem(path, 'damaged-medium', message, hint)]);
    }
    await writeFile(join(entry, 'checked'), `${path}\n`);
  });
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
async function fileKey(path: string): Promise<string> {
  const { size, mtimeMs, ctimeMs, ino, dev } = await stat(path);
  return hashJson({ path: await realpath(path), size, mtimeMs, ctimeMs, ino, dev });
}
