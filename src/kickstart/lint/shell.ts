/** The shell scripts in a kickstart, and what shellcheck says about them. Starts nothing itself. */
import type { KickstartDocument, Section, SectionName } from '../types.ts';
import type { LintProblem } from './types.ts';

/** A script of a kickstart, ready for shellcheck. */
export interface ShellScript {
  readonly section: Section;
  readonly text: string;
}

const SCRIPTS: readonly SectionName[] = ['pre', 'pre-install', 'post', 'onerror', 'traceback'];
const SHELLS = /(^|\/)(ba|da|k)?sh$/;

/** Whether a section's script is for a Bourne shell; the default interpreter is /bin/sh, which is bash here. */
export function isShell(section: Section): boolean {
  const interpreter = section.options.get('--interpreter')?.at(-1)?.value?.text ?? '/bin/sh';
  return SHELLS.test(interpreter.trim().split(/\s/, 1)[0] ?? '');
}

/** The shell scripts of a document, empty ones left out. */
export function shellScripts(document: KickstartDocument): readonly ShellScript[] {
  return document.items
    .filter((item) => item.kind === 'section')
    .filter((section) => SCRIPTS.includes(section.name) && isShell(section) && section.body.trim() !== '')
    .map((section) => ({ section, text: `${section.body}\n` }));
}

/**
 * Arguments for shellcheck over script files. Left out: rules about what a kickstart does on purpose (SC2148 no
 * shebang, SC1091 files that are not here, SC2154 variables that come from elsewhere).
 */
export function shellcheckArguments(files: readonly string[]): readonly string[] {
  return [
    '--format=json1',
    '--severity=warning',
    '--shell=bash',
    '--exclude=SC1091,SC2148,SC2154',
    '--',
    ...files,
  ];
}

/**
 * Translates shellcheck's json1 output, given for one script, to places in the kickstart. An output that is not
 * what shellcheck prints gives an empty list.
 */
export function shellProblems(
  comments: readonly ShellComment[],
  { section }: ShellScript,
): readonly LintProblem[] {
  return comments.map(({ line, column, level, code, message }) => ({
    file: section.file,
    line: section.bodyLine + line - 1,
    column,
    severity: level === 'error' ? 'error' : 'warning',
    class: 'practice',
    rule: 'shell',
    message: `${message.replaceAll('\n', ' ')} (SC${code})`,
    hint: `https://www.shellcheck.net/wiki/SC${code}`,
  }));
}

export interface ShellComment {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly level: string;
  readonly code: number;
  readonly message: string;
}

/** The comments in shellcheck's json1 output; empty when it is not that. */
export function parseShellcheck(output: string): readonly ShellComment[] {
  try {
    const parsed: { readonly comments?: readonly ShellComment[] } = JSON.parse(output);
    return Array.isArray(parsed.comments) ? parsed.comments : [];
  } catch {
    return [];
  }
}
