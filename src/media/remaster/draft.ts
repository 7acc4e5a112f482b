/**
 * What an ISO will be, known while its base is still being copied. xorriso adds its session to a file that has of the
 * base only what leads to files and what firmware starts; everything else stands in the base, where the digests read it.
 * That the finished ISO is the one that was drafted is looked at, not assumed.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { SharedPart } from '../image/aside.ts';
import type { Medium } from '../image/medium.ts';
import { type ImageSource, withImage } from '../image/source.ts';
import { ISO_BLOCK } from '../image/volume.ts';

/** Bytes of an image: the first one, and the one behind the last. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * What xorriso reads of a medium that it grows: everything but what files hold that no firmware starts. All before
 * `head`, whatever lies there. In order.
 */
export function skeletonOf(
  { image, tree, catalog }: Pick<Medium, 'image' | 'tree' | 'catalog'>,
  head: number,
): readonly Span[] {
  const started = new Set([catalog?.block, ...(catalog?.entries ?? []).map(({ block }) => block)]);
  const contents = [...tree.entries.values()]
    .filter(({ kind, extents }) => kind === 'file' && !started.has(extents[0]?.block))
    .flatMap(({ extents }) => extents)
    .map(({ block, bytes }): Span => {
      const from = block * ISO_BLOCK;
      return { from: Math.max(head, from), to: from + Math.ceil(bytes / ISO_BLOCK) * ISO_BLOCK };
    })
    .sort((a, b) => a.from - b.from);
  const spans: Span[] = [];
  let at = 0;
  for (const { from, to } of contents) {
    if (from > at) spans.push({ from: at, to: Math.min(from, image.bytes) });
    at = Math.max(at, to);
  }
  return at < image.bytes ? [...spans, { from: at, to: image.bytes }] : spans;
}

export const spanBytes = (spans: readonly Span[]): number =>
  spans.reduce((sum, { from, to }) => sum + to - from, 0);

const CHUNK = 1 << 20;

/** Writes a file of the image's size that has these spans of it, and holes between. */
export async function writeSkeleton(image: ImageSource, spans: readonly Span[], path: string): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    for (const { from, to } of spans.flatMap(inChunks))
      await writeAll(handle, await image.read(from, to - from), from);
    await handle.truncate(image.bytes);
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
}

/**
 * Whether an ISO is the draft with the shared part of its base put in. Of the shared part the spans are compared, which
 * hold whatever xorriso may have a reason to write to; the rest is a copy.
 */
export const isAsDrafted = (
  iso: string,
  draft: string,
  { file: base, from, to }: SharedPart,
  spans: readonly Span[],
): Promise<boolean> =>
  withImage(iso, (finished) =>
    withImage(draft, (drafted) =>
      withImage(base, async (source) => {
        if (finished.bytes !== drafted.bytes) return false;
        const own = [
          { from: 0, to: from },
          { from: to, to: finished.bytes },
        ];
        const lent = spans
          .map((span) => ({ from: Math.max(span.from, from), to: Math.min(span.to, to) }))
          .filter((span) => span.from < span.to);
        return (await areSame(finished, drafted, own)) && (await areSame(finished, source, lent));
      }),
    ),
  );

async function areSame(a: ImageSource, b: ImageSource, spans: readonly Span[]): Promise<boolean> {
  for (const { from, to } of spans.flatMap(inChunks)) {
    const [left, right] = await Promise.all([a.read(from, to - from), b.read(from, to - from)]);
    if (Buffer.compare(left, right) !== 0) return false;
  }
  return true;
}

const inChunks = ({ from, to }: Span): readonly Span[] =>
  Array.from({ length: Math.ceil((to - from) / CHUNK) }, (_, i) => {
    const at = from + i * CHUNK;
    return { from: at, to: Math.min(to, at + CHUNK) };
  });
