/** How partitions and logical volumes that may grow share the room that is left. */

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
 * maximum goes to the others: the algorithm of blivet (`blivet/partitioning.py`, class Chunk). What is lost to whole
 * units goes to the last of them.
 */
export function share(requests: readonly Request[], room: number): readonly number[] | undefined {
  const shares = requests.map(({ size, grow, max = Number.POSITIVE_INFINITY }) => ({
    least: size,
    size,
    most: grow ? Math.max(size, max) : size,
  }));
  let left = room - sum(requests.map(({ size }) => size));
  if (left < 0) return undefined;
  const give = (share: { size: number; readonly most: number }, wanted: number): void => {
    const given = Math.min(wanted, share.most - share.size);
    share.size += given;
    left -= given;
  };
  const isOpen = ({ size, most }: { readonly size: number; readonly most: number }): boolean => size < most;
  for (let open = shares.filter(isOpen); left > 0 && open.length > 0; ) {
    const pool = left;
    const base = sum(open.map(({ least }) => least));
    for (const one of open) {
      give(one, Math.floor(base === 0 ? pool / open.length : (pool * one.least) / base));
    }
    // Nobody met a maximum: what is left is rounding, fewer units than there are requests.
    if (open.every(isOpen)) for (const one of open.toReversed()) give(one, left);
    open = open.filter(isOpen);
  }
  return shares.map(({ size }) => size);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
