/** Finding what occurs twice. */
import type { Finding, KeyPath } from '../finding.ts';

/** Each item whose key an earlier item had already, with that earlier item. */
export function repeated<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
): readonly { first: T; again: T }[] {
  const firsts = new Map<string, T>();
  return items.flatMap((item) => {
    const first = firsts.get(keyOf(item));
    if (first === undefined) {
      firsts.set(keyOf(item), item);
      return [];
    }
    return [{ first, again: item }];
  });
}

/** A finding for each text that stands a second time in the list at `path`. */
export const listedTwice = (texts: readonly string[], path: KeyPath): readonly Finding[] =>
  repeated(
    texts.map((text, i) => ({ text, i })),
    ({ text }) => text,
  ).map(({ again }) => ({
    path: [...path, again.i],
    rule: 'duplicate-name',
    message: `'${again.text}' is listed twice`,
  }));
