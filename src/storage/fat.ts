/**
 * Reads FAT file systems from bytes (Microsoft's FAT specification 1.03), so that each member of an ESP array, and the
 * EFI image inside an ISO, can be looked into by itself: without md, without a mount and without mtools.
 */
import { createHash } from 'node:crypto';

/** Up to `length` bytes from `offset` of the file system. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>;

export interface FatFile {
  /** With `/` between names, as written; FAT compares without case. */
  readonly path: string;
  readonly bytes: number;
}

export type FatKind = 'fat12' | 'fat16' | 'fat32';

export interface FatVolume {
  readonly kind: FatKind;
  /** `1A2B-3C4D`, the name blkid gives it. */
  readonly uuid: string;
  /** Every file, sorted by upper-case path. */
  files(): Promise<readonly FatFile[]>;
  /** A file's content; undefined when there is no such file. Names are compared without case. */
  read(path: string): Promise<Uint8Array | undefined>;
}

/** A file system that is not FAT, or is damaged; the message says where. */
export class FatError extends Error {
  override readonly name = 'FatError';
}

const ENTRY_BYTES = 32;
/** Of the allocation table. */
const ENTRY_BITS: Readonly<Record<FatKind, number>> = { fat12: 12, fat16: 16, fat32: 32 };
/** From this value on, an entry ends its chain. */
const FIRST_END: Readonly<Record<FatKind, number>> = { fat12: 0xff8, fat16: 0xfff8, fat32: 0x0ffffff8 };
const ATTRIBUTE_LONG_NAME = 0x0f;
const ATTRIBUTE_VOLUME = 0x08;
const ATTRIBUTE_DIRECTORY = 0x10;
/** Bytes of one read; more does not make it faster. */
const RUN_BYTES = 1 << 20;

/** Opens the file system whose first byte is offset 0 of `read`. Rejects with a {@link FatError}. */
export async function openFat(read: ReadAt): Promise<FatVolume> {
  const shape = parseBootSector(await read(0, 512));
  const table = await read(shape.tableOffset, shape.tableBytes);
  const volume = new Reader(read, shape, table);
  return {
    kind: shape.kind,
    uuid: shape.uuid,
    files: async () => (await volume.tree()).map(({ path, bytes }) => ({ path, bytes })),
    async read(path) {
      const wanted = path.toUpperCase();
      const node = (await volume.tree()).find((file) => file.path.toUpperCase() === wanted);
      return node === undefined ? undefined : volume.content(node);
    },
  };
}

/** SHA-256 (hex) over the sorted paths, sizes and contents of all files. Times and free space do not count. */
export async function fatTreeHash(volume: FatVolume): Promise<string> {
  const hash = createHash('sha256');
  for (const { path, bytes } of await volume.files()) {
    hash.update(`${path.toUpperCase()}\0${bytes}\0`);
    hash.update((await volume.read(path)) ?? new Uint8Array());
  }
  return hash.digest('hex');
}

interface Shape {
  readonly kind: FatKind;
  readonly uuid: string;
  readonly tableOffset: number;
  readonly tableBytes: number;
  readonly clusterBytes: number;
  readonly clusters: number;
  readonly dataOffset: number;
  /** FAT12 and FAT16 keep their root in a fixed place, FAT32 in a chain. */
  readonly root: { readonly offset: number; readonly bytes: number } | { readonly cluster: number };
}

function parseBootSector(sector: Uint8Array): Shape {
  if (sector.length < 512 || sector[510] !== 0x55 || sector[511] !== 0xaa)
    throw new FatError('no FAT boot sector');
  const view = viewOf(sector);
  const sectorBytes = view.getUint16(11, true);
  const clusterBytes = view.getUint8(13) * sectorBytes;
  const tables = view.getUint8(16);
  if (![512, 1024, 2048, 4096].includes(sectorBytes) || clusterBytes === 0 || tables === 0) {
    throw new FatError('no FAT boot sector');
  }
  const tableSectors = view.getUint16(22, true) || view.getUint32(36, true);
  const rootBytes = view.getUint16(17, true) * ENTRY_BYTES;
  const tableOffset = view.getUint16(14, true) * sectorBytes;
  const tableBytes = tableSectors * sectorBytes;
  const rootOffset = tableOffset + tables * tableBytes;
  const dataOffset = rootOffset + Math.ceil(rootBytes / sectorBytes) * sectorBytes;
  const totalBytes = (view.getUint16(19, true) || view.getUint32(32, true)) * sectorBytes;
  const clusters = Math.floor((totalBytes - dataOffset) / clusterBytes);
  if (tableSectors === 0 || clusters < 1) throw new FatError('no FAT boot sector');
  // FAT32 has its size of a table elsewhere; below that, the count of clusters alone tells the kinds apart.
  const kind = view.getUint16(22, true) === 0 ? 'fat32' : clusters < 4085 ? 'fat12' : 'fat16';
  const serial = view
    .getUint32(kind === 'fat32' ? 67 : 39, true)
    .toString(16)
    .padStart(8, '0')
    .toUpperCase();
  const uuid = `${serial.slice(0, 4)}-${serial.slice(4)}`;
  const root =
    kind === 'fat32' ? { cluster: view.getUint32(44, true) } : { offset: rootOffset, bytes: rootBytes };
  return { kind, uuid, tableOffset, tableBytes, clusterBytes, clusters, dataOffset, root };
}

interface Node extends FatFile {
  readonly cluster: number;
}

class Reader {
  readonly #read: ReadAt;
  readonly #shape: Shape;
  readonly #table: DataView;
  #tree: Promise<readonly Node[]> | undefined;

  constructor(read: ReadAt, shape: Shape, table: Uint8Array) {
    this.#read = read;
    this.#shape = shape;
    this.#table = viewOf(table);
  }

  tree(): Promise<readonly Node[]> {
    this.#tree ??= this.#walkRoot();
    return this.#tree;
  }

  async content(node: Node): Promise<Uint8Array> {
    if (node.bytes === 0) return new Uint8Array();
    const content = await this.#chain(node.cluster, node.path, node.bytes);
    if (content.length < node.bytes) throw new FatError(`${node.path}: ends before its size`);
    return content.subarray(0, node.bytes);
  }

  async #walkRoot(): Promise<readonly Node[]> {
    const { root } = this.#shape;
    const bytes =
      'cluster' in root ? await this.#chain(root.cluster, '/') : await this.#read(root.offset, root.bytes);
    const files = await this.#walk(bytes, '', new Set());
    const key = (node: Node): string => node.path.toUpperCase();
    return files.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  async #walk(folder: Uint8Array, prefix: string, seen: ReadonlySet<number>): Promise<Node[]> {
    const files: Node[] = [];
    for (const entry of parseFolder(folder)) {
      const path = `${prefix}${entry.name}`;
      if (!entry.isFolder) files.push({ path, bytes: entry.bytes, cluster: entry.cluster });
      else if (seen.has(entry.cluster)) throw new FatError(`${path}: a folder that holds itself`);
      else {
        const inside = await this.#chain(entry.cluster, path);
        files.push(...(await this.#walk(inside, `${path}/`, new Set([...seen, entry.cluster]))));
      }
    }
    return files;
  }

  /** The bytes of a chain of clusters, up to the cluster that holds byte `limit`. */
  async #chain(first: number, path: string, limit = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
    const { clusterBytes, dataOffset } = this.#shape;
    const parts: Uint8Array[] = [];
    for (const run of this.#runs(first, path, Math.ceil(limit / clusterBytes))) {
      parts.push(await this.#read(dataOffset + (run.first - 2) * clusterBytes, run.count * clusterBytes));
    }
    return Buffer.concat(parts);
  }

  /** A chain as runs of neighbouring clusters, none longer than {@link RUN_BYTES}. */
  #runs(
    first: number,
    path: string,
    limit: number,
  ): readonly { readonly first: number; readonly count: number }[] {
    const { clusters, clusterBytes } = this.#shape;
    const longest = Math.max(1, Math.floor(RUN_BYTES / clusterBytes));
    const runs: { first: number; count: number }[] = [];
    let cluster = first;
    for (let taken = 0; taken < limit && !this.#isEnd(cluster); taken += 1) {
      if (cluster < 2 || cluster >= clusters + 2)
        throw new FatError(`${path}: cluster ${cluster} does not exist`);
      if (taken > clusters) throw new FatError(`${path}: its clusters form a ring`);
      const last = runs.at(-1);
      if (last !== undefined && last.first + last.count === cluster && last.count < longest) last.count += 1;
      else runs.push({ first: cluster, count: 1 });
      cluster = this.#next(cluster);
    }
    return runs;
  }

  #next(cluster: number): number {
    const at = Math.floor((cluster * ENTRY_BITS[this.#shape.kind]) / 8);
    if (at + (this.#shape.kind === 'fat32' ? 4 : 2) > this.#table.byteLength)
      throw new FatError('the allocation table is too short');
    switch (this.#shape.kind) {
      case 'fat12':
        // Two entries share three bytes.
        return (this.#table.getUint16(at, true) >> (cluster % 2 === 0 ? 0 : 4)) & 0xfff;
      case 'fat16':
        return this.#table.getUint16(at, true);
      case 'fat32':
        // The upper four bits are reserved.
        return this.#table.getUint32(at, true) & 0x0fffffff;
    }
  }

  #isEnd(cluster: number): boolean {
    return cluster >= FIRST_END[this.#shape.kind];
  }
}

interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
  readonly bytes: number;
  readonly cluster: number;
}

/** The live entries of a folder with their long names, without `.`, `..` and the volume label. */
function parseFolder(bytes: Uint8Array): readonly FolderEntry[] {
  const entries: FolderEntry[] = [];
  const view = viewOf(bytes);
  let longName = '';
  for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
    const first = bytes[at];
    if (first === 0) break;
    const attributes = bytes[at + 11] ?? 0;
    if (first !== 0xe5 && (attributes & 0x3f) === ATTRIBUTE_LONG_NAME) {
      // The last piece of a long name comes first.
      longName = longNamePiece(bytes.subarray(at, at + ENTRY_BYTES)) + longName;
      continue;
    }
    const name = longName.replace(/\0.*$/s, '') || shortName(bytes.subarray(at, at + ENTRY_BYTES));
    longName = '';
    if (first === 0xe5 || (attributes & ATTRIBUTE_VOLUME) !== 0 || name === '.' || name === '..') continue;
    entries.push({
      name,
      isFolder: (attributes & ATTRIBUTE_DIRECTORY) !== 0,
      bytes: view.getUint32(at + 28, true),
      cluster: view.getUint16(at + 20, true) * 0x10000 + view.getUint16(at + 26, true),
    });
  }
  return entries;
}

function longNamePiece(entry: Uint8Array): string {
  const pieces = [entry.subarray(1, 11), entry.subarray(14, 26), entry.subarray(28, 32)];
  return Buffer.concat(pieces).toString('utf16le');
}

/** `BOOTX64 EFI` → `BOOTX64.EFI`; two bits say that a part is lower case. */
function shortName(entry: Uint8Array): string {
  const text = Buffer.from(entry.subarray(0, 11)).toString('latin1');
  const flags = entry[12] ?? 0;
  const base = text.slice(0, 8).trimEnd();
  const extension = text.slice(8).trimEnd();
  const words = [
    flags & 0x08 ? base.toLowerCase() : base,
    flags & 0x10 ? extension.toLowerCase() : extension,
  ];
  return extension === '' ? (words[0] ?? '') : words.join('.');
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
