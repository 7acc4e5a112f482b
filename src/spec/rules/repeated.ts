/** Finding what occurs twice. */

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
