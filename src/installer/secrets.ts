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

/** The text of every file with its passwords starred out. */
export function hideSecretsIn(sources: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...sources].map(([file, text]) => [file, text.split('\n').map(hideSecrets).join('\n')]));
}

/** The same problem without the passwords that its message quotes from its line. */
export function hideSecretsOf(problem: Problem, sources: ReadonlyMap<string, string>): Problem {
  const line = sources.get(problem.file)?.split('\n')[problem.line - 1];
  if (line === undefined) return problem;
  const hidden = hideSecrets(line);
  const secrets = new Set(
    [...line.matchAll(/[^\s'"=]+/g)].flatMap(({ 0: word, index }) =>
      hidden.slice(index, index + word.length) === stars(word) ? [word] : [],
    ),
  );
  const message = [...secrets].reduce(
    (text, secret) => text.replaceAll(`'${secret}'`, "'***'"),
    problem.message,
  );
  return { ...problem, message };
}
