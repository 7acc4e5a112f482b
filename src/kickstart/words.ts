/**
 * Splits a line into words as Python's `shlex.split(line, comments=True)` does, which is what pykickstart uses.
 *
 * Worth knowing: a `#` starts a comment even inside a word (`rootpw a#b` is `rootpw a`), but not inside quotes; a
 * backslash keeps its meaning inside double quotes only before `"` and `\`; inside single quotes it has none.
 */

/** A word of a line; offsets count UTF-16 code units from 0. */
export interface Token {
  readonly text: string;
  readonly start: number;
  /** Behind the last character, quotes included. */
  readonly end: number;
}

export interface Split {
  readonly tokens: readonly Token[];
  /** Set when the line ends inside quotes or behind a backslash; `at` is where that began. */
  readonly unclosed?: { readonly what: 'quote' | 'escape'; readonly at: number };
}

/** Nothing that needs the state machine. */
const PLAIN = /^[^'"\\#]*$/;

/** Never throws; linear in the line's length. With `comments` off a `#` is an ordinary character. */
export function splitWords(line: string, comments = true): Split {
  if (PLAIN.test(line)) return { tokens: plainWords(line) };
  const tokens: Token[] = [];
  let at = 0;
  while (at < line.length) {
    const char = line.charAt(at);
    if (isBlank(char.charCodeAt(0))) {
      at++;
      continue;
    }
    if (comments && char === '#') break;
    const word = readWord(line, at, comments);
    if (word.unclosed !== undefined) return { tokens, unclosed: word.unclosed };
    tokens.push({ text: word.text, start: at, end: word.end });
    at = word.end;
  }
  return { tokens };
}

/** By hand and not by a pattern: most lines of most files come through here. */
function plainWords(line: string): Token[] {
  const tokens: Token[] = [];
  let start = -1;
  for (let at = 0; at <= line.length; at++) {
    if (at === line.length || isBlank(line.charCodeAt(at))) {
      if (start >= 0) tokens.push({ text: line.slice(start, at), start, end: at });
      start = -1;
    } else if (start < 0) start = at;
  }
  return tokens;
}

/** Blank, tab, carriage return, newline. */
function isBlank(code: number): boolean {
  return code === 32 || code === 9 || code === 13 || code === 10;
}

interface ReadWord {
  readonly text: string;
  readonly end: number;
  readonly unclosed?: NonNullable<Split['unclosed']>;
}

function readWord(line: string, start: number, comments: boolean): ReadWord {
  let text = '';
  let at = start;
  while (at < line.length) {
    const char = line.charAt(at);
    if (isBlank(char.charCodeAt(0)) || (comments && char === '#')) break;
    if (char === '\\') {
      if (at + 1 >= line.length) return { text, end: at, unclosed: { what: 'escape', at } };
      text += line.charAt(at + 1);
      at += 2;
    } else if (char === "'") {
      const close = line.indexOf("'", at + 1);
      if (close < 0) return { text, end: at, unclosed: { what: 'quote', at } };
      text += line.slice(at + 1, close);
      at = close + 1;
    } else if (char === '"') {
      const quoted = readDoubleQuoted(line, at);
      if (quoted === undefined) return { text, end: at, unclosed: { what: 'quote', at } };
      text += quoted.text;
      at = quoted.end;
    } else {
      const run = plainRun(line, at);
      text += line.slice(at, run);
      at = run;
    }
  }
  return { text, end: at };
}

const NOT_PLAIN = /[ \t\r\n'"\\#]/g;

/** Where the run of ordinary characters from `at` ends; always beyond `at`, which a lone `#` may be. */
function plainRun(line: string, at: number): number {
  NOT_PLAIN.lastIndex = at + 1;
  return NOT_PLAIN.exec(line)?.index ?? line.length;
}

const QUOTE_OR_ESCAPE = /["\\]/g;

function readDoubleQuoted(line: string, open: number): { text: string; end: number } | undefined {
  let text = '';
  let at = open + 1;
  for (;;) {
    QUOTE_OR_ESCAPE.lastIndex = at;
    const stop = QUOTE_OR_ESCAPE.exec(line)?.index;
    if (stop === undefined) return undefined;
    text += line.slice(at, stop);
    if (line.charAt(stop) === '"') return { text, end: stop + 1 };
    const next = line.charAt(stop + 1);
    text += next === '"' || next === '\\' ? next : `\\${next}`;
    at = stop + 2;
  }
}
