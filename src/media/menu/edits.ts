/** Changing a text at a few places and nowhere else. */
import { InputError } from '../../errors/problem.ts';
import { BLOCK_BEGIN, BLOCK_END, type Span } from './types.ts';

/** Puts `text` in the place of a span; an empty span inserts. */
export interface TextEdit extends Span {
  readonly text: string;
}

/**
 * Applies edits, given in any order; insertions at one place keep theirs.
 * @throws {RangeError} when two of them overlap: our own bug.
 */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const edit of [...edits].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (edit.start < at) throw new RangeError(`two edits overlap at ${edit.start}`);
    parts.push(text.slice(at, edit.start), edit.text);
    at = edit.end;
  }
  return [...parts, text.slice(at)].join('');
}

/** Takes a word out, with the space before it. */
export function withoutWord(text: string, { start, end }: Span): TextEdit {
  const before = /[ \t]*$/.exec(text.slice(0, start))?.[0].length ?? 0;
  return { start: start - before, end, text: '' };
}

/** The text without what an earlier run added. A begin without an end is somebody else's comment. */
export function withoutBlock(text: string): string {
  const begin = lineStarting(text, BLOCK_BEGIN, 0);
  if (begin === undefined) return text;
  const end = lineStarting(text, BLOCK_END, begin);
  if (end === undefined) return text;
  const after = text.indexOf('\n', end);
  return withoutBlock(text.slice(0, begin) + (after < 0 ? '' : text.slice(after + 1)));
}

function lineStarting(text: string, words: string, from: number): number | undefined {
  if (text.startsWith(words, from) && (from === 0 || text[from - 1] === '\n')) return from;
  const found = text.indexOf(`\n${words}`, from);
  return found < 0 ? undefined : found + 1;
}

/** Where the line begins that holds this character. */
export const lineStart = (text: string, at: number): number => text.lastIndexOf('\n', at - 1) + 1;

/** What the lines of a text end in. */
export const lineEnding = (text: string): '\r\n' | '\n' => (/\r\n/.test(text) ? '\r\n' : '\n');

/** A menu that cannot be understood, at a place of its text. */
export function menuError(file: string, text: string, at: number, message: string): InputError {
  const before = text.slice(0, at).split('\n');
  const problem = {
    file,
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    severity: 'error',
    rule: 'boot-menu',
    message,
    hint: 'this boot menu lies on the install medium; take the medium as its vendor made it',
  } as const;
  return new InputError([problem], new Map([[file, text]]));
}
