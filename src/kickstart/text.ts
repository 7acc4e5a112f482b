/**
 * Lines and white space as Python sees them. pykickstart splits a file with `str.splitlines()`, which breaks at
 * more characters than an editor does; what it sees as one line decides what it sees as one command.
 */
import type { Place } from './types.ts';

/** `str.isspace()` as a character class: Unicode white space plus the information separators U+001C to U+001F. */
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const LEADING = new RegExp(`^[${SPACE}]+`);
const TRAILING = new RegExp(`[${SPACE}]$`);
const RUNS = new RegExp(`[${SPACE}]+`);

/** Line breaks of `str.splitlines()` beyond `\n` and `\r\n`. */
const RARE = '\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029';
const UNUSUAL_BREAK = new RegExp(`[${RARE}]|\\r(?!\\n)`);
/** The character that ends a line, unless the file's end does. */
export const BREAK_AT_END = new RegExp(`[\\n\\r${RARE}]$`);
const ANY_BREAK = new RegExp(`\\r\\n|[\\n\\r${RARE}]`, 'g');

/** `str.lstrip()`. */
export function trimStart(text: string): string {
  return text.replace(LEADING, '');
}

/** `str.rstrip()`; walks back by hand because a `[…]+$` pattern is quadratic on long runs of blanks. */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && TRAILING.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** `str.strip()`. */
export function trim(text: string): string {
  return trimEnd(trimStart(text));
}

/** `str.split()` without arguments. */
export function splitBlank(text: string): readonly string[] {
  const inner = trim(text);
  return inner === '' ? [] : inner.split(RUNS);
}

/** Index of the first character that is not white space; the length when there is none. */
export function indent(text: string): number {
  const first = text.charCodeAt(0);
  if (first > 32 && first < 127) return 0;
  return LEADING.exec(text)?.[0].length ?? 0;
}

/** A file as pykickstart's lines, each with its terminator, and the way back to where a reader finds them. */
export interface SourceText {
  readonly file: string;
  readonly lines: readonly string[];
  /** The place of a character of a line; `column` counts from 0, the result's from 1. */
  place(lineIndex: number, column: number): Place;
}

/** Splits a text into lines. Places count lines at `\n`, as editors do. */
export function sourceText(text: string, file: string): SourceText {
  if (!UNUSUAL_BREAK.test(text)) {
    const place = (index: number, column: number): Place => ({ file, line: index + 1, column: column + 1 });
    return { file, lines: splitAtNewlines(text), place };
  }
  return splitAtAnyBreak(text, file);
}

function splitAtNewlines(text: string): string[] {
  const lines: string[] = [];
  let start = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    lines.push(text.slice(start, end + 1));
    start = end + 1;
  }
  if (start < text.length) lines.push(text.slice(start));
  return lines;
}

function splitAtAnyBreak(text: string, file: string): SourceText {
  const lines: string[] = [];
  const starts: { readonly line: number; readonly column: number }[] = [];
  let start = 0;
  let line = 1;
  let column = 1;
  const add = (end: number, newline: boolean): void => {
    lines.push(text.slice(start, end));
    starts.push({ line, column });
    column = newline ? 1 : column + end - start;
    line = newline ? line + 1 : line;
    start = end;
  };
  for (const match of text.matchAll(ANY_BREAK)) {
    add(match.index + match[0].length, match[0].endsWith('\n'));
  }
  if (start < text.length) add(text.length, false);
  return {
    file,
    lines,
    place: (index, offset) => {
      const at = starts[index] ?? { line, column };
      return { file, line: at.line, column: at.column + offset };
    },
  };
}
