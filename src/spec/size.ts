/** Sizes and durations as people write them, and the numbers the plan counts in. */

const MIB_PER_UNIT: Readonly<Record<string, number>> = { MiB: 1, GiB: 1024, TiB: 1024 * 1024 };

/**
 * MiB in a text like `600 MiB` or `1.5 GiB`; undefined when it has no such unit, is not a whole number of MiB or
 * is not above zero.
 */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,6})?) ?(MiB|GiB|TiB)$/.exec(text);
  const amount = Number(match?.[1]);
  const factor = MIB_PER_UNIT[match?.[2] ?? ''];
  if (factor === undefined) return undefined;
  const mib = amount * factor;
  return Number.isSafeInteger(mib) && mib > 0 ? mib : undefined;
}

/** Writes MiB in the largest unit, rounded up to two digits: 600 → `600 MiB`, 1536 → `1.5 GiB`, 5211 → `5.09 GiB`. */
export function formatSize(mib: number): string {
  const unit = ['TiB', 'GiB'].find((name) => mib >= (MIB_PER_UNIT[name] ?? 0)) ?? 'MiB';
  return `${Math.ceil((mib / (MIB_PER_UNIT[unit] ?? 1)) * 100) / 100} ${unit}`;
}

const SECONDS_PER_UNIT: Readonly<Record<string, number>> = { s: 1, min: 60 };

/** Seconds in a text like `60 s` or `5 min`; undefined when it is neither. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,6}) ?(s|min)$/.exec(text);
  const factor = SECONDS_PER_UNIT[match?.[2] ?? ''];
  return factor === undefined ? undefined : Number(match?.[1]) * factor;
}

/** What to write instead of a size in decimal units, `500 GB`; `otherwise` for any other mistake. */
export function sizeRemedy(text: unknown, otherwise: string): string {
  const decimal = /^(\d+(?:\.\d+)?) ?([KMGT])B?$/i.exec(String(text));
  const exponent = { K: 3, M: 6, G: 9, T: 12 }[decimal?.[2]?.toUpperCase() ?? ''];
  if (decimal === null || exponent === undefined) return otherwise;
  const mib = Math.floor((Number(decimal[1]) * 10 ** exponent) / 2 ** 20);
  return `units are binary, MiB, GiB or TiB: ${decimal[0]} is ${Math.max(1, mib)} MiB`;
}
