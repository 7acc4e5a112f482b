/** Reading YAML that people wrote: every problem with its place, syntax and schema alike. */
import { LineCounter, parseDocument, type YAMLError } from 'yaml';
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
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const source = { text, document, lines };
  const problems = [
    ...document.errors.map((error) => syntaxProblem(file, source, error, 'error')),
    ...document.warnings.map((warning) => syntaxProblem(file, source, warning, 'warning')),
  ];
  if (document.errors.length > 0) return { file, source, value: undefined, problems };
  try {
    return { file, source, value: document.toJS({ maxAliasCount: 100 }), problems };
  } catch (error) {
    // The library refuses aliases that multiply without end ("billion laughs"), and aliases to nothing.
    const message = error instanceof Error ? error.message : String(error);
    return {
      file,
      source,
      value: undefined,
      problems: [...problems, { file, line: 1, column: 1, severity: 'error', rule: 'yaml-syntax', message }],
    };
  }
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
  return { file, ...spanOf(source, error.pos[0], error.pos[1]), severity, ...known };
}
