/** Lines of `%packages`: packages, `@groups`, `@^environments`, and what is left out behind a `-`. */
import { parseArguments } from './arguments.ts';
import { flag } from './spec.ts';
import type { Grammar } from './table.ts';
import { splitBlank, trim } from './text.ts';
import type { Word } from './types.ts';

const NO_DEFAULTS = flag('--nodefaults');
const OPTIONAL = flag('--optional');

const GROUP: Grammar = {
  options: new Map([
    ['--nodefaults', { spec: NO_DEFAULTS, deprecated: false }],
    ['--optional', { spec: OPTIONAL, deprecated: false }],
  ]),
  required: [],
  positionals: [],
};

/** What is wrong with a line that is neither blank nor a comment; undefined when nothing is. */
export function packageLineFault(line: string): string | undefined {
  const entry = trim(line.split('#', 1)[0] ?? '');
  if (entry === '-') return "'-' names no package";
  if (!entry.startsWith('@') || entry.startsWith('@^')) return undefined;
  const words = splitBlank(entry.slice(1)).map(
    (text): Word => ({ file: '', line: 0, column: 0, text, raw: text }),
  );
  const { options, faults } = parseArguments(words, GROUP);
  if (faults[0] !== undefined) return faults[0].message;
  if (options.has('--nodefaults') && options.has('--optional'))
    return '--nodefaults and --optional exclude each other';
  return undefined;
}
