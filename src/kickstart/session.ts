/**
 * What the lines of one file mean together: commands that exclude each other, duplicates, and options that an
 * earlier line of the same command has set. One session lives as long as the parsing of one file.
 */
import type { Problem } from '../errors/problem.ts';
import { type ArgumentFault, parseArguments, suggest } from './arguments.ts';
import type { Check, Checked, CommandSpec, LanguageRule, OptionSpec } from './spec.ts';
import type { Grammar, KnownCommand, KnownSection, ReleaseTable } from './table.ts';
import type { CommandLine, OptionValue, Place, Section, Word } from './types.ts';
import { isTruthy } from './values.ts';

/** How many mistyped words of a file get a suggestion: looking for one costs more than reading the line. */
const SUGGESTIONS = 100;

const NO_OPTIONS: ReadonlyMap<string, readonly OptionValue[]> = new Map();

/** Reads command lines and section headers by a release's table and remembers what later lines depend on. */
export class Session {
  readonly problems: Problem[] = [];
  private errors = 0;
  private suggestions = 0;
  private readonly table: ReleaseTable;
  private readonly seen = new Set<string>();
  private readonly faultless = new Set<CommandSpec>();
  private readonly sticky = new Map<CommandSpec, Map<string, string>>();
  private readonly keys = new Map<CommandSpec, Map<string, number>>();

  constructor(table: ReleaseTable) {
    this.table = table;
  }

  /** The command of the line `[name, ...words]`; its faults are added to `problems`. */
  command(name: Word, words: readonly Word[], raw: string): CommandLine {
    const known = this.table.commands.get(name.text);
    if (known === undefined) {
      this.unknownCommand(name);
      return commandLine(name, words, NO_OPTIONS, []);
    }
    this.checkExclusions(known, name);
    if (known.status !== 'ok') {
      this.retired(known.status, name);
      return commandLine(name, words, NO_OPTIONS, []);
    }
    const before = this.errors;
    const line = this.readArguments(known, name, words);
    if (this.errors === before) this.checkLine(known, line, name, raw);
    if (this.errors === before) this.faultless.add(known.spec);
    return line;
  }

  /** The options and positionals of a section header; its faults are added to `problems`. */
  header(
    known: KnownSection,
    name: Word,
    words: readonly Word[],
    raw: string,
  ): Pick<Section, 'options' | 'positionals'> {
    if (known.spec.free === true) return { options: NO_OPTIONS, positionals: words };
    if (known.deprecated)
      this.fault('deprecated-command', `${name.text} is deprecated`, name, 'use %onerror');
    const { options, positionals, extras, faults } = parseArguments(words, known.grammar);
    const before = this.errors;
    for (const fault of faults) this.argumentFault(fault, name);
    for (const extra of extras) this.unexpected(extra, known.grammar, name.text);
    const line = commandLine(name, words, options, positionals);
    if (this.errors === before) {
      const view = new CheckedLine(this.table.release, line, raw, known.grammar, undefined, false);
      this.runChecks(known.spec.checks ?? [], view, name);
    }
    return { options, positionals };
  }

  fault(rule: LanguageRule, message: string, at: Place | Word, hint?: string): void {
    this.errors++;
    this.report('error', rule, message, at, hint);
  }

  private report(
    severity: Problem['severity'],
    rule: LanguageRule,
    message: string,
    at: Place | Word,
    hint?: string,
  ): void {
    const { file, line, column } = at;
    const length = 'raw' in at ? Math.max(1, at.raw.length) : 1;
    const problem: Problem = { file, line, column, length, severity, rule, message };
    this.problems.push(hint === undefined ? problem : { ...problem, hint });
  }

  private unknownCommand(name: Word): void {
    const hint = this.didYouMean(name.text, this.table.commands);
    this.fault('unknown-command', `'${name.text}' is no command of ${this.table.release}`, name, hint);
  }

  private didYouMean(name: string, known: ReadonlyMap<string, unknown>): string | undefined {
    if (++this.suggestions > SUGGESTIONS) return undefined;
    const close = suggest(name, [...known.keys()]);
    return close === undefined ? undefined : `did you mean '${close}'?`;
  }

  private retired(status: 'deprecated' | 'removed', name: Word): void {
    const rule = status === 'removed' ? 'removed-command' : 'deprecated-command';
    const what = status === 'removed' ? 'is gone from' : 'is deprecated in';
    this.fault(rule, `'${name.text}' ${what} ${this.table.release}`, name, 'leave the line out');
  }

  private checkExclusions(known: KnownCommand, name: Word): void {
    const family = known.spec.names[0] ?? name.text;
    this.seen.add(family);
    for (const other of known.excludes) {
      if (!this.seen.has(other)) continue;
      this.fault(
        'command-conflict',
        `'${name.text}' and '${other}' exclude each other`,
        name,
        'keep one of them',
      );
    }
  }

  private readArguments(known: KnownCommand, name: Word, words: readonly Word[]): CommandLine {
    if (known.spec.free === true) return commandLine(name, words, NO_OPTIONS, words);
    const { options, positionals, extras, faults } = parseArguments(words, known.grammar);
    for (const fault of faults) this.argumentFault(fault, name);
    for (const extra of extras) this.placeExtra(extra, known, positionals);
    // A list that grew by pushing keeps room for more; a large file has no room for that.
    return commandLine(name, words, options, positionals.slice());
  }

  /** Words that no positional took: members of an array, say, or a mistake. */
  private placeExtra(extra: Word, known: KnownCommand, positionals: Word[]): void {
    const optionLike = extra.text.startsWith('-');
    const refused =
      known.spec.extra === 'any' ? positionals.length === 0 : known.spec.extra === undefined || optionLike;
    if (refused) {
      this.unexpected(extra, known.grammar, known.spec.names[0] ?? '');
      return;
    }
    positionals.push(extra);
    if (optionLike) {
      const message = `'${extra.text}' is no option; it is taken for a member`;
      this.report('warning', 'unknown-option', message, extra);
    }
  }

  private unexpected(word: Word, grammar: Grammar, owner: string): void {
    if (!word.text.startsWith('-') || word.text === '-') {
      this.fault('unexpected-argument', `'${word.text}' is not expected here`, word);
      return;
    }
    const name = word.text.split('=', 1)[0] ?? word.text;
    const hint = this.didYouMean(name, grammar.options);
    this.fault('unknown-option', `'${name}' is no option of ${owner} in ${this.table.release}`, word, hint);
  }

  private argumentFault(fault: ArgumentFault, name: Word): void {
    this.fault(fault.rule, fault.message, fault.at ?? name, fault.hint);
  }

  private checkLine(known: KnownCommand, line: CommandLine, name: Word, raw: string): void {
    const { spec, grammar } = known;
    if (spec.checks === undefined && spec.unique === undefined) return;
    const view = new CheckedLine(
      this.table.release,
      line,
      raw,
      grammar,
      this.remember(known, line),
      this.faultless.has(spec),
    );
    this.runChecks(spec.checks ?? [], view, name);
    if (spec.unique !== undefined) this.checkUnique(spec, spec.unique, view, name);
  }

  private runChecks(checks: readonly Check[], view: Checked, name: Word): void {
    for (const check of checks) {
      const found = check(view);
      if (found !== undefined) this.fault(found.rule, found.message, found.at ?? name, found.hint);
    }
  }

  /** Stores the sticky values of the line and returns all that are in force. */
  private remember(known: KnownCommand, line: CommandLine): ReadonlyMap<string, string> | undefined {
    let values = this.sticky.get(known.spec);
    for (const [name, given] of line.options) {
      if (known.grammar.options.get(name)?.spec.sticky !== true) continue;
      if (values === undefined) {
        values = new Map();
        this.sticky.set(known.spec, values);
      }
      values.set(name, given.at(-1)?.value?.text ?? '');
    }
    return values;
  }

  private checkUnique(
    spec: CommandSpec,
    unique: NonNullable<CommandSpec['unique']>,
    view: Checked,
    name: Word,
  ): void {
    const key = unique.key(view);
    if (key === undefined) return;
    let keys = this.keys.get(spec);
    if (keys === undefined) {
      keys = new Map();
      this.keys.set(spec, keys);
    }
    const first = keys.get(key);
    if (first === undefined) keys.set(key, name.line);
    else
      this.fault(
        'duplicate',
        `a ${unique.what} '${key}' stands already on line ${first}`,
        name,
        'keep one of them',
      );
  }
}

class CheckedLine implements Checked {
  readonly release: Checked['release'];
  readonly line: CommandLine;
  readonly raw: string;
  readonly repeated: boolean;
  private readonly grammar: Grammar;
  private readonly sticky: ReadonlyMap<string, string> | undefined;

  constructor(
    release: Checked['release'],
    line: CommandLine,
    raw: string,
    grammar: Grammar,
    sticky: ReadonlyMap<string, string> | undefined,
    repeated: boolean,
  ) {
    this.release = release;
    this.line = line;
    this.raw = raw;
    this.grammar = grammar;
    this.sticky = sticky;
    this.repeated = repeated;
  }

  value(option: string): string | undefined {
    const given = this.line.options.get(option);
    return given === undefined ? this.sticky?.get(option) : (given.at(-1)?.value?.text ?? '');
  }

  has(option: string): boolean {
    const value = this.value(option);
    const spec: OptionSpec | undefined = this.grammar.options.get(option)?.spec;
    return value !== undefined && spec !== undefined && isTruthy(spec, value);
  }
}

function commandLine(
  { file, line, column, text }: Word,
  words: readonly Word[],
  options: CommandLine['options'],
  positionals: readonly Word[],
): CommandLine {
  return { kind: 'command', file, line, column, name: text, words, options, positionals };
}
