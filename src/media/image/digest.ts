/** Digests of an image and of every file on it, all taken while the bytes pass once. */
import { createHash, type Hash } from 'node:crypto';
import { digestAside } from './aside.ts';
import { type ChecksumShape, type MediaChecksum, MediaDigest } from './checksum.ts';
import type { Medium } from './medium.ts';
import type { ImageSource } from './source.ts';
import { type Extent, type ImageTree, readEntry } from './tree.ts';
import { ISO_BLOCK } from './volume.ts';

export interface ImageDigests {
  /** SHA-256 (hex) of the image. */
  readonly sha256: string;
  /** As isomd5sum takes it; undefined unless asked for. */
  readonly media: MediaChecksum | undefined;
  /** Path → SHA-256 (hex) of every file. */
  readonly files: ReadonlyMap<string, string>;
}

export interface DigestOptions {
  /** How much of the image counts; default all. A stick is larger than the image that was written to it. */
  readonly bytes?: number;
  /** The checksum of the medium is wanted, taken in this way. */
  readonly media?: ChecksumShape;
  readonly onProgress?: (bytes: number) => void;
}

const READ_BYTES = 4 << 20;

/** Reads the image once, from its first byte to its last. */
export async function digestImage(
  { image, volume, tree }: Pick<Medium, 'image' | 'volume' | 'tree'>,
  options: DigestOptions = {},
): Promise<ImageDigests> {
  const bytes = Math.min(options.bytes ?? image.bytes, image.bytes);
  const whole = createHash('sha256');
  const media = options.media === undefined ? undefined : new MediaDigest(volume, options.media);
  const files = new FileDigests(tree, bytes);
  await readThrough(image, bytes, (at, chunk) => {
    whole.update(chunk);
    media?.update(chunk);
    files.update(at, chunk);
    options.onProgress?.(at + chunk.length);
  });
  return {
    sha256: whole.digest('hex'),
    media: media?.finish(),
    files: await files.finish(image),
  };
}

/** Where the bytes of a file lie: files of one key have the same content (hard links). */
export const contentKey = (extents: readonly Extent[]): string =>
  extents.map(({ block, bytes }) => `${block}+${bytes}`).join(',');

/**
 * SHA-256 (hex) of every file by its {@link contentKey}, taken beside what this thread does. What is known already is
 * not read again.
 */
export async function digestContents(
  { image, tree }: Pick<Medium, 'image' | 'tree'>,
  known: ReadonlyMap<string, string> = new Map(),
): Promise<ReadonlyMap<string, string>> {
  const wanted = new Map(
    [...tree.entries.values()]
      .filter(({ kind }) => kind === 'file')
      .map(({ extents }) => [contentKey(extents), extents] as const)
      .filter(([key]) => !known.has(key))
      .sort(([, a], [, b]) => (a[0]?.block ?? 0) - (b[0]?.block ?? 0)),
  );
  const digests = await digestAside(
    image.path,
    [...wanted.values()].map((extents) => ({
      algorithm: 'sha256',
      stretches: extents.map(({ block, bytes }) => ({ at: block * ISO_BLOCK, bytes })),
    })),
  );
  return new Map([...known, ...[...wanted.keys()].map((key, i) => [key, digests[i]?.[0] ?? ''] as const)]);
}

/** Hands out the first bytes of an image in order; the next piece is read while one is worked on. */
async function readThrough(
  image: ImageSource,
  bytes: number,
  take: (at: number, chunk: Uint8Array) => void,
): Promise<void> {
  let next = image.read(0, Math.min(READ_BYTES, bytes));
  for (let at = 0; at < bytes; ) {
    const chunk = await next;
    if (chunk.length === 0) break;
    const after = at + chunk.length;
    next = image.read(after, Math.min(READ_BYTES, bytes - after));
    take(at, chunk);
    at = after;
  }
  await next;
}

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly hash: Hash;
}

/** Files with the same bytes (hard links) are digested once. */
class FileDigests {
  /** Ascending. */
  readonly #waiting: Piece[];
  readonly #hashes = new Map<string, Hash>();
  readonly #keys = new Map<string, string>();
  /** Paths of files that do not lie in order or not within what is read: read by themselves. */
  readonly #apart: string[] = [];
  readonly #tree: ImageTree;
  #active: readonly Piece[] = [];

  constructor(tree: ImageTree, bytes: number) {
    this.#tree = tree;
    const pieces: Piece[] = [];
    for (const { path, kind, extents } of tree.entries.values()) {
      if (kind !== 'file') continue;
      if (!inOrder(extents, bytes)) {
        this.#apart.push(path);
        continue;
      }
      const key = contentKey(extents);
      this.#keys.set(path, key);
      if (this.#hashes.has(key)) continue;
      const hash = createHash('sha256');
      this.#hashes.set(key, hash);
      for (const extent of extents) {
        const start = extent.block * ISO_BLOCK;
        if (extent.bytes > 0) pieces.push({ start, end: start + extent.bytes, hash });
      }
    }
    this.#waiting = pieces.sort((a, b) => b.start - a.start);
  }

  update(at: number, chunk: Uint8Array): void {
    const end = at + chunk.length;
    const begun: Piece[] = [...this.#active];
    for (
      let next = this.#waiting.at(-1);
      next !== undefined && next.start < end;
      next = this.#waiting.at(-1)
    ) {
      begun.push(next);
      this.#waiting.pop();
    }
    for (const piece of begun) {
      piece.hash.update(
        chunk.subarray(Math.max(0, piece.start - at), Math.min(chunk.length, piece.end - at)),
      );
    }
    this.#active = begun.filter((piece) => piece.end > end);
  }

  async finish(image: ImageSource): Promise<ReadonlyMap<string, string>> {
    const digests = new Map([...this.#hashes].map(([key, hash]) => [key, hash.digest('hex')]));
    const found = [...this.#keys].map(([path, key]) => [path, digests.get(key) ?? ''] as const);
    const apart: (readonly [string, string])[] = [];
    for (const path of this.#apart) apart.push([path, await this.#digestApart(image, path)]);
    return new Map([...found, ...apart]);
  }

  async #digestApart(image: ImageSource, path: string): Promise<string> {
    const entry = this.#tree.entries.get(path);
    const hash = createHash('sha256');
    for (let at = 0; entry !== undefined && at < entry.bytes; at += READ_BYTES) {
      hash.update(await readEntry(image.read, entry, at, Math.min(READ_BYTES, entry.bytes - at)));
    }
    return hash.digest('hex');
  }
}

function inOrder(extents: readonly Extent[], bytes: number): boolean {
  let at = 0;
  for (const extent of extents) {
    const start = extent.block * ISO_BLOCK;
    if (extent.bytes > 0 && (start < at || start + extent.bytes > bytes)) return false;
    at = Math.max(at, start + extent.bytes);
  }
  return true;
}
