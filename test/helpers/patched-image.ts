/** Images damaged on purpose, byte by byte. */
import { copyFile, open, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';

/** A copy of an image in `dir` with something done to it. */
export async function patchedImage(
  dir: string,
  iso: string,
  ...patches: readonly ((path: string) => Promise<void>)[]
): Promise<string> {
  const copy = join(dir, 'patched.iso');
  await copyFile(iso, copy);
  for (const patch of patches) await patch(copy);
  return copy;
}

/** Puts bytes at an offset; a negative one counts from the end. */
export const putBytes =
  (offset: number, bytes: Uint8Array | string) =>
  async (path: string): Promise<void> => {
    const file = await open(path, 'r+');
    const at = offset < 0 ? (await file.stat()).size + offset : offset;
    await file.write(Buffer.from(bytes), 0, undefined, at);
    await file.close();
  };

/** Replaces text of the image by as many other bytes, wherever it stands or only the n-th time (from 0). */
export const replaceText =
  (from: string, to: string, only?: number) =>
  async (path: string): Promise<void> => {
    if (from.length !== to.length) throw new Error(`'${from}' and '${to}' are not of one length`);
    const content = await readFile(path);
    const places: number[] = [];
    for (let at = content.indexOf(from); at >= 0; at = content.indexOf(from, at + 1)) places.push(at);
    const chosen = only === undefined ? places : places.slice(only, only + 1);
    if (chosen.length === 0) throw new Error(`'${from}' does not stand there`);
    for (const at of chosen) await putBytes(at, to)(path);
  };

/** Changes one bit of a byte. */
export const flipBit =
  (offset: number) =>
  async (path: string): Promise<void> => {
    const file = await open(path, 'r+');
    const at = offset < 0 ? (await file.stat()).size + offset : offset;
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ 1;
    await file.write(byte, 0, 1, at);
    await file.close();
  };

export const resize =
  (change: number) =>
  async (path: string): Promise<void> => {
    const file = await open(path, 'r');
    const { size } = await file.stat();
    await file.close();
    await truncate(path, size + change);
  };
