/** The shell scripts in a kickstart, and what shellcheck says about them. Starts nothing itself. */
import type { KickstartDocument, Section, SectionName } from '../types.ts';
import type { LintProblem } from './types.ts';

/** A script of a kickstart, ready for shellcheck. */
export interface ShellScript {
  readonly section: Section;
  /** The body below a line that names the dialect to shellcheck. */
  readonly text: string;
}

const SCRIPTS: readonly SectionName[] = ['pre', 'pre-install', 'post', 'onerror', 'traceback'];
const SHELLS = /(?:^|\/)(bash|dash|ksh|sh)$/;
/** Lines that {@link ShellScript.text} has above the body. */
const LINES_ABOVE = 1;

/** Whether a section's script is for a Bourne shell. */
export function isShell(section: Section): boolean {
  return shellOf(section) !== undefined;
}

/** `bash`, `dash`, `ksh` or `sh`; undefined for other interpreters. Without --interpreter it is /bin/sh. */
function shellOf(section: Section): string | undefined {
  const interpreter = section.options.get('--interpreter')?.at(-1)?.value?.text ?? '/bin/sh';
  return SHELLS.exec(interpreter.trim().split(/\s/, 1)[0] ?? '')?.[1];
}

/** The shell scripts of a document, empty ones left out. */
export function shellScripts(document: KickstartDocument): readonly ShellScript[] {
  // /bin/sh is bash for Red Hat and dash for Debian, which our own installer is made of.
  const dialects: Readonly<Record<string, string>> = {
    sh: document.release === 'embedded' ? 'dash' : 'bash',
  };
  return document.items
    .filter((item) => item.kind === 'section')
    .filter((section) => SCRIPTS.includes(section.name) && section.body.trim() !== '')
    .flatMap((section) => {
      const shell = shellOf(section);
      if (shell === undefined) return [];
      return [{ section, text: `# shellcheck shell=${dialects[shell] ?? shell}\n${section.body}\n` }];
    });
}

/**
 * Arguments for shellcheck over script files. Left out: rules about what a kickstart does on purpose (SC2148 no
 * shebang, SC1091 files that are not here, SC2154 variables that come from elsewhere).
 */
export function shellcheckArguments(files: readonly string[]): readonly string[] {
  return ['--format=json1', '--severity=warning', '--exclude=SC1091,SC2148,SC2154', '--', ...files];
}

/** Translates what shellcheck says about one script to places in the kickstart. */
export function shellProblems(
  comments: readonly ShellComment[],
  { section }: ShellScript,
): readonly LintProblem[] {
  return comments.map(({ line, column, level, code, message }) => ({
    file: section.file,
    line: Math.max(section.bodyLine, section.bodyLine + line - 1 - LINES_ABOVE),
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
