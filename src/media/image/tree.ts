/** The files of an ISO 9660 image and where their bytes lie, by Rock Ridge, Joliet or plain names (ECMA-119, chapter 9). */
import type { ReadAt } from '../../storage/fat.ts';
import { type RockRidge, readRockRidge, suspSkip } from './rock-ridge.ts';
import { type DirectoryPlace, ISO_BLOCK } from './volume.ts';

/** A run of blocks. Files of 4 GiB and more have several (ISO 9660 level 3). */
export interface Extent {
  readonly block: number;
  readonly bytes: number;
}

export interface ImageEntry {
  /** Relative to the root of the medium. */
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link';
  /** Size of a file; 0 for anything else. */
  readonly bytes: number;
  readonly extents: readonly Extent[];
  /** POSIX permission bits; undefined without Rock Ridge. */
  readonly mode: number | undefined;
  /** Target of a symbolic link. */
  readonly target: string | undefined;
}

export interface ImageTree {
  readonly naming: 'rock-ridge' | 'joliet' | 'iso9660';
  /** By path, in the order of the image. */
  readonly entries: ReadonlyMap<string, ImageEntry>;
}

const FLAG = { folder: 0x02, moreExtents: 0x80 } as const;
/** Deeper than any installation medium; a damaged directory must not be followed for ever. */
const MOST_DEPTH = 64;
const MOST_DIRECTORY_BYTES = 64 << 20;

/** A directory that cannot be one; the message says where. */
export class ImageTreeError extends Error {
  override readonly name = 'ImageTreeError';
}

/**
 * Walks the tree from a root directory. `joliet` says how names are written there; Rock Ridge is found by itself.
 * Only directories are read. Rejects with {@link ImageTreeError}.
 */
export async function readTree(read: ReadAt, root: DirectoryPlace, joliet = false): Promise<ImageTree> {
  const skip = joliet ? undefined : await rockRidgeSkip(read, root);
  const walker = new Walker(read, skip, joliet ? jolietName : plainName);
  await walker.walk(root, '', 0);
  const naming = joliet ? 'joliet' : skip === undefined ? 'iso9660' : 'rock-ridge';
  return { naming, entries: walker.entries };
}

/** The entry at `path` when case does not count, as FAT-minded firmware and plain ISO 9660 have it. */
export function findIgnoringCase(tree: ImageTree, path: string): ImageEntry | undefined {
  const exact = tree.entries.get(path);
  if (exact !== undefined) return exact;
  const wanted = path.toLowerCase();
  return [...tree.entries.values()].find((entry) => entry.path.toLowerCase() === wanted);
}

/** The file at `path`, symbolic links followed inside the image; undefined when it leads to none. */
export function findFile(tree: ImageTree, path: string): ImageEntry | undefined {
  let at = normalise(path);
  for (let followed = 0; followed < MOST_DEPTH; followed += 1) {
    const entry = tree.entries.get(at);
    if (entry !== undefined && entry.kind !== 'link') return entry.kind === 'file' ? entry : undefined;
    const link = entry ?? linkAbove(tree, at);
    if (link?.target === undefined) return undefined;
    const rest = at.slice(link.path.length);
    at = link.target.startsWith('/')
      ? normalise(`${link.target}${rest}`)
      : normalise(`${link.path}/../${link.target}${rest}`);
  }
  return undefined;
}

/** A symbolic link among the folders of a path. */
function linkAbove(tree: ImageTree, path: string): ImageEntry | undefined {
  const parts = path.split('/');
  return parts
    .map((_, count) => tree.entries.get(parts.slice(0, count).join('/')))
    .find((entry) => entry?.kind === 'link');
}

/** A file's bytes from `offset` on, `length` of them if it has as many; default all. */
export async function readEntry(
  read: ReadAt,
  entry: Pick<ImageEntry, 'extents' | 'bytes'>,
  offset = 0,
  length: number = entry.bytes - offset,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let skip = offset;
  let left = Math.min(length, entry.bytes - offset);
  for (const extent of entry.extents) {
    if (left <= 0) break;
    const want = Math.min(left, extent.bytes - skip);
    if (want > 0) {
      parts.push(await read(extent.block * ISO_BLOCK + skip, want));
      left -= want;
    }
    skip = Math.max(0, skip - extent.bytes);
  }
  return parts.length === 1 ? (parts[0] ?? new Uint8Array()) : Buffer.concat(parts);
}

/** `a//b/./../c` → `a/c`. */
function normalise(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

interface DirectoryRecord {
  readonly isSelfOrParent: boolean;
  readonly name: Buffer;
  readonly flags: number;
  readonly extent: Extent;
  readonly systemUse: Buffer;
}

class Walker {
  readonly entries = new Map<string, ImageEntry>();
  readonly #read: ReadAt;
  readonly #skip: number | undefined;
  readonly #nameOf: (record: DirectoryRecord) => string;

  constructor(read: ReadAt, skip: number | undefined, nameOf: (record: DirectoryRecord) => string) {
    this.#read = read;
    this.#skip = skip;
    this.#nameOf = nameOf;
  }

  async walk(place: DirectoryPlace, prefix: string, depth: number): Promise<void> {
    if (depth > MOST_DEPTH) throw new ImageTreeError(`${prefix}: folders lie too deep; do they form a ring?`);
    let begun: readonly Extent[] = [];
    for (const record of parseDirectory(await readDirectory(this.#read, place, prefix))) {
      if (record.isSelfOrParent) continue;
      const extents = [...begun, record.extent];
      begun = (record.flags & FLAG.moreExtents) === 0 ? [] : extents;
      if (begun.length > 0) continue;
      const ridge = this.#rockRidge(record);
      const folder = this.#take(record, extents, prefix, ridge instanceof Promise ? await ridge : ridge);
      if (folder === undefined) continue;
      const { path, place: own } = folder;
      await this.walk(
        'movedTo' in own ? await ownPlace(this.#read, own.movedTo, path) : own,
        `${path}/`,
        depth + 1,
      );
    }
  }

  #rockRidge({ systemUse }: DirectoryRecord) {
    if (this.#skip === undefined) return undefined;
    return readRockRidge(this.#read, systemUse, systemUse.length === 0 ? 0 : this.#skip);
  }

  /** Keeps an entry; answers the folder to walk, if it is one. */
  #take(
    record: DirectoryRecord,
    extents: readonly Extent[],
    prefix: string,
    ridge: RockRidge | undefined,
  ): WalkedFolder | undefined {
    if (ridge?.relocated === true) return undefined;
    const path = `${prefix}${ridge?.name ?? this.#nameOf(record)}`;
    const mode = ridge?.mode === undefined ? undefined : ridge.mode & 0o7777;
    const target = ridge?.target;
    const keep = (kind: ImageEntry['kind'], bytes: number, lies: readonly Extent[]): void =>
      void this.entries.set(path, { path, mode, kind, bytes, extents: lies, target });
    if (ridge?.childBlock !== undefined) {
      keep('folder', 0, []);
      return { path, place: { movedTo: ridge.childBlock } };
    }
    if ((record.flags & FLAG.folder) !== 0) {
      keep('folder', 0, extents);
      return { path, place: record.extent };
    }
    if (target !== undefined) keep('link', 0, []);
    else
      keep(
        'file',
        extents.reduce((sum, { bytes }) => sum + bytes, 0),
        extents,
      );
    return undefined;
  }
}

interface WalkedFolder {
  readonly path: string;
  /** Its directory, or the block that it was moved to. */
  readonly place: DirectoryPlace | { readonly movedTo: number };
}

/** A folder that was moved is known by its block alone; its first record, about itself, has its size. */
async function ownPlace(read: ReadAt, block: number, path: string): Promise<DirectoryPlace> {
  const [self] = parseDirectory(Buffer.from(await read(block * ISO_BLOCK, ISO_BLOCK)));
  if (self === undefined) throw new ImageTreeError(`${path}: block ${block} holds no folder`);
  return self.extent;
}

async function rockRidgeSkip(read: ReadAt, root: DirectoryPlace): Promise<number | undefined> {
  const [self] = parseDirectory(Buffer.from(await read(root.block * ISO_BLOCK, ISO_BLOCK)));
  return self === undefined ? undefined : suspSkip(self.systemUse);
}

async function readDirectory(read: ReadAt, { block, bytes }: DirectoryPlace, path: string): Promise<Buffer> {
  const name = path === '' ? 'the root' : path.replace(/\/$/, '');
  if (bytes > MOST_DIRECTORY_BYTES) throw new ImageTreeError(`${name}: claims a directory of ${bytes} bytes`);
  const content = Buffer.from(await read(block * ISO_BLOCK, bytes));
  if (content.length < bytes)
    throw new ImageTreeError(`${name}: its directory lies beyond the end of the image`);
  return content;
}

/** The records of a directory. They never cross a block; a length of zero says that the rest of the block is empty. */
function* parseDirectory(bytes: Buffer): Generator<DirectoryRecord> {
  for (let at = 0; at + 34 <= bytes.length; ) {
    const length = bytes.readUInt8(at);
    const nameLength = bytes.readUInt8(at + 32);
    if (length < 34 || 33 + nameLength > length || at + length > bytes.length) {
      at = (Math.floor(at / ISO_BLOCK) + 1) * ISO_BLOCK;
      continue;
    }
    const name = bytes.subarray(at + 33, at + 33 + nameLength);
    // A name of even length is followed by a byte that makes the next field even.
    const used = 33 + nameLength + (nameLength % 2 === 0 ? 1 : 0);
    yield {
      isSelfOrParent: nameLength === 1 && (name[0] === 0 || name[0] === 1),
      name,
      flags: bytes.readUInt8(at + 25),
      // An extended attribute record lies before the file's bytes.
      extent: {
        block: bytes.readUInt32LE(at + 2) + bytes.readUInt8(at + 1),
        bytes: bytes.readUInt32LE(at + 10),
      },
      systemUse: bytes.subarray(at + Math.min(used, length), at + length),
    };
    at += length;
  }
}

/** `GRUB.CFG;1` → `GRUB.CFG`, `README.;1` → `README`. */
const plainName = ({ name }: DirectoryRecord): string =>
  name.toString('latin1').replace(/;\d+$/, '').replace(/\.$/, '');

const jolietName = ({ name }: DirectoryRecord): string =>
  Buffer.from(name)
    .subarray(0, name.length & ~1)
    .swap16()
    .toString('utf16le')
    .replace(/;\d+$/, '');
