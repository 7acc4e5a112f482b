/**
 * The gate between values and kickstart text. Whatever a template prints passes {@link escapeValue}, so no value can
 * end its line, its word or its quotes and start a command of its own.
 */

/** A value that must not reach a kickstart. */
export class UnsafeValueError extends TypeError {
  constructor(message: string) {
    super(message);
    this.name = 'UnsafeValueError';
  }
}

/** Text that may hold blanks; printed between single quotes, which kickstart and shell both take literally. */
export class Quoted {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

// `#` cuts a kickstart line even in the middle of a word, `$`, `;`, `*` and the like are the shell's, and a leading
// dash would be read as an option. Hence a list of what is allowed, and a short one.
const WORD = /^[A-Za-z0-9_@:=+,./][A-Za-z0-9_@:=+,./-]*$/;
/** Control characters, quotes, backslash and backtick end or bend a quoted text; `%` starts a section. */
const NOT_QUOTABLE = /[\p{Cc}\p{Zl}\p{Zp}'"`\\%]/u;

/**
 * EJS's `escape`: returns the text of a plain word, a number or a {@link Quoted}.
 *
 * @throws {UnsafeValueError} for undefined, null and everything that cannot stand in a kickstart as it is.
 */
export function escapeValue(value?: unknown): string {
  if (value instanceof Quoted) {
    if (NOT_QUOTABLE.test(value.text)) {
      throw new UnsafeValueError(
        `${JSON.stringify(value.text)} holds a character that cannot be quoted in a kickstart`,
      );
    }
    return `'${value.text}'`;
  }
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return String(value);
  if (typeof value === 'string' && WORD.test(value)) return value;
  if (value === undefined || value === null) throw new UnsafeValueError(`a value is ${String(value)}`);
  throw new UnsafeValueError(`${JSON.stringify(value)} cannot stand in a kickstart as one word`);
}

export function quoted(text: string | undefined): Quoted {
  if (text === undefined) throw new UnsafeValueError('a value is undefined');
  return new Quoted(text);
}

/** Splits `10.10.0.11/24`; undefined for `dhcp`. */
export function staticAddress(address: string): StaticAddress | undefined {
  if (address === 'dhcp') return undefined;
  const [ip = '', prefix = ''] = address.split('/');
  return { ip, netmask: netmask(Number(prefix)) };
}

export interface StaticAddress {
  readonly ip: string;
  /** Dotted quad. */
  readonly netmask: string;
}

/** Prefix length to dotted quad: 20 → 255.255.240.0. */
export function netmask(prefix: number): string {
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > 32) {
    throw new RangeError(`${prefix} is not the prefix length of an IPv4 network`);
  }
  return [0, 8, 16, 24].map((shift) => 256 - 2 ** (8 - Math.min(8, Math.max(0, prefix - shift)))).join('.');
}
