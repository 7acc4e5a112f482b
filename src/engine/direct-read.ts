/**
 * Reads that by-pass the page cache. Members of an array go stale in it: md writes to the disk below the cache of
 * the member's own device, which then answers with what it once read (seen, see the boot proof).
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** O_DIRECT wants offset, length and memory address to be multiples of the logical block size; 4096 fits all disks. */
const ALIGNMENT = 4096;
const CHUNK_BYTES = 1 << 20;
const WASM_PAGE_BYTES = 1 << 16;

/**
 * Up to `length` bytes from `offset` of a file or device, read by O_DIRECT. Undefined when the file system or the
 * device does not offer it. Other failures reject.
 */
export async function readDirect(
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array | undefined> {
  const file = await openDirect(path);
  if (file === undefined) return undefined;
  const buffer = pool.pop() ?? alignedBuffer();
  try {
    return await readAligned(file, buffer, offset, length);
  } catch (error) {
    if (isErrno(error, 'EINVAL')) return undefined;
    throw error;
  } finally {
    pool.push(buffer);
    await file.close();
  }
}

async function readAligned(
  file: FileHandle,
  buffer: Uint8Array,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const out = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const position = offset + filled;
    const skip = position % ALIGNMENT;
    const want = Math.min(CHUNK_BYTES, roundUp(skip + length - filled));
    const { bytesRead } = await file.read(buffer, 0, want, position - skip);
    const usable = Math.min(bytesRead - skip, length - filled);
    if (usable <= 0) break;
    out.set(buffer.subarray(skip, skip + usable), filled);
    filled += usable;
  }
  return out.subarray(0, filled);
}

const roundUp = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Buffers not in use, one per concurrent reader at most. */
const pool: Uint8Array[] = [];

// The compiler's `lib` has no WebAssembly without the DOM; this is the part of it used here.
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

/** JavaScript cannot ask for an address, but the memory of a WebAssembly instance starts on a page of its own. */
function alignedBuffer(): Uint8Array {
  return new Uint8Array(new WebAssembly.Memory({ initial: CHUNK_BYTES / WASM_PAGE_BYTES }).buffer);
}

async function openDirect(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECT);
  } catch (error) {
    if (isErrno(error, 'EINVAL')) return undefined;
    throw error;
  }
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
