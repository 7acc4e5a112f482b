/**
 * MD5 (RFC 1321) that can be put down and taken up again, which Node's own cannot: a build that changes the end of an
 * image does not have to read its beginning once more. Measured as quick as OpenSSL's, since each step waits for the
 * one before in any language.
 */
import { endianness } from 'node:os';

const BLOCK = 64;
const ROOM = 1024 * BLOCK;
const BIG_ENDIAN = endianness() === 'BE';
const START = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
/** RFC 1321, 3.4: the integer parts of 2³² × |sin i|. */
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32));

/** An unfinished digest, as JSON. */
export interface Md5State {
  readonly words: readonly number[];
  /** Bytes digested; a multiple of 64. */
  readonly bytes: number;
}

export class Md5 {
  readonly #words: Int32Array;
  readonly #room = Buffer.from(new ArrayBuffer(ROOM));
  readonly #input = new Int32Array(this.#room.buffer);
  /** Bytes in the room that are not digested yet. */
  #waiting = 0;
  #bytes: number;

  constructor({ words, bytes }: Md5State = { words: START, bytes: 0 }) {
    this.#words = Int32Array.from(words);
    this.#bytes = bytes;
  }

  update(chunk: Uint8Array): this {
    for (let from = 0; from < chunk.length; ) {
      const piece = chunk.subarray(from, from + ROOM - this.#waiting);
      this.#room.set(piece, this.#waiting);
      this.#waiting += piece.length;
      from += piece.length;
      if (this.#waiting === ROOM) this.#flush(ROOM);
    }
    return this;
  }

  /** @throws {RangeError} in the middle of a block. */
  state(): Md5State {
    this.#flush(this.#waiting - (this.#waiting % BLOCK));
    if (this.#waiting > 0) throw new RangeError(`${this.#bytes + this.#waiting} bytes are no whole blocks`);
    return { words: [...this.#words], bytes: this.#bytes };
  }

  /** Hex digest of what was there so far; more may follow. */
  digest(): string {
    this.#flush(this.#waiting - (this.#waiting % BLOCK));
    const last = new Md5({ words: [...this.#words], bytes: this.#bytes });
    const rest = this.#room.subarray(0, this.#waiting);
    const end = Buffer.alloc(rest.length < BLOCK - 8 ? BLOCK : 2 * BLOCK);
    end.set(rest);
    end[rest.length] = 0x80;
    end.writeBigUInt64LE(BigInt(this.#bytes + rest.length) * 8n, end.length - 8);
    const { words } = last.update(end).state();
    const digest = Buffer.alloc(16);
    for (const [i, word] of words.entries()) digest.writeInt32LE(word, 4 * i);
    return digest.toString('hex');
  }

  /** Digests so many bytes, whole blocks, from the beginning of the room. */
  #flush(bytes: number): void {
    if (bytes === 0) return;
    if (BIG_ENDIAN) this.#room.subarray(0, bytes).swap32();
    compress(this.#words, this.#input.subarray(0, bytes / 4));
    this.#room.copyWithin(0, bytes, this.#waiting);
    this.#waiting -= bytes;
    this.#bytes += bytes;
  }
}

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** RFC 1321, 3.4. What a step waits for, the result of the one before, comes last in each sum. */
function compress(state: Int32Array, input: Int32Array): void {
  // Integers from the start, or V8 does not keep them in registers.
  let a = (state[0] ?? 0) | 0;
  let b = (state[1] ?? 0) | 0;
  let c = (state[2] ?? 0) | 0;
  let d = (state[3] ?? 0) | 0;
  for (let at = 0; at < input.length; at += 16) {
    const a0 = a;
    const b0 = b;
    const c0 = c;
    const d0 = d;
    for (let i = 0; i < 16; i += 4) {
      a = (b + rotate((((a + (input[at + i] ?? 0)) | 0) + (SINES[i] ?? 0) + (d ^ (b & (c ^ d)))) | 0, 7)) | 0;
      d =
        (a +
          rotate(
            (((d + (input[at + i + 1] ?? 0)) | 0) + (SINES[i + 1] ?? 0) + (c ^ (a & (b ^ c)))) | 0,
            12,
          )) |
        0;
      c =
        (d +
          rotate(
            (((c + (input[at + i + 2] ?? 0)) | 0) + (SINES[i + 2] ?? 0) + (b ^ (d & (a ^ b)))) | 0,
            17,
          )) |
        0;
      b =
        (c +
          rotate(
            (((b + (input[at + i + 3] ?? 0)) | 0) + (SINES[i + 3] ?? 0) + (a ^ (c & (d ^ a)))) | 0,
            22,
          )) |
        0;
    }
    for (let i = 16; i < 32; i += 4) {
      const k = 5 * i + 1;
      a =
        (b +
          rotate(
            (((((a + (input[at + (k & 15)] ?? 0)) | 0) + (SINES[i] ?? 0) + (c & ~d)) | 0) + (b & d)) | 0,
            5,
          )) |
        0;
      d =
        (a +
          rotate(
            (((((d + (input[at + ((k + 5) & 15)] ?? 0)) | 0) + (SINES[i + 1] ?? 0) + (b & ~c)) | 0) +
              (a & c)) |
              0,
            9,
          )) |
        0;
      c =
        (d +
          rotate(
            (((((c + (input[at + ((k + 10) & 15)] ?? 0)) | 0) + (SINES[i + 2] ?? 0) + (a & ~b)) | 0) +
              (d & b)) |
              0,
            14,
          )) |
        0;
      b =
        (c +
          rotate(
            (((((b + (input[at + ((k + 15) & 15)] ?? 0)) | 0) + (SINES[i + 3] ?? 0) + (d & ~a)) | 0) +
              (c & a)) |
              0,
            20,
          )) |
        0;
    }
    for (let i = 32; i < 48; i += 4) {
      const k = 3 * i + 5;
      a =
        (b + rotate((((a + (input[at + (k & 15)] ?? 0)) | 0) + (SINES[i] ?? 0) + (b ^ (c ^ d))) | 0, 4)) | 0;
      d =
        (a +
          rotate(
            (((d + (input[at + ((k + 3) & 15)] ?? 0)) | 0) + (SINES[i + 1] ?? 0) + (a ^ (b ^ c))) | 0,
            11,
          )) |
        0;
      c =
        (d +
          rotate(
            (((c + (input[at + ((k + 6) & 15)] ?? 0)) | 0) + (SINES[i + 2] ?? 0) + (d ^ (a ^ b))) | 0,
            16,
          )) |
        0;
      b =
        (c +
          rotate(
            (((b + (input[at + ((k + 9) & 15)] ?? 0)) | 0) + (SINES[i + 3] ?? 0) + (c ^ (d ^ a))) | 0,
            23,
          )) |
        0;
    }
    for (let i = 48; i < 64; i += 4) {
      const k = 7 * i;
      a =
        (b + rotate((((a + (input[at + (k & 15)] ?? 0)) | 0) + (SINES[i] ?? 0) + (c ^ (b | ~d))) | 0, 6)) | 0;
      d =
        (a +
          rotate(
            (((d + (input[at + ((k + 7) & 15)] ?? 0)) | 0) + (SINES[i + 1] ?? 0) + (b ^ (a | ~c))) | 0,
            10,
          )) |
        0;
      c =
        (d +
          rotate(
            (((c + (input[at + ((k + 14) & 15)] ?? 0)) | 0) + (SINES[i + 2] ?? 0) + (a ^ (d | ~b))) | 0,
            15,
          )) |
        0;
      b =
        (c +
          rotate(
            (((b + (input[at + ((k + 21) & 15)] ?? 0)) | 0) + (SINES[i + 3] ?? 0) + (d ^ (c | ~a))) | 0,
            21,
          )) |
        0;
    }
    a = (a + a0) | 0;
    b = (b + b0) | 0;
    c = (c + c0) | 0;
    d = (d + d0) | 0;
  }
  state.set([a, b, c, d]);
}
