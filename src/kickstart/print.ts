/** Writes a kickstart document as text. Comments and blank lines are not part of a document and are not written. */
import { BREAK_AT_END } from './text.ts';
import type { CommandLine, Item, KickstartDocument, Section } from './types.ts';

/** Nothing a reader of words would look at twice. */
const PLAIN_WORD = /^[\w@%+=:,./~!?*()[\]{}<>|&;$^-]+$/;
/** The text of a document: reading it again gives the same commands, words, options, bodies and includes. */
export function printKickstart(document: KickstartDocument): string {
  return document.items.map(printItem).join('');
}

function printItem(item: Item): string {
  switch (item.kind) {
    case 'command':
      return printLine(commandWords(item));
    case 'section':
      return printSection(item);
    default:
      return printLine([`%${item.kind}`, item.target.text]);
  }
}

function commandWords(line: CommandLine): readonly string[] {
  return [line.name, ...line.words.map(({ text }) => text)];
}

function printSection(section: Section): string {
  const options = [...section.options].flatMap(([name, values]) =>
    values.map(({ value }) => (value === undefined ? name : `${name}=${value.text}`)),
  );
  const words = [...options, ...section.positionals.map(({ text }) => text)];
  // Only the last word of a line can hold the end of the line.
  const ordered = [
    ...words.filter((word) => !BREAK_AT_END.test(word)),
    ...words.filter((word) => BREAK_AT_END.test(word)),
  ];
  const { body } = section;
  const lines = body === '' ? '' : `${body}${body.endsWith('\r') ? '\r\n' : '\n'}`;
  return `${printLine([`%${section.name}`, ...ordered])}${lines}%end\n`;
}

function printLine(words: readonly string[]): string {
  const line = words.map(quoteWord).join(' ');
  // A word that holds the end of the line ends it; behind a \r the \n is part of the same end.
  return BREAK_AT_END.test(line) && !line.endsWith('\r') ? line : `${line}\n`;
}

/** Quotes a word so that it is read as it is. A line break in it can only be its end, and the line's. */
function quoteWord(word: string): string {
  if (PLAIN_WORD.test(word)) return word;
  const end = BREAK_AT_END.exec(word)?.[0];
  if (end === undefined) return `'${word.replaceAll("'", `'"'"'`)}'`;
  const start = word.slice(0, -1);
  return `${start === '' ? '' : quoteWord(start)}\\${end}`;
}
