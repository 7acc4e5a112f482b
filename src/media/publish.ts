/** An ISO gets its name, its manifest and its checksum; and whether one that is there already will do. */
import { readFile, rename } from 'node:fs/promises';
import { basename } from 'node:path';
import { writeFileAtomically } from '../host/atomic.ts';
import { hashFile, hashFileAside } from '../host/hash.ts';
import { digestFiles } from './image/digest.ts';
import { readMedium } from './image/medium.ts';
import { withImage } from './image/source.ts';
import { type FileRecord, type IsoManifest, MANIFEST_VERSION } from './manifest.ts';
import type { IsoResult } from './types.ts';

/** JSON as it lies on media and beside them. */
export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/**
 * The ISO is not fsynced, which would take as long as writing it: a power cut that tears it is noticed by the hash,
 * and the next build makes it again.
 */
export async function publishIso(
  finished: string,
  out: string,
  manifest: { readonly buildId: string },
): Promise<IsoResult> {
  const { sha256, bytes, contents } = await describeImage(finished);
  const paths = resultPaths(out);
  const full = { ...manifest, iso: { file: basename(out), bytes, sha256 }, contents };
  await rename(finished, out);
  await writeFileAtomically(paths.manifest, json(full));
  await writeFileAtomically(paths.checksum, `${sha256}  ${basename(out)}\n`);
  return { ...paths, bytes, sha256, buildId: manifest.buildId, reused: false };
}

/** The image's own digest, taken beside that of every file as it lies there, the vendor's too. */
async function describeImage(path: string) {
  return withImage(path, async (image) => {
    const medium = await readMedium(image);
    const [sha256, files] = await Promise.all([hashFileAside(path), digestFiles(medium)]);
    const contents = [...files].map(
      ([name, digest]): FileRecord => ({
        path: name,
        bytes: medium.tree.entries.get(name)?.bytes ?? 0,
        sha256: digest,
      }),
    );
    return { sha256, bytes: image.bytes, contents: contents.sort((a, b) => (a.path < b.path ? -1 : 1)) };
  });
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
