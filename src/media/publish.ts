/** An ISO gets its name, its manifest and its checksum; and whether one that is there already will do. */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { FailedError } from '../errors/exit.ts';
import { moveFile, writeFileAtomically } from '../host/atomic.ts';
import { hashFile } from '../host/hash.ts';
import { sha256Aside } from './image/aside.ts';
import { contentKey, digestContents } from './image/digest.ts';
import { readMedium } from './image/medium.ts';
import { withImage } from './image/source.ts';
import { type FileRecord, type IsoManifest, MANIFEST_VERSION, type MediumManifest } from './manifest.ts';
import { together } from './together.ts';
import type { IsoResult } from './types.ts';

/** JSON as it lies on media and beside them. */
export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** What a finished image is, to be compared with by whoever gets it. */
export interface ImageDescription {
  readonly bytes: number;
  readonly sha256: string;
  /** Every file as it lies there, sorted by path. */
  readonly contents: readonly FileRecord[];
}

/** Reads an image: its own digest beside those of its files. */
export async function describeImage(path: string): Promise<ImageDescription> {
  const { size } = await stat(path);
  const [sha256, contents] = await together([sha256Aside(path, size), describeContents(path)]);
  return { bytes: size, sha256, contents };
}

/** The files on an image, sorted by path. `known`: digests by where they lie. */
export const describeContents = (
  path: string,
  known?: ReadonlyMap<string, string>,
): Promise<readonly FileRecord[]> =>
  withImage(path, async (image) => {
    const medium = await readMedium(image);
    const digests = await digestContents(medium, known);
    return [...medium.tree.entries.values()]
      .filter(({ kind }) => kind === 'file')
      .map(({ path: file, bytes, extents }): FileRecord => {
        const digest = digests.get(contentKey(extents)) ?? '';
        return { path: file, bytes, sha256: digest };
      })
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  });

/**
 * Gives a finished ISO its name, and says beside it what it is. It is not fsynced, which would take as long as writing
 * it: a power cut that tears it is noticed by the hash, and the next build makes it again.
 * @throws {FailedError} when a file on it is not what was put there.
 */
export async function publishIso(
  finished: string,
  out: string,
  manifest: Pick<MediumManifest, 'buildId' | 'files'>,
  { bytes, sha256, contents }: ImageDescription,
): Promise<IsoResult> {
  requireContents(manifest.files, contents);
  const paths = resultPaths(out);
  const full = { ...manifest, iso: { file: basename(out), bytes, sha256 }, contents };
  await moveFile(finished, out);
  await writeFileAtomically(paths.manifest, json(full));
  await writeFileAtomically(paths.checksum, `${sha256}  ${basename(out)}\n`);
  return { ...paths, bytes, sha256, buildId: manifest.buildId, reused: false };
}

/** Every file that was put on an image lies there, byte for byte. @throws {FailedError} naming all that do not. */
export function requireContents(planned: readonly FileRecord[], contents: readonly FileRecord[]): void {
  const found = new Map(contents.map((record) => [record.path, record]));
  const problems = planned.flatMap(({ path, bytes, sha256 }) => {
    const there = found.get(path);
    if (there === undefined) return [`${path} is not there`];
    if (there.bytes !== bytes) return [`${path} has ${there.bytes} bytes, not ${bytes}`];
    return there.sha256 === sha256 ? [] : [`${path} has another content`];
  });
  if (problems.length > 0)
    throw new FailedError(`the ISO read back is not what was written: ${problems.join('; ')}`);
}

/** `dist/ha.iso` → the three files of a result. */
export function resultPaths(out: string) {
  const stem = out.replace(/\.iso$/, '');
  return { iso: out, manifest: `${stem}.manifest.json`, checksum: `${stem}.sha256` };
}

/** The result of an earlier build from the same inputs, if every byte of it is still there. */
export async function findUnchanged(out: string, buildId: string): Promise<IsoResult | undefined> {
  const paths = resultPaths(out);
  try {
    const manifest: IsoManifest = JSON.parse(await readFile(paths.manifest, 'utf8'));
    const { bytes, sha256 } = manifest.iso;
    if (manifest.version !== MANIFEST_VERSION || manifest.buildId !== buildId) return undefined;
    if ((await readFile(paths.checksum, 'utf8')) !== `${sha256}  ${basename(out)}\n`) return undefined;
    if ((await hashFile(out)) !== sha256) return undefined;
    return { ...paths, bytes, sha256, buildId, reused: true };
  } catch {
    // Missing, torn or not JSON: whatever it is, it is not a result to keep.
    return undefined;
  }
}
