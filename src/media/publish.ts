/** An ISO gets its name, its manifest and its checksum; and whether one that is there already will do. */
import { readFile, rename, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { writeFileAtomically } from '../host/atomic.ts';
import { hashFile } from '../host/hash.ts';
import { type IsoManifest, MANIFEST_VERSION } from './manifest.ts';
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
  const sha256 = await hashFile(finished);
  const { size } = await stat(finished);
  const paths = resultPaths(out);
  const full = { ...manifest, iso: { file: basename(out), bytes: size, sha256 } };
  await rename(finished, out);
  await writeFileAtomically(paths.manifest, json(full));
  await writeFileAtomically(paths.checksum, `${sha256}  ${basename(out)}\n`);
  return { ...paths, bytes: size, sha256, buildId: manifest.buildId, reused: false };
}

/** `dist/ha.iso` → the three files of a result. */
function resultPaths(out: string) {
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
