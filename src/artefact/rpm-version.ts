/** Versions as rpm orders them. */

/** Epoch, version and release; an empty release compares as equal to any. */
export interface Evr {
  readonly epoch: number;
  readonly version: string;
  readonly release: string;
}

/** Reads `[EPOCH:]VERSION[-RELEASE]`. */
export function parseEvr(text: string): Evr {
  const [, epoch = '0', version = '', release = ''] = /^(?:(\d+):)?([^-]*)(?:-(.*))?$/.exec(text) ?? [];
  return { epoch: Number(epoch), version, release };
}

/** Negative, zero or positive, as `rpmVersionCompare` of rpm. */
export function compareEvr(a: Evr, b: Evr): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  const versions = compareVersions(a.version, b.version);
  if (versions !== 0 || a.release === '' || b.release === '') return versions;
  return compareVersions(a.release, b.release);
}

/**
 * rpm's `rpmvercmp`: runs of digits compare as numbers, runs of letters as text, a number is newer than letters, `~`
 * comes before everything, even the end, and `^` after the end but before everything else.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [segmentsOf(a), segmentsOf(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const order = compareSegments(left[i], right[i]);
    if (order !== 0) return order;
  }
  return 0;
}

const segmentsOf = (version: string): readonly string[] => version.match(/\d+|[a-zA-Z]+|[~^]/g) ?? [];

function compareSegments(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  for (const [mark, weight] of [
    ['~', -1],
    ['^', 1],
  ] as const) {
    if (a === mark) return mark === '^' && b !== undefined ? -1 : weight;
    if (b === mark) return mark === '^' && a !== undefined ? 1 : -weight;
  }
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  const numbers = [a, b].map((segment) => /^\d/.test(segment));
  if (numbers[0] !== numbers[1]) return numbers[0] ? 1 : -1;
  if (!numbers[0]) return a < b ? -1 : 1;
  const [x, y] = [BigInt(a), BigInt(b)];
  return x === y ? 0 : x < y ? -1 : 1;
}
