/** Whether an ISO, or a stick or disc that one was written to, is still what was built: by the manifest, file by file. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { fileProblem, InputError } from '../errors/problem.ts';
import { implantedChecksum, isRight } from './image/checksum.ts';
import { digestImage } from './image/digest.ts';
import { type Medium, readMedium, readMediumFile } from './image/medium.ts';
import { withImage } from './image/source.ts';
import { resultPaths } from './publish.ts';
import { MEDIUM } from './types.ts';

export interface VerifyOptions {
  /** A manifest file; default the one beside the ISO, else the one on it. */
  readonly manifest?: string;
  readonly onProgress?: (bytes: number, total: number) => void;
}

export interface VerifyReport {
  readonly file: string;
  /** Where the expectation comes from. */
  readonly manifest: string;
  /** `whole`: every byte of the image; `files`: those files alone that the manifest on the medium lists. */
  readonly extent: 'whole' | 'files';
  readonly checked: number;
  readonly checksum: 'right' | 'wrong' | 'absent';
  readonly problems: readonly VerifyProblem[];
}

export interface VerifyProblem {
  /** Without a leading slash; empty for the image as a whole. */
  readonly path: string;
  readonly kind: 'missing' | 'changed' | 'unlisted' | 'image';
  readonly message: string;
}

const record = z.object({ path: z.string(), bytes: z.number(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const manifestSchema = z.object({
  files: z.array(record),
  /** Every file of the finished image; only in the manifest beside it. */
  contents: z.array(record).optional(),
  iso: z.object({ bytes: z.number(), sha256: z.string() }).optional(),
});
type Manifest = z.infer<typeof manifestSchema>;

/** @throws {InputError} when there is no ISO, or no manifest for it that can be read. */
export async function verifyImage(path: string, options: VerifyOptions = {}): Promise<VerifyReport> {
  return withImage(path, async (image) => {
    const medium = await readMedium(image);
    const { place, manifest } = await findManifest(path, medium, options.manifest);
    const bytes = manifest.iso?.bytes ?? image.bytes;
    const implanted = implantedChecksum(medium.volume);
    const digests = await digestImage(medium, {
      bytes,
      ...(implanted === undefined ? {} : { media: implanted }),
      onProgress: (done) => options.onProgress?.(done, bytes),
    });
    const checksum =
      implanted === undefined || digests.media === undefined
        ? 'absent'
        : isRight(implanted, digests.media)
          ? 'right'
          : 'wrong';
    const expected = manifest.contents ?? manifest.files;
    const problems = [
      ...wholeProblems(manifest, image.bytes, digests.sha256),
      ...(checksum === 'wrong' ? [imageWide('the checksum implanted in it is wrong')] : []),
      ...fileProblems(manifest, medium, digests.files),
    ];
    const extent = manifest.iso === undefined ? 'files' : 'whole';
    return { file: path, manifest: place, extent, checked: expected.length, checksum, problems };
  });
}

const imageWide = (message: string): VerifyProblem => ({ path: '', kind: 'image', message });

function wholeProblems({ iso }: Manifest, bytes: number, sha256: string): readonly VerifyProblem[] {
  if (iso === undefined || iso.sha256 === sha256) return [];
  if (bytes < iso.bytes) return [imageWide(`it ends ${iso.bytes - bytes} bytes too early`)];
  return [imageWide('its SHA-256 is not the one it was built with')];
}

function fileProblems(
  { files, contents }: Manifest,
  { tree }: Medium,
  digests: ReadonlyMap<string, string>,
): readonly VerifyProblem[] {
  const expected = contents ?? files;
  const found = expected.flatMap(({ path, bytes, sha256 }): readonly VerifyProblem[] => {
    const entry = tree.entries.get(path);
    if (entry?.kind !== 'file') return [{ path, kind: 'missing', message: 'it is not on the medium' }];
    if (entry.bytes !== bytes)
      return [{ path, kind: 'changed', message: `it has ${entry.bytes} bytes, not ${bytes}` }];
    return digests.get(path) === sha256
      ? []
      : [{ path, kind: 'changed', message: 'its content was changed' }];
  });
  if (contents === undefined) return found;
  const listed = new Set(contents.map(({ path }) => path));
  const unlisted = [...digests.keys()]
    .filter((path) => !listed.has(path))
    .map((path): VerifyProblem => ({ path, kind: 'unlisted', message: 'the manifest does not know it' }));
  return [...found, ...unlisted];
}

async function findManifest(path: string, medium: Medium, given: string | undefined) {
  const beside = given ?? resultPaths(path).manifest;
  const text = await readFile(beside, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  if (text !== undefined) return { place: beside, manifest: parseManifest(text, beside) };
  if (given !== undefined)
    throw new InputError([fileProblem(given, 'no-such-file', 'there is no such manifest')]);
  const onMedium = await readMediumFile(medium, MEDIUM.manifest);
  if (onMedium === undefined) {
    const hint = `slipway writes one beside the ISO (${beside}) and onto it; name another one with --manifest`;
    throw new InputError([fileProblem(path, 'no-manifest', 'there is no manifest to verify it by', hint)]);
  }
  const place = `/${MEDIUM.manifest} on the medium`;
  return { place, manifest: parseManifest(Buffer.from(onMedium).toString('utf8'), place) };
}

function parseManifest(text: string, file: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof z.ZodError || error instanceof SyntaxError)) throw error;
    throw new InputError([fileProblem(file, 'manifest', 'this is no manifest of an ISO')]);
  }
}
