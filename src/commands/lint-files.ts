/** The work of `slipway lint`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, type Exec } from '../engine/command.ts';
import { MissingError } from '../errors/exit.ts';
import { formatProblems, InputError } from '../errors/problem.ts';
import { withTempDir } from '../host/atomic.ts';
import { createExec } from '../host/exec.ts';
import { interruption } from '../host/signals.ts';
import { type LintedFile, lint } from '../kickstart/lint/lint.ts';
import {
  parseShellcheck,
  shellcheckArguments,
  shellProblems,
  shellScripts,
} from '../kickstart/lint/shell.ts';
import type { LintProblem } from '../kickstart/lint/types.ts';
import { withoutSecrets } from '../kickstart/secrets.ts';
import type { KickstartRelease } from '../kickstart/types.ts';

export interface LintCommandOptions {
  readonly for: KickstartRelease;
  readonly disks?: readonly number[];
  readonly shell: 'auto' | 'always' | 'never';
  readonly json?: boolean;
}

/** shellcheck takes a good part of a second for a file; beyond this many it has to be asked for. */
const SHELLCHECK_FILES = 20;
const SHELLCHECK_TIMEOUT_MS = 30_000;

/** Prints all problems; rejects with an {@link InputError} that has nothing to add when one of them is an error. */
export async function lintFiles(files: readonly string[], options: LintCommandOptions): Promise<void> {
  const { disks } = options;
  const linted = await lint(files, {
    release: options.for,
    ...(disks === undefined ? {} : { disksMiB: disks }),
  });
  const complete = (await withShell(linted, options.shell)).map(hidePasswords);
  if (options.json === true) printJson(complete.flatMap(({ problems }) => problems));
  else for (const file of complete) printText(file);
  const failed = complete.some(({ problems }) => problems.some(({ severity }) => severity === 'error'));
  if (failed) throw new InputError([]);
}

/** The file as its problems may show it: a caret line in a terminal's history or in a log of CI tells no password. */
function hidePasswords(linted: LintedFile): LintedFile {
  const { problems, sources } = withoutSecrets(linted.problems, new Map([[linted.file, linted.text]]));
  return { ...linted, problems, text: sources.get(linted.file) ?? '' };
}

async function withShell(
  linted: readonly LintedFile[],
  when: LintCommandOptions['shell'],
): Promise<readonly LintedFile[]> {
  if (when === 'never' || (when === 'auto' && linted.length > SHELLCHECK_FILES)) return linted;
  const exec = createExec({ signal: interruption() });
  const complete: LintedFile[] = [];
  for (const file of linted) {
    try {
      const found = await shellcheck(file, exec);
      complete.push({ ...file, problems: [...file.problems, ...found].sort(byPlace) });
    } catch (error) {
      if (!(error instanceof CommandError) || error.reason === 'aborted') throw error;
      if (error.reason === 'not-found' && when === 'auto') return linted;
      if (error.reason === 'not-found') throw new MissingError(error.message, 'apt-get install shellcheck');
      process.stderr.write(`slipway: the scripts of ${file.file} are not checked: ${error.message}\n`);
      complete.push(file);
    }
  }
  return complete;
}

/** One call of shellcheck over all shell scripts of a kickstart. */
async function shellcheck(file: LintedFile, exec: Exec): Promise<readonly LintProblem[]> {
  const scripts = shellScripts(file.document);
  if (scripts.length === 0) return [];
  return withTempDir(async (folder) => {
    const paths = scripts.map((_, index) => join(folder, `${index}.sh`));
    await Promise.all(scripts.map(({ text }, index) => writeFile(paths[index] ?? '', text, { mode: 0o600 })));
    const { stdout } = await exec({
      file: 'shellcheck',
      args: shellcheckArguments(paths),
      effect: 'read',
      timeoutMs: SHELLCHECK_TIMEOUT_MS,
      // 1 says that there are comments.
      accept: [0, 1],
    });
    const comments = parseShellcheck(stdout);
    return scripts.flatMap((script, index) =>
      shellProblems(
        comments.filter((comment) => comment.file === paths[index]),
        script,
      ),
    );
  });
}

/** Problems written at once: a large file can have more of them than one string can hold. */
const CHUNK = 1000;

function printJson(problems: readonly LintProblem[]): void {
  if (problems.length === 0) {
    process.stdout.write('[]\n');
    return;
  }
  for (let from = 0; from < problems.length; from += CHUNK) {
    const entries = problems
      .slice(from, from + CHUNK)
      .map((problem) => `  ${JSON.stringify(jsonEntry(problem))}`);
    process.stdout.write(`${from === 0 ? '[' : ','}\n${entries.join(',\n')}`);
  }
  process.stdout.write('\n]\n');
}

/** The documented keys in the documented order. */
function jsonEntry({ file, line, column, severity, class: ruleClass, rule, message, hint }: LintProblem) {
  return { file, line, column, severity, class: ruleClass, rule, message, hint };
}

function printText({ file, text, problems }: LintedFile): void {
  if (problems.length === 0) return;
  process.stdout.write(`${formatProblems(problems, new Map(text === '' ? [] : [[file, text]]))}\n`);
}

function byPlace(a: LintProblem, b: LintProblem): number {
  return a.line - b.line || a.column - b.column;
}
