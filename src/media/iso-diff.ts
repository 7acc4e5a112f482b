/** What differs between two ISOs: by file, by what each way to boot reads and does, and in the structure around. */
import { behaviour } from './audit/check-divergence.ts';
import { type Survey, survey } from './audit/survey.ts';
import { unifiedDiff } from './audit/text-diff.ts';
import { BOOT_PATHS, type BootPath, type BootPathId, type FatImage, placeOf } from './audit/types.ts';
import { implantedChecksum } from './image/checksum.ts';
import { tableInForce } from './image/partitions.ts';
import { type ImageSource, withImage } from './image/source.ts';
import { type ImageEntry, readEntry } from './image/tree.ts';

export interface IsoDiff {
  readonly a: string;
  readonly b: string;
  /** Not one byte differs. */
  readonly identical: boolean;
  /** Volume id, size, partition tables and the like. */
  readonly structure: readonly ValueChange[];
  /** Sorted by path; files in EFI images have the image's name and a colon in front. */
  readonly files: readonly FileChange[];
  readonly paths: readonly PathChange[];
}

export interface ValueChange {
  readonly what: string;
  readonly a: string;
  readonly b: string;
}

export interface FileChange {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'content' | 'attributes';
  /** Undefined where there is no such file. */
  readonly bytesA: number | undefined;
  readonly bytesB: number | undefined;
}

export interface PathChange {
  readonly id: BootPathId;
  readonly change: 'added' | 'removed' | 'loader' | 'menu' | 'text';
  /** `menu`: what its entries do; `text`: the configuration as written. */
  readonly diff?: string;
}

const CHUNK = 1 << 20;

/** Files of the same size are compared byte by byte. @throws {InputError} when one of them is no ISO. */
export async function diffImages(a: string, b: string): Promise<IsoDiff> {
  return withImage(a, (imageA) =>
    withImage(b, async (imageB) => {
      const [left, right] = [await survey(imageA), await survey(imageB)];
      const files = [...(await diffTrees(left, right)), ...(await diffFats(left, right))];
      return {
        a,
        b,
        identical: await sameBytes(whole(imageA), whole(imageB)),
        structure: diffStructure(left, right),
        files: files.sort((x, y) => (x.path < y.path ? -1 : 1)),
        paths: diffPaths(left, right),
      };
    }),
  );
}

interface Bytes {
  readonly bytes: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

const whole = ({ bytes, read }: ImageSource): Bytes => ({ bytes, read });

async function sameBytes(a: Bytes, b: Bytes): Promise<boolean> {
  if (a.bytes !== b.bytes) return false;
  for (let at = 0; at < a.bytes; at += CHUNK) {
    const length = Math.min(CHUNK, a.bytes - at);
    const [left, right] = await Promise.all([a.read(at, length), b.read(at, length)]);
    if (Buffer.compare(left, right) !== 0) return false;
  }
  return true;
}

async function diffTrees(a: Survey, b: Survey): Promise<readonly FileChange[]> {
  const [left, right] = [a.medium.tree.entries, b.medium.tree.entries];
  const changes: FileChange[] = [];
  for (const path of new Set([...left.keys(), ...right.keys()])) {
    const [one, other] = [left.get(path), right.get(path)];
    const change = await changeOf(a.medium.image, one, b.medium.image, other);
    if (change !== undefined) changes.push({ path, change, bytesA: one?.bytes, bytesB: other?.bytes });
  }
  return changes;
}

async function changeOf(
  imageA: ImageSource,
  a: ImageEntry | undefined,
  imageB: ImageSource,
  b: ImageEntry | undefined,
): Promise<FileChange['change'] | undefined> {
  if (a === undefined) return 'added';
  if (b === undefined) return 'removed';
  if (a.kind !== b.kind || a.target !== b.target) return 'content';
  const reader = (image: ImageSource, entry: ImageEntry): Bytes => ({
    bytes: entry.bytes,
    read: (offset, length) => readEntry(image.read, entry, offset, length),
  });
  if (a.kind === 'file' && !(await sameBytes(reader(imageA, a), reader(imageB, b)))) return 'content';
  return a.mode === b.mode ? undefined : 'attributes';
}

/** EFI images by what leads to them: the one of El Torito here and the one of El Torito there. */
async function diffFats(a: Survey, b: Survey): Promise<readonly FileChange[]> {
  const named = ({ fats }: Survey) => new Map(fats.map((image) => [image.volume.name, image]));
  const [left, right] = [named(a), named(b)];
  const names = [...new Set([...left.keys(), ...right.keys()])];
  const changes = await Promise.all(names.map((name) => diffFat(name, left.get(name), right.get(name))));
  return changes.flat();
}

async function diffFat(
  name: string,
  a: FatImage | undefined,
  b: FatImage | undefined,
): Promise<readonly FileChange[]> {
  const sizes = async (image: FatImage | undefined) =>
    new Map(
      ((await image?.fat.files()) ?? []).map(({ path, bytes }) => [path.toUpperCase(), { path, bytes }]),
    );
  const [left, right] = [await sizes(a), await sizes(b)];
  const changes: FileChange[] = [];
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const [one, other] = [left.get(key), right.get(key)];
    const path = `${name}:${(one ?? other)?.path ?? key}`;
    const place = { path, bytesA: one?.bytes, bytesB: other?.bytes };
    if (one === undefined) changes.push({ ...place, change: 'added' });
    else if (other === undefined) changes.push({ ...place, change: 'removed' });
    else {
      const [before, after] = await Promise.all([a?.volume.read(one.path), b?.volume.read(other.path)]);
      if (Buffer.compare(before ?? new Uint8Array(), after ?? new Uint8Array()) !== 0)
        changes.push({ ...place, change: 'content' });
    }
  }
  return changes;
}

function diffStructure(a: Survey, b: Survey): readonly ValueChange[] {
  const [left, right] = [structureOf(a), structureOf(b)];
  return [...left]
    .map(([what, value]) => ({ what, a: value, b: right.get(what) ?? '' }))
    .filter((change) => change.a !== change.b);
}

function structureOf({ medium }: Survey): ReadonlyMap<string, string> {
  const { image, volume, tree, partitions, catalog } = medium;
  const table = tableInForce(partitions.gpt);
  return new Map([
    ['size', `${image.bytes} bytes`],
    ['volume id', volume.volumeId],
    ['modified', volume.modified],
    ['names', tree.naming],
    ['media checksum', implantedChecksum(volume)?.md5 ?? 'none'],
    ['boot catalogue', catalog?.entries.map(({ platform }) => platform).join(', ') ?? 'none'],
    ['MBR code', partitions.mbr === undefined ? 'no MBR' : codeText(partitions.mbr.code)],
    ['disk GUID', table?.diskGuid ?? 'no GPT'],
    [
      'partitions',
      table?.partitions
        .map(({ number, typeGuid, sectors }) => `${number}: ${typeGuid} ${sectors}`)
        .join(', ') ?? 'none',
    ],
  ]);
}

/** Which code it is; the sector it goes on at, at its end, moves with every build. */
const codeText = (code: Uint8Array): string =>
  `${Buffer.from(code.subarray(0, 8)).toString('hex')}… of ${code.filter((byte) => byte !== 0).length} bytes`;

function diffPaths(a: Survey, b: Survey): readonly PathChange[] {
  const ids = [...new Set([...a.paths, ...b.paths].map(({ id }) => id))];
  return ids.flatMap((id): readonly PathChange[] => {
    const [one, other] = [a, b].map(({ paths }) => paths.find((path) => path.id === id));
    if (one === undefined) return [{ id, change: 'added' }];
    if (other === undefined) return [{ id, change: 'removed' }];
    const loader: readonly PathChange[] =
      one.loader.kind === other.loader.kind ? [] : [{ id, change: 'loader' }];
    return [...loader, ...menuChanges(id, configOf(a, one), configOf(b, other))];
  });
}

const configOf = ({ configs }: Survey, { configs: [first] }: BootPath) =>
  first === undefined ? undefined : configs.get(placeOf(first));

function menuChanges(
  id: BootPathId,
  a: ReturnType<typeof configOf>,
  b: ReturnType<typeof configOf>,
): readonly PathChange[] {
  const show = (config: typeof a): string => (config === undefined ? '' : behaviour(config));
  const texts = (config: typeof a): string => config?.texts.map(({ text }) => text).join('\n') ?? '';
  const names = [a?.place ?? 'nothing', b?.place ?? 'nothing'] as const;
  const menu = unifiedDiff(show(a), show(b), names);
  if (menu !== '') return [{ id, change: 'menu', diff: menu }];
  const text = unifiedDiff(texts(a), texts(b), names);
  return text === '' ? [] : [{ id, change: 'text', diff: text }];
}

const SIGNS = { added: '+', removed: '-', content: '~', attributes: 'm' } as const;
const PATH_WORDS = {
  added: 'is new',
  removed: 'is gone',
  loader: 'has another kind of loader',
  menu: 'has another menu',
  text: 'does the same by another text',
} as const;

/** For people; the same difference on several ways to boot is shown once. */
export function diffText({ identical, structure, files, paths, a, b }: IsoDiff): string {
  if (identical) return `${a} and ${b} are the same, byte for byte\n`;
  const size = ({ bytesA, bytesB }: FileChange): string =>
    bytesA === undefined || bytesB === undefined || bytesA === bytesB
      ? `${bytesB ?? bytesA ?? 0} bytes`
      : `${bytesA} → ${bytesB} bytes`;
  const seen = new Set<string>();
  const boot = paths.flatMap(({ id, change, diff }) => {
    const known = diff !== undefined && seen.has(diff);
    if (diff !== undefined) seen.add(diff);
    const head = `${BOOT_PATHS[id]} ${PATH_WORDS[change]}${known ? ', as above' : ''}`;
    return diff === undefined || known ? [head] : [head, ...diff.split('\n').map((line) => `  ${line}`)];
  });
  const nothing = structure.length + files.length + boot.length === 0;
  return `${[
    ...structure.map((change) => `${change.what}: ${change.a} → ${change.b}`),
    ...files.map((file) => `${SIGNS[file.change]} ${file.path} (${size(file)})`),
    ...boot,
    ...(nothing ? ['the same files and menus; only their places or dates differ'] : []),
  ].join('\n')}\n`;
}
