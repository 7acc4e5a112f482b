/** Reading YAML that people wrote: every problem with its place, syntax and schema alike. */
import { parseDocument, visit, type YAMLError } from 'yaml';
import type * as z from 'zod';
import type { Problem } from '../errors/problem.ts';
import type { Finding } from './finding.ts';
import { findingsOf } from './issues.ts';
import { locate, spanOf, type YamlSource } from './locate.ts';

export interface YamlFile {
  /** As shown to the user. */
  readonly file: string;
  readonly source: YamlSource;
  /** Plain data; undefined when the syntax is broken. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
}

/** Parses the text; never throws for any. */
export function parseYaml(text: string, file: string): YamlFile {
  const document = parseDocument(text, { prettyErrors: false });
  const source = { text, document };
  const problems = [
    ...onePerLine(document.errors.map((error) => syntaxProblem(file, source, error, 'error'))),
    ...document.warnings.map((warning) => syntaxProblem(file, source, warning, 'warning')),
    ...aliasProblems(file, source),
  ];
  // A key that stands twice is wrong, but leaves the rest readable.
  const fatal = problems.some(({ severity, rule }) => severity === 'error' && rule !== 'duplicate-key');
  if (fatal) return { file, source, value: undefined, problems };
  try {
    return { file, source, value: document.toJS({ maxAliasCount: 100 }), problems };
  } catch (error) {
    // The library refuses aliases that multiply without end ("billion laughs").
    if (!(error instanceof ReferenceError)) throw error;
    const message = 'aliases repeat each other more than 100 times';
    const problem = { file, line: 1, column: 1, severity: 'error', rule: 'yaml-syntax', message } as const;
    return { file, source, value: undefined, problems: [...problems, problem] };
  }
}

/** Aliases (`*name`) whose anchor (`&name`) is nowhere before them. */
function aliasProblems(file: string, source: YamlSource): readonly Problem[] {
  const problems: Problem[] = [];
  visit(source.document, {
    Alias(_key, alias) {
      if (alias.resolve(source.document) !== undefined) return;
      const [start = 0, end = 0] = alias.range ?? [];
      const message = `there is no anchor '&${alias.source}' before this alias`;
      problems.push({ file, ...spanOf(source, start, end), severity: 'error', rule: 'yaml-syntax', message });
    },
  });
  return problems;
}

/** The parser's second complaint about a line is mostly an echo of its first. */
function onePerLine(problems: readonly Problem[]): readonly Problem[] {
  return problems.filter(({ line }, i) => problems.findIndex((other) => other.line === line) === i);
}

/** What a schema makes of the data, or what it refuses. */
export type SchemaResult<T> =
  | { readonly ok: true; readonly data: T; readonly findings: readonly Finding[] }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * Checks data against a schema. Unknown keys alone do not stop the reading: they are reported and left out, so that
 * the rules still see the rest and the user sees all problems at once.
 */
export function applySchema<S extends z.ZodType>(schema: S, value: unknown): SchemaResult<z.output<S>> {
  const first = schema.safeParse(value, { reportInput: true });
  if (first.success) return { ok: true, data: first.data, findings: [] };
  const findings = findingsOf(first.error.issues, schema);
  const unknown = findings.filter(({ rule }) => rule === 'unknown-key').map(({ path }) => path.join('\0'));
  if (unknown.length < findings.length) return { ok: false, findings };
  const second = schema.safeParse(without(value, new Set(unknown)));
  return second.success ? { ok: true, data: second.data, findings } : { ok: false, findings };
}

/** A copy of plain data without the members at the given paths (joined by NUL). */
function without(value: unknown, paths: ReadonlySet<string>, at: readonly (string | number)[] = []): unknown {
  if (Array.isArray(value)) return value.map((item, i) => without(item, paths, [...at, i]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !paths.has([...at, key].join('\0')))
      .map(([key, member]) => [key, without(member, paths, [...at, key])]),
  );
}

/** Gives a finding its place. */
export function problemOf({ file, source }: Pick<YamlFile, 'file' | 'source'>, finding: Finding): Problem {
  const { severity = 'error', rule, message, hint } = finding;
  return {
    file,
    ...locate(source, finding),
    severity,
    rule,
    message,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** In the order of the file. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** The library's messages where they help, ours where they speak of its insides. */
const SYNTAX: Readonly<Partial<Record<YAMLError['code'], { rule: string; message: string; hint: string }>>> =
  {
    TAB_AS_INDENT: { rule: 'yaml-tab', message: 'a tab where YAML wants spaces', hint: 'indent with spaces' },
    DUPLICATE_KEY: {
      rule: 'duplicate-key',
      message: 'this key stands here twice',
      hint: 'keep one: YAML would silently drop the other',
    },
    MULTIPLE_DOCS: {
      rule: 'yaml-syntax',
      message: 'a second YAML document begins here',
      hint: 'keep one document in the file',
    },
  };

function syntaxProblem(
  file: string,
  source: YamlSource,
  error: YAMLError,
  severity: Problem['severity'],
): Problem {
  const known = SYNTAX[error.code] ?? { rule: 'yaml-syntax', message: error.message };
  const [start, end] = error.pos;
  // The library marks the first character of a repeated key.
  const length =
    error.code === 'DUPLICATE_KEY'
      ? (/^[^\s:]+/.exec(source.text.slice(start))?.[0].length ?? 1)
      : end - start;
  return { file, ...spanOf(source, start, start + length), severity, ...known };
}
