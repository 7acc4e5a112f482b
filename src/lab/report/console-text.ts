/** Console output made fit for a page: it comes from machines that are on trial, so nothing in it is believed. */
import { SerialConsole } from '../serial-console.ts';

/** Most characters and lines of a console that are shown; its end is what counts. */
const EXCERPT = { characters: 12_000, lines: 80 };
/** Characters of one line; the kernel's command line is the longest sensible one. */
const LINE_CHARACTERS = 1_000;

/** `good` and `bad`: a verdict; `own`: another line of ours. */
export type Tone = 'plain' | 'own' | 'good' | 'bad';

export interface ConsoleLine {
  readonly text: string;
  readonly tone: Tone;
}

const BAD = /slipway: failed |slipway: .*: failed \(|Kernel panic - not syncing|\ba shell follows/;
const GOOD = /slipway: (installed|complete) /;
const OWN = /slipway: |^\[ *\d+\.\d\] /;
/** Marks that turn the order of letters around, so that a line reads as what it is not (UAX #9), and halves of pairs. */
const UNFIT = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\p{Surrogate}]/gu;

/** The end of a console as lines without terminal control sequences; the first one says what was left out. */
export function consoleLines(text: string, limit = EXCERPT): readonly ConsoleLine[] {
  const tail = text.slice(-limit.characters);
  const all = plainLines(tail);
  const cut = tail.length < text.length;
  // What was cut begins in the middle of a line.
  const whole = cut ? all.slice(1) : all;
  const shown = whole.slice(-limit.lines);
  const lines = shown.map((line) => ({ text: shorten(line), tone: toneOf(line) }));
  return cut || shown.length < whole.length ? [{ text: '…', tone: 'plain' }, ...lines] : lines;
}

/** One line of text from a machine, as the page may show it. */
export const plainText = (text: string): string => plainLines(text).join('\n').trim();

function plainLines(text: string): readonly string[] {
  const console = new SerialConsole();
  console.feed(text);
  console.close();
  const lines = console.lines.map((line) => line.replace(UNFIT, '\ufffd').trimEnd());
  return lines.filter((line, i) => line !== '' || (i > 0 && lines[i - 1] !== ''));
}

function toneOf(line: string): Tone {
  if (BAD.test(line)) return 'bad';
  if (GOOD.test(line)) return 'good';
  return OWN.test(line) ? 'own' : 'plain';
}

const shorten = (line: string): string =>
  line.length <= LINE_CHARACTERS ? line : `${line.slice(0, LINE_CHARACTERS)}…`;
