/** Where on an image things lie, in few enough pieces to draw: files of one folder that lie together are one. */

import type { FatImage } from '../audit/types.ts';
import { roleText } from './fat-places.ts';
import type { Medium } from './medium.ts';
import { tableInForce } from './partitions.ts';
import { ISO_BLOCK } from './volume.ts';

export interface ImageRegion {
  readonly name: string;
  readonly kind: 'tables' | 'directories' | 'files' | 'efi' | 'unused';
  /** Bytes from the beginning of the image. */
  readonly start: number;
  readonly bytes: number;
}

export interface ImageMap {
  /** Ascending, without gaps and overlaps. */
  readonly regions: readonly ImageRegion[];
  readonly partitions: readonly {
    readonly name: string;
    /** Bytes. */
    readonly start: number;
    readonly bytes: number;
  }[];
}

const SECTOR = 512;
/** A file larger than this part of the image is shown by itself. */
const LARGE = 1 / 50;
/** More pieces cannot be told apart; the smallest ones are shown together. */
const MOST_REGIONS = 16;

export function mapImage(medium: Medium, fats: readonly FatImage[]): ImageMap {
  const { image, partitions } = medium;
  const gpt = tableInForce(partitions.gpt)?.partitions ?? [];
  const mbr = partitions.mbr?.entries.filter(({ type }) => type !== 'ee') ?? [];
  const places = [
    ...gpt.map(({ number, start, sectors }) => ({ name: `GPT ${number}`, start, sectors })),
    ...(gpt.length > 0
      ? []
      : mbr.map(({ number, start, sectors }) => ({ name: `MBR ${number}`, start, sectors }))),
  ];
  return {
    regions: filled(merged(occupied(medium, fats)), image.bytes),
    partitions: places.map(({ name, start, sectors }) => ({
      name,
      start: start * SECTOR,
      bytes: sectors * SECTOR,
    })),
  };
}

function occupied({ image, tree, volume, partitions, catalog }: Medium, fats: readonly FatImage[]) {
  const { blocks, descriptorBlock } = volume;
  const table = tableInForce(partitions.gpt);
  const region = (kind: ImageRegion['kind'], name: string, start: number, bytes: number): ImageRegion => ({
    kind,
    name,
    start,
    bytes,
  });
  const fatAt = new Set(fats.map(({ offset }) => offset));
  const fileRegion = (path: string, start: number, bytes: number): ImageRegion => {
    if (fatAt.has(start)) return region('efi', path, start, bytes);
    const folder = path.indexOf('/') + 1;
    const alone = bytes > image.bytes * LARGE || folder === 0;
    return region('files', alone ? path : path.slice(0, folder), start, bytes);
  };
  const files: Growing[] = [];
  for (const { path, kind, extents } of tree.entries.values()) {
    for (const { block, bytes } of extents) {
      if (bytes === 0) continue;
      const [start, size] = [block * ISO_BLOCK, padded(bytes)];
      const next =
        kind === 'folder' ? region('directories', 'folders', start, size) : fileRegion(path, start, size);
      const last = files.at(-1);
      // Files of a folder mostly lie one after the other: a hundred thousand of them are not to be sorted.
      if (last?.name === next.name && last.kind === next.kind && last.start + last.bytes === start)
        last.bytes += size;
      else files.push(next);
    }
  }
  const appended = fats
    .filter(({ roles }) => !roles.some(({ kind }) => kind === 'file'))
    .map(({ offset, roles }) => {
      const sectors =
        table?.partitions.find(({ start }) => start * SECTOR === offset)?.sectors ??
        catalog?.entries.find(({ block }) => block * ISO_BLOCK === offset)?.sectors;
      return region('efi', roles.map(roleText).join(', '), offset, (sectors ?? 1) * SECTOR);
    });
  const backup =
    table === undefined ? [] : [region('tables', 'backup GPT', image.bytes - 33 * SECTOR, 33 * SECTOR)];
  return [
    region('tables', 'MBR, GPT', 0, descriptorBlock * ISO_BLOCK),
    region('directories', 'descriptors', descriptorBlock * ISO_BLOCK, ISO_BLOCK),
    ...files,
    ...appended,
    ...backup,
  ].filter(({ start }) => start < Math.max(image.bytes, blocks * ISO_BLOCK));
}

/** A region to which neighbours are added. */
type Growing = { -readonly [K in keyof ImageRegion]: ImageRegion[K] };

const padded = (bytes: number): number => Math.ceil(bytes / ISO_BLOCK) * ISO_BLOCK;

/** Neighbours of one name become one; then the smallest ones become "others" until few enough are left. */
function merged(regions: readonly ImageRegion[]): readonly ImageRegion[] {
  let joined = join([...regions].sort((a, b) => a.start - b.start));
  while (joined.length > MOST_REGIONS) {
    const files = joined.filter(({ kind, name }) => kind === 'files' && name !== 'others');
    const smallest = files.reduce<ImageRegion | undefined>(
      (least, each) => (least === undefined || each.bytes < least.bytes ? each : least),
      undefined,
    );
    if (smallest === undefined) break;
    joined = join(joined.map((each) => (each === smallest ? { ...each, name: 'others' } : each)));
  }
  return joined;
}

function join(sorted: readonly ImageRegion[]): readonly ImageRegion[] {
  const out: Growing[] = [];
  for (const { name, kind, start, bytes } of sorted) {
    const last = out.at(-1);
    const end = last === undefined ? 0 : last.start + last.bytes;
    // Hard links, and images inside images: what lies inside its predecessor is drawn once.
    if (last !== undefined && start + bytes <= end) continue;
    if (last !== undefined && last.kind === kind && last.name === name) {
      last.bytes = start + bytes - last.start;
    } else {
      const from = Math.max(start, end);
      out.push({ name, kind, start: from, bytes: start + bytes - from });
    }
  }
  return out;
}

/** Gaps of more than some blocks are regions, too; smaller ones are given to what lies before them. */
function filled(regions: readonly ImageRegion[], total: number): readonly ImageRegion[] {
  const out: ImageRegion[] = [];
  let at = 0;
  for (const region of regions) {
    if (region.start > at) {
      const last = out.at(-1);
      if (last !== undefined && region.start - at < total * LARGE)
        out[out.length - 1] = { ...last, bytes: region.start - last.start };
      else out.push({ kind: 'unused', name: '', start: at, bytes: region.start - at });
    }
    out.push(region);
    at = region.start + region.bytes;
  }
  if (at < total) out.push({ kind: 'unused', name: '', start: at, bytes: total - at });
  return out;
}
