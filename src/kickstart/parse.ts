/**
 * Reads a kickstart: commands, sections, includes, in the order of the file. The reader recovers from every fault
 * and reports all of them; where pykickstart gives up at the first, this goes on.
 */
import { packageLineFault } from './packages.ts';
import { Session } from './session.ts';
import { type ReleaseTable, tableFor } from './table.ts';
import { BREAK_AT_END, indent, type SourceText, sourceText, splitBlank } from './text.ts';
import type {
  Item,
  KickstartRelease,
  ParseKickstart,
  ParseResult,
  Section,
  SectionName,
  Word,
} from './types.ts';
import { splitWords, type Token } from './words.ts';

/** Reads one kickstart by the table of a release. Never throws; linear in the length of the text. */
export const parseKickstart: ParseKickstart = (text, file, release) =>
  parseSource(sourceText(text, file), release);

/** As {@link parseKickstart} for a text that is already in lines. */
export function parseSource(source: SourceText, release: KickstartRelease): ParseResult {
  return new Reader(source, tableFor(release)).read();
}

/** A file of ASCII blanks alone is empty; pykickstart looks at bytes there, and at characters elsewhere. */
const NOT_ASCII_BLANK = /[^\t-\r ]/;

class Reader {
  private readonly source: SourceText;
  private readonly table: ReleaseTable;
  private readonly session: Session;
  private readonly items: Item[] = [];

  constructor(source: SourceText, table: ReleaseTable) {
    this.source = source;
    this.table = table;
    this.session = new Session(table);
  }

  read(): ParseResult {
    const { lines, file } = this.source;
    let blank = true;
    for (let at = 0; at < lines.length; ) {
      const line = lines[at] ?? '';
      const first = indent(line);
      if (first < line.length || NOT_ASCII_BLANK.test(line)) blank = false;
      at = first >= line.length || line.charAt(first) === '#' ? at + 1 : this.readLine(line, at);
    }
    if (blank) this.session.fault('empty-file', 'the file is empty', { file, line: 1, column: 1 });
    const { problems } = this.session;
    return { document: { file, release: this.table.release, items: this.items }, problems };
  }

  /** Reads what starts on this line and returns the index of the line behind it. */
  private readLine(line: string, at: number): number {
    const { tokens, unclosed } = splitWords(line);
    if (unclosed !== undefined) {
      this.unclosed(at, unclosed);
      return at + 1;
    }
    const words = this.wordsOf(line, tokens, at);
    const name = words.shift();
    if (name === undefined) return at + 1;
    if (name.text === '%include' || name.text === '%ksappend') {
      this.readInclude(name.text === '%include' ? 'include' : 'ksappend', name, words);
      return at + 1;
    }
    if (name.text.startsWith('%')) return this.readSection(name, words, line, at);
    this.items.push(this.session.command(name, words, line));
    return at + 1;
  }

  private readInclude(kind: 'include' | 'ksappend', name: Word, words: readonly Word[]): void {
    const [target] = words;
    const { file, line, column } = name;
    if (target !== undefined && target.text !== '') this.items.push({ kind, file, line, column, target });
    else this.session.fault('bad-include', `${name.text} needs a file`, name, `write ${name.text} FILE`);
  }

  private readSection(name: Word, words: readonly Word[], line: string, at: number): number {
    const section = sectionName(name.text);
    const known = section === undefined ? undefined : this.table.sections.get(section);
    if (section === undefined || known === undefined) {
      this.session.fault('unknown-section', `'${name.text}' is no section`, name, 'leave it out');
      return name.text === '%end' ? at + 1 : this.skipSection(at + 1);
    }
    const header = this.session.header(known, name, words, line);
    const end = this.readBody(name, section, at + 1);
    const body = this.bodyText(at + 1, end.body);
    if (section === 'certificate' && body.trim() === '') {
      this.session.fault(
        'empty-section',
        'the certificate is empty',
        name,
        'put its text between header and %end',
      );
    }
    const bodyLine = this.source.place(at + 1, 0).line;
    const place = { file: name.file, line: name.line, column: name.column };
    const item: Section = { kind: 'section', ...place, name: section, ...header, body, bodyLine };
    this.items.push(item);
    return end.next;
  }

  /** Walks to the end of a section: where its body ends, and where reading goes on. */
  private readBody(
    header: Word,
    section: SectionName,
    from: number,
  ): { readonly body: number; readonly next: number } {
    const { lines } = this.source;
    for (let at = from; at < lines.length; at++) {
      const line = lines[at] ?? '';
      const first = indent(line);
      const mark = line.charAt(first);
      if (mark === '%') {
        const word = splitBlank(line)[0] ?? '';
        if (word === '%end' && this.isEnd(line, at)) return { body: at, next: at + 1 };
        if (word === '%include') this.checkInnerInclude(line, at);
        if (word === '%end' || word === '%include') continue;
        if (sectionName(word) !== undefined) {
          this.missingEnd(header);
          return { body: at, next: at };
        }
      }
      if (section === 'packages' && mark !== '' && mark !== '#') this.checkPackageLine(line, first, at);
    }
    this.missingEnd(header);
    return { body: lines.length, next: lines.length };
  }

  private isEnd(line: string, at: number): boolean {
    const { tokens, unclosed } = splitWords(line, false);
    if (unclosed !== undefined) this.unclosed(at, unclosed);
    return unclosed !== undefined || tokens[0]?.text === '%end';
  }

  private checkInnerInclude(line: string, at: number): void {
    const { tokens, unclosed } = splitWords(line, false);
    if (unclosed !== undefined) this.unclosed(at, unclosed);
    else if (tokens[0]?.text === '%include' && (tokens[1]?.text ?? '') === '') {
      this.session.fault(
        'bad-include',
        '%include needs a file',
        this.source.place(at, indent(line)),
        'write %include FILE',
      );
    }
  }

  private checkPackageLine(line: string, first: number, at: number): void {
    const fault = packageLineFault(line);
    if (fault !== undefined) this.session.fault('bad-package-line', fault, this.source.place(at, first));
  }

  private missingEnd(header: Word): void {
    this.session.fault(
      'missing-end',
      `${header.text} does not end with %end`,
      header,
      'close it with a line %end',
    );
  }

  /** Behind a section nobody knows: on to its %end, or to the next section. */
  private skipSection(from: number): number {
    const { lines } = this.source;
    for (let at = from; at < lines.length; at++) {
      const word = splitBlank(lines[at] ?? '')[0] ?? '';
      if (word === '%end') return at + 1;
      if (sectionName(word) !== undefined) return at;
    }
    return lines.length;
  }

  private bodyText(from: number, to: number): string {
    const body = this.source.lines.slice(from, to).join('');
    return body.replace(/(\r\n|\n|\r)$/, '');
  }

  private unclosed(at: number, { what, at: column }: { what: 'quote' | 'escape'; at: number }): void {
    const place = this.source.place(at, column);
    if (what === 'quote')
      this.session.fault('unclosed-quote', 'the quote is not closed', place, 'close it on the same line');
    else
      this.session.fault(
        'unclosed-quote',
        'nothing follows the backslash',
        place,
        'a line cannot be continued',
      );
  }

  private wordsOf(line: string, tokens: readonly Token[], at: number): Word[] {
    const { file, line: number, column } = this.source.place(at, 0);
    return tokens.map(({ text, start, end }) => {
      // Quotes and escapes make the written word longer; without any it is the same string.
      const raw = end - start === text.length ? text : writtenWord(line.slice(start, end));
      return { file, line: number, column: column + start, text, raw };
    });
  }
}

/** Without the end of the line, which a backslash can make part of a word. */
function writtenWord(raw: string): string {
  return BREAK_AT_END.test(raw) ? raw.slice(0, -1) : raw;
}

const SECTION_NAMES: ReadonlyMap<string, SectionName> = new Map(
  (
    [
      'pre',
      'pre-install',
      'post',
      'onerror',
      'traceback',
      'packages',
      'addon',
      'certificate',
      'anaconda',
    ] as const
  ).map((name) => [`%${name}`, name]),
);

function sectionName(word: string): SectionName | undefined {
  return SECTION_NAMES.get(word);
}
