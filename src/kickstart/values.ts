/** Types of option values, read as pykickstart's argparse reads them. */
import type { OptionSpec } from './spec.ts';
import { trim } from './text.ts';

/** Python's `int()`: blanks around, a sign, digits of any script, single underscores between digits. */
const INTEGER = /^[+-]?\p{Nd}+(?:_\p{Nd}+)*$/u;
const TRUE = ['on', 'yes', 'true', '1'];
const FALSE = ['off', 'no', 'false', '0'];

const PLAIN_INTEGER = /^\d{1,15}$/;

/** The number, or undefined when the text is none. */
export function parseInteger(text: string): number | undefined {
  if (PLAIN_INTEGER.test(text)) return Number(text);
  const inner = trim(text);
  return INTEGER.test(inner) ? Number(inner.replaceAll('_', '')) : undefined;
}

/** Comma separated, blanks stripped, empty parts dropped. */
export function parseList(text: string): readonly string[] {
  return text
    .split(',')
    .map(trim)
    .filter((part) => part !== '');
}

/** True or false, or undefined when the text is neither. */
function parseBoolean(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  return TRUE.includes(lower) ? true : FALSE.includes(lower) ? false : undefined;
}

/** An empty part, `.` or `..`. */
const NOT_NORMAL = /\/(\.{0,2})(\/|$)/;

/** `os.path.normpath` for what starts with a slash; other mount points (`swap`, `raid.01`) stay as they are. */
export function normalizeMountPoint(text: string): string {
  if (!text.startsWith('/') || !NOT_NORMAL.test(text)) return text;
  const parts: string[] = [];
  for (const part of text.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  const root = /^\/\/(?!\/)/.test(text) ? '//' : '/';
  return root + parts.join('/');
}

/** Whether Python would call the parsed value true. */
export function isTruthy(spec: OptionSpec, value: string): boolean {
  switch (spec.value) {
    case undefined:
      return true;
    case 'integer':
      return parseInteger(value) !== 0;
    case 'list':
      return parseList(value).length > 0;
    case 'boolean':
      return parseBoolean(value) === true;
    default:
      return value !== '';
  }
}

/** What is wrong with a value, as the end of a sentence, or undefined. */
export function valueFault(spec: OptionSpec, value: string): string | undefined {
  switch (spec.value) {
    case 'integer': {
      const number = parseInteger(value);
      if (number === undefined) return 'is not a whole number';
      if (spec.min !== undefined && number < spec.min) return `is less than ${spec.min}`;
      if (spec.max !== undefined && number > spec.max) return `is more than ${spec.max}`;
      return undefined;
    }
    case 'boolean':
      return parseBoolean(value) === undefined ? 'is neither yes nor no' : undefined;
    case 'choice': {
      const choices = spec.choices ?? [];
      const known = spec.anyCase === true ? choices.includes(value.toLowerCase()) : choices.includes(value);
      return known ? undefined : `is none of ${choices.join(', ')}`;
    }
    default:
      return undefined;
  }
}
