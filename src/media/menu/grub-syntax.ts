/**
 * The language of GRUB's configuration, as far as a menu needs it: words, commands and blocks, each with its place.
 * After GRUB 2.06, grub-core/script/yylex.l and parser.y, and the manual's chapter "Writing full configuration files
 * directly". Nothing is executed and no variable expanded.
 */
import { menuError } from './edits.ts';
import type { MenuWord, Span } from './types.ts';

export interface GrubCommand extends Span {
  /** The command's name first; at least one unless `body` is a bare group. */
  readonly words: readonly MenuWord[];
  /** What stands in braces behind the words: an entry, a submenu, a function. */
  readonly body?: GrubBody;
}

export interface GrubBody extends Span {
  /** The span is what lies between the braces, without them. */
  readonly commands: readonly GrubCommand[];
}

type Token = (MenuWord & { readonly kind: 'word' }) | (Span & { readonly kind: 'end' | 'open' | 'close' });

/** Ends a word, unless quoted or escaped. */
const META = /[{}|&;<> \t\r\n]/;

/**
 * The commands of a configuration in the order of the text.
 * @throws {InputError} for a quote or a brace without its partner; `file` is named there.
 */
export function parseGrub(text: string, file: string): readonly GrubCommand[] {
  const tokens = [...tokenize(text, file)];
  const { commands, next } = parseCommands(tokens, 0);
  const stray = tokens[next];
  if (stray !== undefined) throw menuError(file, text, stray.start, "a '}' without its '{'");
  return commands;

  function parseCommands(all: readonly Token[], from: number) {
    const found: GrubCommand[] = [];
    let at = from;
    let words: MenuWord[] = [];
    const finish = (body?: GrubBody): void => {
      const start = words[0]?.start ?? (body === undefined ? undefined : body.start - 1);
      const end = body === undefined ? words.at(-1)?.end : body.end + 1;
      if (start !== undefined && end !== undefined)
        found.push({ start, end, words, ...(body === undefined ? {} : { body }) });
      words = [];
    };
    for (let token = all[at]; token !== undefined && token.kind !== 'close'; token = all[at]) {
      at++;
      if (token.kind === 'word') words.push(token);
      else if (token.kind === 'end') finish();
      else {
        const inner = parseCommands(all, at);
        const close = all[inner.next];
        if (close === undefined) throw menuError(file, text, token.start, "a '{' without its '}'");
        at = inner.next + 1;
        finish({ start: token.end, end: close.start, commands: inner.commands });
      }
    }
    finish();
    return { commands: found, next: at };
  }
}

function* tokenize(text: string, file: string): Generator<Token> {
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    if (char === ' ' || char === '\t' || char === '\r') at++;
    else if (text.startsWith('\\\n', at)) at += 2;
    else if (text.startsWith('\\\r\n', at)) at += 3;
    else if (char === '#') at = endOfLine(text, at);
    else if (char === '{' || char === '}') {
      yield { kind: char === '{' ? 'open' : 'close', start: at, end: at + 1 };
      at++;
    } else if (META.test(char ?? '')) {
      yield { kind: 'end', start: at, end: at + 1 };
      at++;
    } else {
      const word = readWord(text, at, file);
      yield { kind: 'word', ...word };
      at = word.end;
    }
  }
}

const endOfLine = (text: string, at: number): number => {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
};

function readWord(text: string, start: number, file: string): MenuWord {
  let value = '';
  let at = start;
  while (at < text.length && !META.test(text[at] ?? '')) {
    const piece = readPiece(text, at, file);
    value += piece.value;
    at = piece.end;
  }
  return { start, end: at, value };
}

/** One character, one escape, one variable or one quotation. */
function readPiece(text: string, at: number, file: string): { readonly value: string; readonly end: number } {
  switch (text[at]) {
    case "'": {
      const close = text.indexOf("'", at + 1);
      if (close < 0) throw menuError(file, text, at, 'a quote without its partner');
      return { value: text.slice(at + 1, close), end: close + 1 };
    }
    case '"':
      return readDoubleQuoted(text, at, file);
    case '\\':
      return readEscape(text, at);
    case '$': {
      // The braces of ${name} are no block.
      const name = /^\$\{[^}\n]*\}/.exec(text.slice(at, at + 256))?.[0] ?? '$';
      return { value: name, end: at + name.length };
    }
    default:
      return { value: text[at] ?? '', end: at + 1 };
  }
}

function readDoubleQuoted(text: string, start: number, file: string) {
  let value = '';
  for (let at = start + 1; at < text.length; ) {
    if (text[at] === '"') return { value, end: at + 1 };
    // Inside double quotes a backslash only escapes what would mean something there.
    if (text[at] === '\\' && /[$"\\\n]/.test(text[at + 1] ?? '')) {
      value += text[at + 1] === '\n' ? '' : text[at + 1];
      at += 2;
    } else {
      value += text[at];
      at++;
    }
  }
  throw menuError(file, text, start, 'a quote without its partner');
}

/**
 * `\x20` goes through as it stands: the vendors' GRUB does so with two hexadecimal digits, and the kernel's readers
 * know what it means. (GRUB of others drops the backslash.)
 */
function readEscape(text: string, at: number): { readonly value: string; readonly end: number } {
  const hex = /^\\x[0-9a-fA-F]{2}/.exec(text.slice(at, at + 4))?.[0];
  if (hex !== undefined) return { value: hex, end: at + hex.length };
  if (text.startsWith('\\\r\n', at)) return { value: '', end: at + 3 };
  const next = text[at + 1] ?? '';
  return { value: next === '\n' ? '' : next, end: Math.min(at + 2, text.length) };
}
