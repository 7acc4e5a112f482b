/** What docs/spec.md and editors show beside a key. */
export interface About {
  readonly unit?: string;
  /** Absent where the keys below have their own. */
  readonly example?: string;
}

export const about = (description: string, { unit, example }: About) => ({
  description,
  ...(example === undefined ? {} : { 'x-example': example }),
  ...(unit === undefined ? {} : { 'x-unit': unit }),
});
