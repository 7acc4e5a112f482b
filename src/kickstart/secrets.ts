/** Passwords in a kickstart's text: starred out before anything is shown or kept in a log. Pure. */
import type { Problem } from '../errors/problem.ts';

/** Commands whose bare words are passwords. */
const COMMAND = /^(\s*(?:rootpw|sshpw)\s)(.*)$/;
/** Options whose value is one, in the unambiguous abbreviations Python's argparse takes as well. */
const OPTION =
  /(--(?:pass\w*|backuppass\w*|wpakey|wepkey|activation-key)(?:=|\s+))("(?:[^"\\]|\\.)*"|'[^']*'|[^\s'"]+)/g;
/** `//user:password@` in an address. */
const ADDRESS = /(\/\/)([^\s/@'"]+)(?=@)/g;
const WORD = /"(?:[^"\\]|\\.)*"|'[^']*'|\S+/g;

/** A line of a kickstart with as many stars as a password has characters, so that columns stay what they are. */
export function hideSecrets(line: string): string {
  const options = line
    .replace(OPTION, (_, before: string, secret: string) => before + stars(secret))
    .replace(ADDRESS, (_, before: string, secret: string) => before + stars(secret));
  const [, command, words] = COMMAND.exec(options) ?? [];
  if (command === undefined || words === undefined) return options;
  return command + words.replace(WORD, (word) => (word.startsWith('--') ? word : stars(word)));
}

const stars = (secret: string): string => '*'.repeat(secret.length);

/**
 * Problems and the sources of their caret lines without the passwords in either. Only lines with a problem are looked
 * at: a file can be long.
 */
export function withoutSecrets<P extends Problem>(
  problems: readonly P[],
  sources: ReadonlyMap<string, string>,
): { readonly problems: readonly P[]; readonly sources: ReadonlyMap<string, string> } {
  const files = new Map<string, { readonly lines: readonly string[]; shown?: string[] }>();
  for (const [file, text] of problems.length === 0 ? [] : sources)
    files.set(file, { lines: text.split('\n') });
  const clean = problems.map((problem) => {
    const file = files.get(problem.file);
    const line = file?.lines[problem.line - 1];
    if (file === undefined || line === undefined) return problem;
    const hidden = hideSecrets(line);
    if (hidden === line) return problem;
    file.shown ??= file.lines.slice();
    file.shown[problem.line - 1] = hidden;
    return { ...problem, message: withoutWords(problem.message, line, hidden) };
  });
  const shown = [...sources].map(
    ([file, text]) => [file, files.get(file)?.shown?.join('\n') ?? text] as const,
  );
  return { problems: clean, sources: new Map(shown) };
}

/** A message without the words of a line that are stars in its hidden form. */
function withoutWords(message: string, line: string, hidden: string): string {
  const secrets = [...line.matchAll(/[^\s'"=]+/g)].flatMap(({ 0: word, index }) =>
    hidden.slice(index, index + word.length) === stars(word) ? [word] : [],
  );
  return secrets.reduce((text, secret) => text.replaceAll(`'${secret}'`, "'***'"), message);
}
