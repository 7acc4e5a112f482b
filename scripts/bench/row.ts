/** What a benchmark measured: one line of the table. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The value that must not be exceeded; absent where a figure is only told. */
  readonly bar?: number;
  /** How it was measured, or what it consists of. */
  readonly note?: string;
}

/** Milliseconds and megabytes count whole; everything else to a tenth. */
export const quantity = (value: number, unit: string): string =>
  `${unit === 'ms' || unit === 'MB' ? value.toFixed(0) : value.toFixed(1)} ${unit}`;

/** The middle value, or the mean of the two in the middle. @throws {RangeError} for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new RangeError('the median of nothing');
  return (upper + lower) / 2;
}

/** Seconds since an instant of `performance.now()`. */
export const secondsSince = (begun: number): number => (performance.now() - begun) / 1000;
