/** Positioned reads of an image: a file or a block device of any size, of which only the pieces asked for are read. */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { FailedError } from '../../errors/exit.ts';
import { fileProblem, InputError } from '../../errors/problem.ts';
import type { ReadAt } from '../../storage/fat.ts';

export interface ImageSource {
  readonly path: string;
  readonly bytes: number;
  /** A stick or a disc, which is larger than the image on it. */
  readonly isDevice?: boolean;
  /** Up to `length` bytes from `offset`; fewer, or none, where the image ends. */
  readonly read: ReadAt;
}

/** Lends an opened image. @throws {InputError} when there is no such file, or it is not one. */
export async function withImage<T>(path: string, use: (image: ImageSource) => Promise<T>): Promise<T> {
  const handle = await openForReading(path);
  try {
    const isDevice = (await handle.stat()).isBlockDevice();
    return await use({ path, bytes: await sizeOf(handle, path), isDevice, read: reader(handle, path) });
  } finally {
    await handle.close();
  }
}

/** The same reads with `offset` as their zero: a partition of the image. */
export const readFrom =
  (read: ReadAt, offset: number): ReadAt =>
  (at, length) =>
    read(offset + at, length);

async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error) || error.code !== 'ENOENT') throw error;
    throw new InputError([fileProblem(path, 'no-such-file', 'there is no such file')]);
  }
}

async function sizeOf(handle: FileHandle, path: string): Promise<number> {
  const stats = await handle.stat();
  if (stats.isFile()) return stats.size;
  if (!stats.isBlockDevice()) {
    throw new InputError([fileProblem(path, 'not-an-image', 'this is neither a file nor a block device')]);
  }
  // A device file has no size of its own; the kernel tells it in 512-byte sectors whatever the device's blocks are.
  const major = Math.floor(stats.rdev / 256) & 0xfff;
  const minor = (stats.rdev & 0xff) | (Math.floor(stats.rdev / 0x1000) & 0xfff00);
  return Number(await readFile(`/sys/dev/block/${major}:${minor}/size`, 'utf8')) * 512;
}

const reader =
  (handle: FileHandle, path: string): ReadAt =>
  async (offset, length) => {
    const buffer = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const at = offset + filled;
      const { bytesRead } = await handle
        .read(buffer, filled, length - filled, at)
        .catch(unreadable(path, at));
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  };

/** A scratched disc or a stick that was pulled out is no bug of ours. */
const unreadable =
  (path: string, at: number) =>
  (error: NodeJS.ErrnoException): never => {
    if (error.code !== 'EIO' && error.code !== 'ENXIO') throw error;
    throw new FailedError(`${path} cannot be read at byte ${at} (${error.code})`, undefined, {
      cause: error,
    });
  };
