/** ASN.1 in DER, as far as signatures need it: elements of one-byte tags and definite lengths (X.690, chapter 8). */

export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag and length with the content. */
  readonly whole: Uint8Array;
}

export const DER = { integer: 2, octets: 4, oid: 6, sequence: 0x30, set: 0x31, context0: 0xa0 } as const;

/** The elements that follow one another in these bytes; what is no element ends the list. */
export function derElements(bytes: Uint8Array): readonly DerElement[] {
  const found: DerElement[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const first = bytes[at + 1] ?? 0;
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    if (first === 0x80 || lengthBytes > 4) break;
    const begin = at + 2 + lengthBytes;
    let length = lengthBytes === 0 ? first : 0;
    for (const byte of bytes.subarray(at + 2, begin)) length = length * 256 + byte;
    if (begin + length > bytes.length) break;
    const end = begin + length;
    found.push({ tag: bytes[at] ?? 0, content: bytes.subarray(begin, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return found;
}

/** The element reached by taking, level by level, the child of that position; undefined when there is none. */
export function derAt(bytes: Uint8Array, ...path: readonly number[]): DerElement | undefined {
  const [position, ...rest] = path;
  const element = derElements(bytes)[position ?? 0];
  return element === undefined || rest.length === 0 ? element : derAt(element.content, ...rest);
}

export const hexOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
