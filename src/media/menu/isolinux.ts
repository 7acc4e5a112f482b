/**
 * isolinux's configuration, line by line: keywords in any case, words without quotes, `#` only at the beginning of a
 * line (syslinux 6, core/readconfig.c and doc/menu.txt).
 */
import { menuError } from './edits.ts';
import type { Menu, MenuEntry, MenuWord, Span } from './types.ts';

/** A line that says something. The span is the whole line with its line end. */
export interface IsolinuxLine extends Span {
  /** In lower case; with `menu` the word behind it, too: `menu default`. */
  readonly keyword: string;
  /** The words behind the keyword. */
  readonly words: readonly MenuWord[];
  /** Those words as one text, spaces kept. */
  readonly rest: string;
}

/** What stands between one `label` and the next. */
export interface IsolinuxLabel extends Span {
  readonly name: string;
  readonly lines: readonly IsolinuxLine[];
  readonly submenus: readonly string[];
}

export interface IsolinuxConfig {
  readonly lines: readonly IsolinuxLine[];
  readonly labels: readonly IsolinuxLabel[];
  /** Lines of the main menu that belong to no label. */
  readonly globals: readonly IsolinuxLine[];
}

/** @throws {InputError} for a menu that is begun and not ended, or the other way round; `file` is named there. */
export function readIsolinuxMenu(text: string, file: string): Menu {
  const config = parseIsolinux(text, file);
  const inherited = lastOf(config.globals, 'append');
  const entries = config.labels.map((label) => entryOf(label, inherited));
  const marked = config.labels.findLast(({ lines }) => lastOf(lines, 'menu default') !== undefined);
  const named =
    marked?.name ?? lastOf(config.globals, 'ontimeout')?.rest ?? lastOf(config.globals, 'default')?.rest;
  const timeout = Number(lastOf(config.globals, 'timeout')?.rest ?? 0);
  return {
    syntax: 'isolinux',
    entries,
    defaultEntry:
      entries.find(({ id }) => id === named) ?? entries.find(({ submenus }) => submenus.length === 0),
    timeoutSeconds: timeout > 0 ? timeout / 10 : undefined,
  };
}

export const lastOf = (lines: readonly IsolinuxLine[], keyword: string): IsolinuxLine | undefined =>
  lines.findLast((line) => line.keyword === keyword);

/** `kernel` and its like. `localboot` and modules start no kernel. */
const isKernelLine = ({ keyword, rest }: IsolinuxLine): boolean =>
  /^(?:kernel|linux)$/.test(keyword) && !/\.(?:c32|bin|bs|bss|0|img)$/i.test(rest);

/** @throws {InputError} as {@link readIsolinuxMenu}. */
export function parseIsolinux(text: string, file: string): IsolinuxConfig {
  const lines = [...readLines(text)];
  const labels: IsolinuxLabel[] = [];
  const globals: IsolinuxLine[] = [];
  const submenus: string[] = [];
  let open: { name: string; start: number; lines: IsolinuxLine[] } | undefined;
  const close = (): void => {
    if (open === undefined) return;
    const end = open.lines.at(-1)?.end ?? open.start;
    labels.push({ ...open, end, submenus: [...submenus] });
    open = undefined;
  };
  for (const line of lines) {
    if (line.keyword === 'label') {
      close();
      open = { name: line.rest, start: line.start, lines: [line] };
    } else if (line.keyword === 'menu begin') {
      close();
      submenus.push(line.rest.replace('^', ''));
    } else if (line.keyword === 'menu end') {
      close();
      if (submenus.pop() === undefined)
        throw menuError(file, text, line.start, 'a menu end without its begin');
    } else if (open !== undefined && !GLOBAL.has(line.keyword)) {
      open.lines.push(line);
    } else if (submenus.length === 0) {
      globals.push(line);
    }
  }
  close();
  if (submenus.length > 0)
    throw menuError(file, text, text.length, `the menu '${submenus.at(-1)}' has no end`);
  return { lines, labels, globals };
}

/** What counts for the whole menu wherever it stands. */
const GLOBAL = new Set([
  'default',
  'ui',
  'timeout',
  'totaltimeout',
  'ontimeout',
  'prompt',
  'onerror',
  'serial',
]);

function* readLines(text: string): Generator<IsolinuxLine> {
  let inHelp = false;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline + 1;
    const words = wordsIn(text, start, end);
    const first = words[0]?.value.toLowerCase() ?? '#';
    if (inHelp) inHelp = first !== 'endtext';
    else if (first === 'text' && words[1]?.value.toLowerCase() === 'help') inHelp = true;
    else if (!first.startsWith('#')) yield lineOf(text, words, { start, end });
    start = end;
  }
}

function lineOf(text: string, words: readonly MenuWord[], span: Span): IsolinuxLine {
  const length = /^menu$/i.test(words[0]?.value ?? '') ? 2 : 1;
  const behind = words.slice(length);
  return {
    ...span,
    keyword: words
      .slice(0, length)
      .map(({ value }) => value.toLowerCase())
      .join(' '),
    words: behind,
    rest: text.slice(behind[0]?.start ?? span.end, behind.at(-1)?.end ?? span.end),
  };
}

/** The words of a stretch of text, with their places. */
export function wordsIn(text: string, start: number, end: number): readonly MenuWord[] {
  return [...text.slice(start, end).matchAll(/[^ \t\r\n]+/g)].map(({ 0: value, index }) => ({
    start: start + index,
    end: start + index + value.length,
    value,
  }));
}

function entryOf(label: IsolinuxLabel, inherited: IsolinuxLine | undefined): MenuEntry {
  const { lines, name, start, end, submenus } = label;
  const title = lastOf(lines, 'menu label')?.rest ?? name;
  const kernel = lines.findLast(isKernelLine);
  const append = lastOf(lines, 'append') ?? inherited;
  const args = kernel === undefined || append === undefined || append.rest === '-' ? [] : append.words;
  const initrds = [
    ...args.flatMap(({ value }) => /^initrd=(.*)/.exec(value)?.[1]?.split(',') ?? []),
    ...(lastOf(lines, 'initrd')?.rest.split(',') ?? []),
  ];
  return {
    ...{ start, end, submenus, args, initrds },
    title: title.replace('^', ''),
    id: name,
    hotkey: /\^(.)/.exec(title)?.[1]?.toLowerCase(),
    kernel: kernel?.words[0],
  };
}
