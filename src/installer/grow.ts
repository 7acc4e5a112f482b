/** How partitions that may grow share the room that is left. */

export interface Request {
  /** Least size, any unit, an integer. */
  readonly size: number;
  readonly grow: boolean;
  /** Largest size; only for growing requests. */
  readonly max?: number;
}

/**
 * Sizes for `requests` in `room`, in order; undefined when even the least sizes do not fit.
 *
 * Growing requests share what is left in proportion to their least size, and what one cannot take because of its
 * maximum goes to the others: the algorithm of blivet (`blivet/partitioning.py`, class Chunk), without its rounding
 * to whole cylinders.
 */
export function share(requests: readonly Request[], room: number): readonly number[] | undefined {
  const sizes = requests.map((request) => request.size);
  let left = room - sum(sizes);
  if (left < 0) return undefined;
  let growing = requests.flatMap((request, i) => (request.grow ? [i] : []));
  while (left > 0 && growing.length > 0) {
    const base = sum(growing.map((i) => requests[i]?.size ?? 0));
    const before = left;
    for (const i of growing) {
      const request = requests[i];
      const size = sizes[i];
      if (request === undefined || size === undefined) continue;
      const wanted = base === 0 ? before / growing.length : (before * request.size) / base;
      const given = Math.min(Math.floor(wanted), (request.max ?? Number.POSITIVE_INFINITY) - size, left);
      sizes[i] = size + given;
      left -= given;
    }
    const open = growing.filter((i) => (sizes[i] ?? 0) < (requests[i]?.max ?? Number.POSITIVE_INFINITY));
    // Nobody met a maximum: what is left is rounding, fewer units than there are requests. The last one takes it.
    if (open.length === growing.length) {
      const last = growing.at(-1);
      if (last !== undefined)
        sizes[last] =
          (sizes[last] ?? 0) +
          Math.min(left, (requests[last]?.max ?? Number.POSITIVE_INFINITY) - (sizes[last] ?? 0));
      break;
    }
    growing = open;
  }
  return sizes;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
