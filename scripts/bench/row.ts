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

/** Two figures that matter: whole milliseconds and megabytes, tenths, hundredths below one. */
export function quantity(value: number, unit: string): string {
  const digits = unit === 'ms' || unit === 'MB' ? 0 : value < 1 ? 2 : 1;
  return `${value.toFixed(digits)} ${unit}`;
}

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
