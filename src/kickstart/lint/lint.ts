/** The linter: what is wrong with a kickstart, by the language and by experience. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileProblem, type Problem } from '../../errors/problem.ts';
import { parseSource } from '../parse.ts';
import { sourceText } from '../text.ts';
import type { KickstartDocument } from '../types.ts';
import { expandAppends, type ReadText } from './append.ts';
import { PRACTICE_RULES, remedyOf } from './catalogue.ts';
import { storageView } from './storage.ts';
import type { LintOptions, LintProblem, LintView, PracticeRule, RuleClass } from './types.ts';

export interface LintedFile {
  readonly file: string;
  readonly text: string;
  readonly document: KickstartDocument;
  /** By line and column. */
  readonly problems: readonly LintProblem[];
}

/** Lints one text. `read` serves `%ksappend`; without it, such a line is an error. Never throws; linear. */
export function lintText(
  text: string,
  file: string,
  options: LintOptions,
  read: ReadText = () => undefined,
): LintedFile {
  const { source, faults } = expandAppends(sourceText(text, file), read);
  const { document, problems } = parseSource(source, options.release);
  const unreadable = faults.map(({ line, message, hint }): Problem => {
    return {
      ...sourceText(text, file).place(line, 0),
      severity: 'error',
      rule: 'unreadable-append',
      message,
      hint,
    };
  });
  const language = [...unreadable, ...problems].map((problem) => classed(problem, 'language'));
  const view: LintView = { document, storage: storageView(document), options };
  const practice = PRACTICE_RULES.flatMap((rule) => practiceProblems(rule, view));
  return { file, text, document, problems: [...language, ...practice].sort(byPlace) };
}

/** Lints files. One that cannot be read, or is not UTF-8, is a problem and not a failure. */
export async function lint(files: readonly string[], options: LintOptions): Promise<readonly LintedFile[]> {
  const linted: LintedFile[] = [];
  // One after the other: the work is in the processor, and a thousand open files help nobody.
  for (const file of files) linted.push(await lintFile(file, options));
  return linted;
}

async function lintFile(file: string, options: LintOptions): Promise<LintedFile> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => error);
  if (bytes instanceof Error) return unreadableFile(file, bytes, options);
  const text = bytes.toString('utf8');
  const linted = lintText(text, file, options, readUtf8);
  const wrong = firstInvalid(bytes);
  if (wrong === undefined) return linted;
  const message = 'the file is not encoded in UTF-8';
  const problem = classed(
    { file, ...placeAt(text, wrong), severity: 'error', rule: 'not-utf8', message },
    'language',
  );
  return { ...linted, problems: [...linted.problems, problem].sort(byPlace) };
}

function unreadableFile(file: string, error: NodeJS.ErrnoException, options: LintOptions): LintedFile {
  const why =
    error.code === 'ENOENT'
      ? 'there is no such file'
      : error.code === 'EISDIR'
        ? 'this is a folder'
        : error.message;
  const problem = fileProblem(file, 'unreadable-file', why);
  const document: KickstartDocument = { file, release: options.release, items: [] };
  return { file, text: '', document, problems: [classed(problem, 'language')] };
}

function readUtf8(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Index in the decoded text of the first byte sequence that is not UTF-8; undefined when all is well. */
function firstInvalid(bytes: Buffer): number | undefined {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return undefined;
  } catch {
    return Math.max(0, bytes.toString('utf8').indexOf('\ufffd'));
  }
}

function placeAt(text: string, index: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, index).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

function practiceProblems(rule: PracticeRule, view: LintView): readonly LintProblem[] {
  return rule.check(view).map(({ at, message, hint }) => {
    const length = 'raw' in at ? { length: Math.max(1, at.raw.length) } : {};
    const { file, line, column } = at;
    const { severity, name } = rule;
    const own = hint === undefined ? {} : { hint };
    return classed({ file, line, column, ...length, severity, rule: name, message, ...own }, 'practice');
  });
}

function classed(problem: Problem, ruleClass: RuleClass): LintProblem {
  const { file, line, column, length = 1, severity, rule, message, hint = remedyOf(rule) } = problem;
  return { file, line, column, length, severity, class: ruleClass, rule, message, hint };
}

function byPlace(a: Problem, b: Problem): number {
  return a.line - b.line || a.column - b.column;
}
