/**
 * `realm join`: the one command whose arguments are read from the raw line, without comments and by getopt instead
 * of argparse. Blanks before the command shift what is read, exactly as they do in pykickstart.
 */
import type { Check, Finding } from '../spec.ts';
import { trim } from '../text.ts';
import { splitWords } from '../words.ts';

/** A trailing `=` says that the option takes a value. */
const JOIN_OPTIONS = [
  'client-software=',
  'server-software=',
  'membership-software=',
  'one-time-password=',
  'no-password',
  'computer-ou=',
];

export const realmJoin: Check = (line) => {
  const { tokens, unclosed } = splitWords(trim(line.raw.slice('realm'.length)), false);
  if (unclosed !== undefined) return invalid('a quote is not closed');
  const [command, ...words] = tokens.map((token) => token.text);
  if (command === undefined) return invalid('the realm command is missing');
  if (command !== 'join') return invalid(`'${command}' is not 'join'`);
  if (line.repeated) return { rule: 'duplicate', message: 'only one realm can be joined' };
  return joinFault(words);
};

function joinFault(words: readonly string[]): Finding | undefined {
  const rest = [...words];
  while (rest[0]?.startsWith('-') === true && rest[0] !== '-') {
    const word = rest.shift() ?? '';
    if (word === '--') break;
    if (!word.startsWith('--')) return invalid(`'${word}' is no option of realm join`);
    const [name = '', ...value] = word.slice(2).split('=');
    const option = longOption(name);
    if (option === undefined) return invalid(`'--${name}' is no option of realm join, or ambiguous`);
    if (!option.endsWith('=') && value.length > 0) return invalid(`'--${name}' takes no value`);
    if (option.endsWith('=') && value.length === 0 && rest.shift() === undefined) {
      return invalid(`'--${name}' needs a value`);
    }
  }
  return rest.length === 1 ? undefined : invalid('exactly one realm must be named');
}

/** The option that the name abbreviates; undefined when there is none or more than one. */
function longOption(name: string): string | undefined {
  const candidates = JOIN_OPTIONS.filter((option) => option.startsWith(name));
  const exact = candidates.find((option) => option === name || option === `${name}=`);
  return exact ?? (candidates.length === 1 ? candidates[0] : undefined);
}

function invalid(message: string): Finding {
  return { rule: 'invalid-value', message, hint: 'write realm join [OPTIONS] REALM' };
}
