/** Writes an image onto a disk that the guard released, and reads it back from the disk itself. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Machine } from '../../engine/machine.ts';
import { FailedError, MissingError } from '../../errors/exit.ts';
import type { ImageSource } from '../image/source.ts';
import { type ReleasedDisk, requireUnchanged } from './guard.ts';

export interface WriteDeps {
  readonly machine: Machine;
  readonly signal: AbortSignal;
  readonly onProgress: (phase: 'writing' | 'comparing', done: number, total: number) => void;
  /** Opens the device for writing; default {@link openExclusively}. */
  readonly open?: (path: string) => Promise<FileHandle>;
}

const CHUNK = 4 << 20;
/** Flushed so often, the progress is that of the disk and not that of the memory before it. */
const FLUSH_EVERY = 64 << 20;

/**
 * Afterwards the disk begins with the image, byte for byte; what lay behind it is left as it is.
 * @throws {FailedError} when the disk does not give back what was written. When this is interrupted the disk holds
 * neither the old content nor the new one.
 */
export async function writeToDisk(image: ImageSource, target: ReleasedDisk, deps: WriteDeps): Promise<void> {
  await requireUnchanged(deps.machine, target);
  const device = await (deps.open ?? openExclusively)(target.path);
  try {
    await requireUnchanged(deps.machine, target);
    await copy(image, device, deps);
    await device.sync().catch(gone(image.bytes));
  } finally {
    await device.close();
  }
  await compare(image, target.path, deps);
}

/**
 * With O_EXCL the kernel refuses a block device that is mounted or built upon (open(2)), however that came about after
 * it was judged. Without O_CREAT a name that is gone stays gone, and no file is made in its place.
 */
async function openExclusively(path: string): Promise<FileHandle> {
  const device = await open(path, constants.O_WRONLY | constants.O_EXCL).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EBUSY') throw new FailedError(`${path} is in use`, undefined, { cause: error });
      if (error.code === 'EACCES' || error.code === 'EPERM')
        throw new MissingError(`${path} may not be written to (${error.code})`, 'run this as root', {
          cause: error,
        });
      throw error;
    },
  );
  if ((await device.stat()).isBlockDevice()) return device;
  await device.close();
  throw new FailedError(`${path} is no block device`);
}

async function copy(
  image: ImageSource,
  device: FileHandle,
  { signal, onProgress }: WriteDeps,
): Promise<void> {
  let next = image.read(0, CHUNK);
  for (let at = 0; at < image.bytes; ) {
    signal.throwIfAborted();
    const chunk = await next;
    if (chunk.length === 0) throw new FailedError(`${image.path} ended while it was read`);
    // The next piece is read while this one is written.
    next = image.read(at + chunk.length, CHUNK);
    await writeAll(device, chunk, at);
    at += chunk.length;
    if (Math.floor(at / FLUSH_EVERY) !== Math.floor((at - chunk.length) / FLUSH_EVERY))
      await device.datasync().catch(gone(at));
    onProgress('writing', at, image.bytes);
  }
  await next;
}

async function writeAll(device: FileHandle, chunk: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await device
      .write(chunk, done, chunk.length - done, at + done)
      .catch(gone(at + done));
    if (bytesWritten === 0) throw new FailedError(`the disk takes nothing more after ${at + done} bytes`);
    done += bytesWritten;
  }
}

/** A stick that was pulled out, or that wears out. */
const gone =
  (at: number) =>
  (error: NodeJS.ErrnoException): never => {
    if (!['EIO', 'ENXIO', 'ENODEV', 'ENOSPC'].includes(error.code ?? '')) throw error;
    const message = `the disk takes nothing more after ${at} bytes (${error.code})`;
    throw new FailedError(message, 'it holds neither the old content nor the ISO now', { cause: error });
  };

/** Past the page cache, which would only give back what was put into it. */
async function compare(
  image: ImageSource,
  path: string,
  { machine, signal, onProgress }: WriteDeps,
): Promise<void> {
  for (let at = 0; at < image.bytes; at += CHUNK) {
    signal.throwIfAborted();
    const length = Math.min(CHUNK, image.bytes - at);
    const [wanted, found] = await Promise.all([
      image.read(at, length),
      machine.readBytes(path, at, length, true),
    ]);
    if (Buffer.compare(wanted, found) !== 0) {
      const first = wanted.findIndex((byte, i) => byte !== found[i]);
      throw new FailedError(
        `${path} does not give back what was written: it differs at byte ${at + first}`,
        'the stick is worn out or not as large as it says; take another one',
      );
    }
    onProgress('comparing', at + length, image.bytes);
  }
}
