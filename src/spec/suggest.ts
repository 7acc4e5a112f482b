/** "Did you mean": one place that decides what is near enough. */
import { closest, distance } from 'fastest-levenshtein';

/** The known word a mistyped one is nearest to, if it is near enough to be a slip. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const best = closest(word, [...known]);
  return distance(word.toLowerCase(), best.toLowerCase()) <= Math.ceil(word.length / 3) ? best : undefined;
}
