/** The files of the user's that a spec names: whether they are there, and where. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Finding } from './finding.ts';
import { expandGlob } from './glob.ts';
import type { ClusterSpec } from './schema.ts';

/** All paths are absolute. */
export interface MediaFiles {
  /** The vendor's ISO to build on; undefined for the embedded base. */
  readonly base?: LocalBase | DownloadedBase;
  /** RPM files, each once, sorted. */
  readonly rpms: readonly string[];
  readonly files: readonly MediaFile[];
  /** Public keys of extra repositories, by the repository's name. */
  readonly keys: Readonly<Record<string, string>>;
}

export interface LocalBase {
  readonly kind: 'file';
  readonly path: string;
}

export interface DownloadedBase {
  readonly kind: 'url';
  readonly url: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Both or neither: the maker's public key, and where the detached signature of the ISO lies. */
  readonly signed?: { readonly key: string; readonly signature: string };
}

export interface MediaFile {
  readonly from: string;
  /** Relative to the root of the medium. */
  readonly to: string;
}

export interface CheckedMediaFiles {
  readonly media: MediaFiles;
  readonly findings: readonly Finding[];
}

export const NO_MEDIA_FILES: MediaFiles = { rpms: [], files: [], keys: {} };

/** Looks for every file that the spec names; paths are relative to the folder of `specFile`. */
export async function findMediaFiles(
  { media, repositories }: ClusterSpec,
  specFile: string,
): Promise<CheckedMediaFiles> {
  const at = (path: string): string => resolve(dirname(specFile), path);
  const base = media.base === undefined ? undefined : baseOf(media.base, at);
  const rpms = await Promise.all(
    media.rpms.map(async (glob, i) => {
      const found = await findRpms(dirname(resolve(specFile)), glob);
      return found.length > 0 ? found : noRpm(glob, i);
    }),
  );
  const keyed = repositories.flatMap(({ name, gpgKey }, i) =>
    gpgKey === undefined ? [] : [{ name, path: ['repositories', i, 'gpgKey'] as const, gpgKey }],
  );
  const missing = await Promise.all([
    ...(typeof media.base === 'string' ? [missingFile(media.base, at, ['media', 'base'], 'file')] : []),
    ...(typeof media.base === 'object' && media.base.gpgKey !== undefined
      ? [missingFile(media.base.gpgKey, at, ['media', 'base', 'gpgKey'], 'file')]
      : []),
    ...media.files.map(({ from }, i) => missingFile(from, at, ['media', 'files', i, 'from'], 'any')),
    ...media.files.map(({ from }, i) => keyMedia(at(from), ['media', 'files', i, 'from'])),
    ...keyed.map(({ path, gpgKey }) => missingFile(gpgKey, at, path, 'file')),
  ]);
  return {
    media: {
      ...(base === undefined ? {} : { base }),
      rpms: [...new Set(rpms.flatMap((found) => ('rule' in found ? [] : found)))].sort(),
      files: media.files.map(({ from, to }) => ({ from: at(from), to })),
      keys: Object.fromEntries(keyed.map(({ name, gpgKey }) => [name, at(gpgKey)])),
    },
    findings: [...rpms.flatMap((found) => ('rule' in found ? [found] : [])), ...missing.flat()],
  };
}

function baseOf(
  base: NonNullable<ClusterSpec['media']['base']>,
  at: (path: string) => string,
): LocalBase | DownloadedBase {
  if (typeof base === 'string') return { kind: 'file', path: at(base) };
  const { url, sha256, gpgKey, signature } = base;
  return {
    kind: 'url',
    url,
    sha256,
    ...(gpgKey === undefined ? {} : { signed: { key: at(gpgKey), signature: signature ?? `${url}.asc` } }),
  };
}

/** RPMs that a file, a folder or a glob stands for; a folder gives what lies directly in it. */
async function findRpms(root: string, glob: string): Promise<readonly string[]> {
  const found = await Promise.all(
    (await expandGlob(root, glob)).map(async (path) => {
      const stats = await stat(path).catch(() => undefined);
      if (stats?.isDirectory()) return (await readdir(path)).map((name) => join(path, name));
      return stats?.isFile() ? [path] : [];
    }),
  );
  // Sources are not for installing.
  return found.flat().filter((path) => path.endsWith('.rpm') && !path.endsWith('.src.rpm'));
}

const noRpm = (glob: string, i: number): Finding => ({
  path: ['media', 'rpms', i],
  rule: 'missing-file',
  message: `there is no RPM at '${glob}' beside the spec`,
  hint: 'name a .rpm file, a folder that holds some, or a name with * and ?',
});

/** `CLUSTER.key.iso`, also with more in it or behind it: one that is being made, or about to replace another. */
const KEY_MEDIUM = /\.key\.(?:[\w-]+\.)*iso(?:\.|$)/i;

/** The secret of a cluster lies beside the ISO, and is never to lie on it: an ISO is copied freely. */
async function keyMedia(path: string, place: Finding['path']): Promise<readonly Finding[]> {
  const below = await readdir(path, { recursive: true }).catch(() => []);
  return [path, ...below]
    .filter((name) => KEY_MEDIUM.test(name))
    .slice(0, 1)
    .map((name) => ({
      path: place,
      rule: 'key-on-medium',
      message: `'${basename(name)}' holds the join secret of a cluster and must not come onto the install medium`,
      hint: 'name the files one by one, or keep the key medium elsewhere',
    }));
}

async function missingFile(
  path: string,
  at: (path: string) => string,
  place: Finding['path'],
  kind: 'file' | 'any',
): Promise<readonly Finding[]> {
  const stats = await stat(at(path)).catch(() => undefined);
  if (stats?.isFile() || (kind === 'any' && stats?.isDirectory())) return [];
  const wanted = kind === 'any' ? 'file or folder' : 'file';
  return [
    {
      path: place,
      rule: 'missing-file',
      message: `there is no ${wanted} '${path}' beside the spec`,
      hint: 'correct the path; it is relative to the spec',
    },
  ];
}
