/**
 * A mistake in something the user wrote, with its place. The one shape for spec, kickstart and lint messages.
 */
export interface Problem {
  readonly file: string;
  /** 1-based; column counts UTF-16 code units from 1. */
  readonly line: number;
  readonly column: number;
  /** How many characters the caret line underlines; at least 1. */
  readonly length?: number;
  readonly severity: 'error' | 'warning';
  /** A stable kebab-case name, for example `duplicate-mac`. */
  readonly rule: string;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** An error that concerns a file as a whole. */
export const fileProblem = (file: string, rule: string, message: string, hint?: string): Problem => ({
  file,
  line: 1,
  column: 1,
  severity: 'error',
  rule,
  message,
  ...(hint === undefined ? {} : { hint }),
});

/** The user's input is wrong: exit code 1, problems printed, no stack trace. */
export class InputError extends Error {
  readonly problems: readonly Problem[];
  /** Source text by file name, for the caret lines. */
  readonly sources: ReadonlyMap<string, string>;

  constructor(problems: readonly Problem[], sources: ReadonlyMap<string, string> = new Map()) {
    super(problems.map((p) => `${p.file}:${p.line}:${p.column}: ${p.message}`).join('\n'));
    this.name = 'InputError';
    this.problems = problems;
    this.sources = sources;
  }
}

/**
 * Prints problems as a compiler does:
 *
 *     cluster.yaml:12:9: error: two nodes are named 'node-a' [duplicate-name]
 *       12 |   - name: node-a
 *          |           ^^^^^^
 *       hint: give each node a name of its own
 */
export function formatProblems(problems: readonly Problem[], sources: ReadonlyMap<string, string>): string {
  // Each source is split once: a file with many problems would else be split for every one of them.
  const lines = new Map<string, readonly string[]>();
  for (const [file, source] of sources) lines.set(file, source.split('\n'));
  return problems.map((problem) => formatProblem(problem, lines.get(problem.file))).join('\n');
}

function formatProblem(problem: Problem, lines: readonly string[] | undefined): string {
  const { file, line, column, severity, message, rule, hint } = problem;
  const out = [`${file}:${line}:${column}: ${severity}: ${message} [${rule}]`];
  const text = lines?.[line - 1]?.replace(/\r$/, '');
  if (text !== undefined) {
    const gutter = ' '.repeat(String(line).length);
    // Tabs are kept in the padding so that the caret stands under its character whatever the tab width.
    const pad = text.slice(0, column - 1).replace(/[^\t]/g, ' ');
    const length = Math.max(1, Math.min(problem.length ?? 1, Math.max(1, text.length - column + 1)));
    out.push(`  ${line} | ${text}`, `  ${gutter} | ${pad}${'^'.repeat(length)}`);
  }
  if (hint !== undefined) out.push(`  hint: ${hint}`);
  return out.join('\n');
}
