/**
 * `%ksappend FILE`: before anything else is read, pykickstart puts the file's text in the place of the line, inside
 * scripts too. A file that cannot be read is an error; so is an address, because nothing is fetched here.
 */
import { type SourceText, sourceText, trim } from '../text.ts';

export interface AppendFault {
  /** Index of the line. */
  readonly line: number;
  readonly message: string;
  readonly hint: string;
}

export interface Appended {
  readonly source: SourceText;
  readonly faults: readonly AppendFault[];
}

/** Reads a file named by a kickstart; undefined when there is none. */
export type ReadText = (path: string) => string | undefined;

/** Puts the appended files in; without any, the source itself is returned. */
export function expandAppends(source: SourceText, read: ReadText): Appended {
  if (!source.lines.some(isAppend)) return { source, faults: [] };
  const lines: string[] = [];
  const origins: { readonly source: SourceText; readonly line: number }[] = [];
  const faults: AppendFault[] = [];
  const add = (from: SourceText): void => {
    from.lines.forEach((line, index) => {
      // A file without a final newline runs into the next line.
      const open = lines.length > 0 && !/[\n\r]$/.test(lines.at(-1) ?? '\n');
      if (open) lines[lines.length - 1] += line;
      else {
        lines.push(line);
        origins.push({ source: from, line: index });
      }
    });
  };
  source.lines.forEach((line, index) => {
    if (!isAppend(line)) {
      add({ ...source, lines: [line], place: (_, column) => source.place(index, column) });
      return;
    }
    const found = appended(line, read);
    if ('text' in found) add(sourceText(found.text, found.path));
    else faults.push({ line: index, ...found });
  });
  const place: SourceText['place'] = (index, column) => {
    const origin = origins[index];
    return origin === undefined ? source.place(index, column) : origin.source.place(origin.line, column);
  };
  return { source: { file: source.file, lines, place }, faults };
}

function isAppend(line: string): boolean {
  return line.includes('%ksappend') && trim(line).startsWith('%ksappend');
}

function appended(line: string, read: ReadText): { text: string; path: string } | Omit<AppendFault, 'line'> {
  const path = trim(line).split(' ')[1];
  if (path === undefined) return { message: '%ksappend needs a file', hint: 'write %ksappend FILE' };
  if (path.includes('://')) {
    return {
      message: `'${path}' is not fetched, so this file cannot be judged`,
      hint: 'download it and name the file',
    };
  }
  const text = read(path);
  if (text === undefined) return { message: `'${path}' cannot be read`, hint: 'name a file that exists' };
  return { text, path };
}
