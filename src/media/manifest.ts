/** What is on a medium, for people and programs: `slipway/manifest.json` on it and `<cluster>.manifest.json` beside it. */
import { stat } from 'node:fs/promises';
import { hashFile, listTree } from '../host/hash.ts';
import type { InputHashes } from './build-id.ts';
import type { IsoInputs } from './types.ts';
import type { MediumEntry } from './xorriso.ts';

export const MANIFEST_VERSION = 1;

export interface MediumManifest {
  readonly version: typeof MANIFEST_VERSION;
  readonly cluster: string;
  readonly buildId: string;
  readonly volumeId: string;
  /** Version of slipway that made it. */
  readonly slipway: string;
  readonly sourceDateEpoch: number;
  readonly inputs: InputHashes;
  readonly kernel: string;
  /** Name → version of the Debian packages in the embedded base. */
  readonly packages: Readonly<Record<string, string>>;
  /** Sorted by path. Without this manifest, the boot catalogue and the El Torito image, which know where they lie. */
  readonly files: readonly FileRecord[];
}

export interface FileRecord {
  /** Relative to the root of the medium. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The manifest beside the ISO also says what the ISO itself is. */
export interface IsoManifest extends MediumManifest {
  readonly iso: { readonly file: string; readonly bytes: number; readonly sha256: string };
  /** Every file of the finished image, sorted by path: what `slipway verify` compares. */
  readonly contents: readonly FileRecord[];
}

export interface ManifestFacts {
  readonly inputs: IsoInputs;
  readonly hashes: InputHashes;
  readonly buildId: string;
  readonly slipway: string;
  readonly files: readonly FileRecord[];
}

export function mediumManifest({ inputs, hashes, buildId, slipway, files }: ManifestFacts): MediumManifest {
  return {
    version: MANIFEST_VERSION,
    cluster: inputs.plan.cluster,
    buildId,
    volumeId: inputs.plan.media.volumeId,
    slipway,
    sourceDateEpoch: inputs.sourceDateEpoch,
    inputs: hashes,
    kernel: inputs.base.kernelVersion,
    packages: inputs.base.packages,
    files,
  };
}

/** Size and hash of every file that the entries bring onto the medium, folders walked. */
export async function describeFiles(entries: readonly MediumEntry[]): Promise<readonly FileRecord[]> {
  const records = await Promise.all(entries.map(describeEntry));
  return records.flat().sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function describeEntry({ path, source }: MediumEntry): Promise<readonly FileRecord[]> {
  const stats = await stat(source);
  if (!stats.isDirectory()) return [{ path, bytes: stats.size, sha256: await hashFile(source) }];
  const files = (await listTree(source)).filter(({ kind }) => kind === 'file');
  return Promise.all(
    files.map(async (file) => ({
      path: `${path}/${file.path}`,
      bytes: (await stat(`${source}/${file.path}`)).size,
      sha256: file.content,
    })),
  );
}
