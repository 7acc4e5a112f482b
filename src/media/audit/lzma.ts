/**
 * Raw LZMA as GRUB packs its core image for BIOS: no header, lc = 3, lp = 0, pb = 2 (GRUB, util/mkimage.c; the algorithm
 * after Igor Pavlov's LZMA specification of 2015). Only for images of a few hundred KiB: the output is the dictionary.
 */

/** Data that is not LZMA or ends too early. */
export class LzmaError extends Error {
  override readonly name = 'LzmaError';
}

const LC = 3;
const PB = 2;
const STATES = 12;
const POSITION_STATES = 1 << PB;
const HALF = 1 << 10;
const PROBABILITY_BITS = 11;
const MOVE_BITS = 5;
const TOP = 1 << 24;
const SHORTEST_MATCH = 2;
const END_POSITION_MODELS = 14;
const FULL_DISTANCES = 128;
const ALIGN_BITS = 4;

const models = (count: number): Uint16Array => new Uint16Array(count).fill(HALF);

/** The first `size` bytes of what was packed. @throws {LzmaError} */
export function unpackLzma(packed: Uint8Array, size: number): Uint8Array {
  const range = new RangeDecoder(packed);
  const out = new Uint8Array(size);
  const isMatch = models(STATES * POSITION_STATES);
  const isRep = models(STATES);
  const isRepG0 = models(STATES);
  const isRepG1 = models(STATES);
  const isRepG2 = models(STATES);
  const isRep0Long = models(STATES * POSITION_STATES);
  const literals = models(0x300 << LC);
  const matchLength = new LengthDecoder();
  const repLength = new LengthDecoder();
  const distances = new DistanceDecoder();
  let [rep0, rep1, rep2, rep3] = [0, 0, 0, 0];
  let state = 0;
  let at = 0;

  const literal = (): void => {
    const context = ((at > 0 ? (out[at - 1] ?? 0) : 0) >> (8 - LC)) * 0x300;
    let symbol = 1;
    if (state >= 7) {
      let match = out[at - rep0 - 1] ?? 0;
      while (symbol < 0x100) {
        const bit = (match >> 7) & 1;
        match = (match << 1) & 0xff;
        const read = range.bit(literals, context + ((1 + bit) << 8) + symbol);
        symbol = (symbol << 1) | read;
        if (read !== bit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | range.bit(literals, context + symbol);
    out[at++] = symbol & 0xff;
    state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
  };
  const copy = (length: number): void => {
    if (rep0 >= at) throw new LzmaError('a match reaches before the beginning');
    for (let left = length; left > 0 && at < size; left -= 1, at += 1) out[at] = out[at - rep0 - 1] ?? 0;
  };

  while (at < size) {
    const position = at & (POSITION_STATES - 1);
    if (range.bit(isMatch, state * POSITION_STATES + position) === 0) {
      literal();
      continue;
    }
    if (range.bit(isRep, state) === 0) {
      [rep1, rep2, rep3] = [rep0, rep1, rep2];
      const length = matchLength.read(range, position);
      state = state < 7 ? 7 : 10;
      rep0 = distances.read(range, length);
      if (rep0 === 0xffffffff) throw new LzmaError('it ends before its size');
      copy(length + SHORTEST_MATCH);
      continue;
    }
    if (range.bit(isRepG0, state) === 0) {
      if (range.bit(isRep0Long, state * POSITION_STATES + position) === 0) {
        state = state < 7 ? 9 : 11;
        copy(1);
        continue;
      }
    } else if (range.bit(isRepG1, state) === 0) {
      [rep0, rep1] = [rep1, rep0];
    } else if (range.bit(isRepG2, state) === 0) {
      [rep0, rep1, rep2] = [rep2, rep0, rep1];
    } else {
      [rep0, rep1, rep2, rep3] = [rep3, rep0, rep1, rep2];
    }
    const length = repLength.read(range, position);
    state = state < 7 ? 8 : 11;
    copy(length + SHORTEST_MATCH);
  }
  return out;
}

class RangeDecoder {
  readonly #bytes: Uint8Array;
  #at = 5;
  #range = 0xffffffff;
  #code = 0;

  constructor(bytes: Uint8Array) {
    if (bytes.length < 5 || bytes[0] !== 0) throw new LzmaError('this is no LZMA data');
    this.#bytes = bytes;
    this.#code = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  }

  bit(probabilities: Uint16Array, index: number): 0 | 1 {
    const probability = probabilities[index] ?? HALF;
    const bound = (this.#range >>> PROBABILITY_BITS) * probability;
    const one = this.#code >>> 0 >= bound;
    if (one) {
      this.#range -= bound;
      this.#code -= bound;
      probabilities[index] = probability - (probability >> MOVE_BITS);
    } else {
      this.#range = bound;
      probabilities[index] = probability + (((1 << PROBABILITY_BITS) - probability) >> MOVE_BITS);
    }
    this.#normalise();
    return one ? 1 : 0;
  }

  direct(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i += 1) {
      this.#range >>>= 1;
      const one = this.#code >= this.#range;
      if (one) this.#code -= this.#range;
      value = value * 2 + (one ? 1 : 0);
      this.#normalise();
    }
    return value;
  }

  tree(probabilities: Uint16Array, bits: number, base = 0): number {
    let symbol = 1;
    for (let i = 0; i < bits; i += 1) symbol = (symbol << 1) | this.bit(probabilities, base + symbol);
    return symbol - (1 << bits);
  }

  reversed(probabilities: Uint16Array, bits: number, base = 0): number {
    let index = 1;
    let symbol = 0;
    for (let i = 0; i < bits; i += 1) {
      const bit = this.bit(probabilities, base + index);
      index = (index << 1) | bit;
      symbol |= bit << i;
    }
    return symbol;
  }

  #normalise(): void {
    if (this.#range >= TOP) return;
    if (this.#at >= this.#bytes.length) throw new LzmaError('the data end too early');
    this.#range = (this.#range << 8) >>> 0;
    this.#code = ((this.#code << 8) | (this.#bytes[this.#at++] ?? 0)) >>> 0;
  }
}

class LengthDecoder {
  readonly #choice = models(2);
  readonly #low = models(POSITION_STATES << 3);
  readonly #middle = models(POSITION_STATES << 3);
  readonly #high = models(256);

  read(range: RangeDecoder, position: number): number {
    if (range.bit(this.#choice, 0) === 0) return range.tree(this.#low, 3, position << 3);
    if (range.bit(this.#choice, 1) === 0) return 8 + range.tree(this.#middle, 3, position << 3);
    return 16 + range.tree(this.#high, 8);
  }
}

class DistanceDecoder {
  readonly #slots = models(4 << 6);
  readonly #models = models(1 + FULL_DISTANCES - END_POSITION_MODELS);
  readonly #align = models(1 << ALIGN_BITS);

  read(range: RangeDecoder, length: number): number {
    const slot = range.tree(this.#slots, 6, Math.min(length, 3) << 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = ((2 | (slot & 1)) << bits) >>> 0;
    if (slot < END_POSITION_MODELS) return base + range.reversed(this.#models, bits, base - slot);
    const high = range.direct(bits - ALIGN_BITS) * (1 << ALIGN_BITS);
    return base + high + range.reversed(this.#align, ALIGN_BITS);
  }
}
