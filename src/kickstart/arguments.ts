/**
 * Sorts the words of a line into options, positionals and the rest, as Python's argparse does (3.11): options may be
 * abbreviated as long as that is unambiguous, a value stands behind `=` or is the next word, positionals are taken
 * in the order of the table from the first runs of words that are not options.
 */
import { closest, distance } from 'fastest-levenshtein';
import type { LanguageRule, OptionSpec, PositionalSpec } from './spec.ts';
import type { Grammar, KnownOption } from './table.ts';
import type { OptionValue, Word } from './types.ts';
import { valueFault } from './values.ts';

/** A fault in the words of one line. */
export interface ArgumentFault {
  readonly rule: LanguageRule;
  readonly message: string;
  /** Undefined for what is missing from the line as a whole. */
  readonly at: Word | undefined;
  readonly hint?: string;
}

export interface Arguments {
  readonly options: Map<string, OptionValue[]>;
  readonly positionals: Word[];
  /** Words nobody took, unknown options included. */
  readonly extras: Word[];
  readonly faults: ArgumentFault[];
}

/** What a word is: a plain argument, `--` itself, an option of the table, or what looks like one and is none. */
type Kind = 'argument' | 'separator' | 'unknown' | 'ambiguous' | KnownOption;

const NEGATIVE_NUMBER = /^-\d+$|^-\d*\.\d+$/;

/** Never throws; all faults of the line are in the result. */
export function parseArguments(words: readonly Word[], grammar: Grammar): Arguments {
  return new ArgumentReader(words, grammar).read();
}

class ArgumentReader {
  private readonly words: readonly Word[];
  private readonly grammar: Grammar;
  private readonly kinds: Kind[] = [];
  private readonly result: Arguments = { options: new Map(), positionals: [], extras: [], faults: [] };
  /** How many positionals of the table are served. */
  private served = 0;

  constructor(words: readonly Word[], grammar: Grammar) {
    this.words = words;
    this.grammar = grammar;
  }

  read(): Arguments {
    this.classify();
    let at = 0;
    while (at < this.words.length) {
      const kind = this.kinds[at];
      at = kind === 'argument' || kind === 'separator' ? this.takeRun(at) : this.takeOption(at, kind);
    }
    this.reportMissing();
    return this.result;
  }

  private classify(): void {
    let behindSeparator = false;
    for (const word of this.words) {
      if (behindSeparator) this.kinds.push('argument');
      else if (word.text === '--') {
        behindSeparator = true;
        this.kinds.push('separator');
      } else this.kinds.push(word.text.startsWith('-') ? this.classifyDashed(word) : 'argument');
    }
  }

  private classifyDashed(word: Word): Kind {
    const { options } = this.grammar;
    const { text } = word;
    const exact = options.get(text);
    if (exact !== undefined) return this.known(exact, word);
    if (text === '-') return 'argument';
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    const named = equals < 0 ? undefined : options.get(name);
    if (named !== undefined) return this.known(named, word);
    if (text.startsWith('--')) {
      const matches = [...options.keys()].filter((candidate) => candidate.startsWith(name));
      if (matches.length > 1) {
        this.fault(
          'ambiguous-option',
          `'${name}' could be ${matches.join(' or ')}`,
          word,
          'write the option out',
        );
        return 'ambiguous';
      }
      const match = options.get(matches[0] ?? '');
      if (match !== undefined) return this.known(match, word);
    }
    return NEGATIVE_NUMBER.test(text) || text.includes(' ') ? 'argument' : 'unknown';
  }

  private known(option: KnownOption, word: Word): KnownOption {
    if (option.deprecated) {
      const [name] = option.spec.names;
      this.fault('deprecated-option', `'${name}' is deprecated and has no effect`, word, 'leave it out');
    }
    return option;
  }

  /** Takes the option at `at` with its value; returns where the next word stands. */
  private takeOption(at: number, kind: KnownOption | 'unknown' | 'ambiguous' | undefined): number {
    const word = this.words[at];
    if (word === undefined || kind === undefined) return at + 1;
    if (typeof kind === 'string') {
      if (kind === 'unknown') this.result.extras.push(word);
      return at + 1;
    }
    const { spec } = kind;
    const name = spec.names[0] ?? word.text;
    const explicit = word.text.includes('=');
    if (spec.value === undefined) {
      if (explicit) this.fault('unexpected-value', `'${name}' takes no value`, word, `write ${name} alone`);
      else this.store(name, word, undefined);
      return at + 1;
    }
    if (explicit) {
      this.storeValue(spec, word, explicitWord(word));
      return at + 1;
    }
    const next = this.words[at + 1];
    if (next !== undefined && this.kinds[at + 1] === 'argument') {
      this.storeValue(spec, word, next);
      return at + 2;
    }
    if (spec.valueOptional === true) this.store(name, word, undefined);
    else this.fault('missing-value', `'${name}' needs a value`, word, `write ${name}=VALUE`);
    return at + 1;
  }

  private storeValue(spec: OptionSpec, option: Word, value: Word): void {
    const name = spec.names[0] ?? option.text;
    const wrong = valueFault(spec, value.text);
    if (wrong !== undefined) this.fault('invalid-value', `${name}: '${value.text}' ${wrong}`, value);
    this.store(name, option, value);
  }

  private store(name: string, option: Word, value: Word | undefined): void {
    const values = this.result.options.get(name);
    if (values === undefined) this.result.options.set(name, [{ option, value }]);
    else values.push({ option, value });
  }

  /** Serves positionals from the run of words at `at`; what is left of the run belongs to nobody. */
  private takeRun(at: number): number {
    let end = at;
    while (this.kinds[end] === 'argument' || this.kinds[end] === 'separator') end++;
    for (let next = at; next < end; ) {
      const positional = this.grammar.positionals[this.served];
      const taken = positional === undefined ? 0 : this.takePositional(positional, next, end);
      if (taken === 0) {
        // Not spread into the call: a line can have more words than a call can have arguments.
        for (const word of this.words.slice(next, end)) this.result.extras.push(word);
        return end;
      }
      next += taken;
    }
    // A trailing positional that may be empty is served by the same run, with nothing.
    this.skipOptionalPositionals();
    return end;
  }

  private skipOptionalPositionals(): void {
    for (;;) {
      const positional = this.grammar.positionals[this.served];
      if (positional === undefined || positional.count === 'one') return;
      this.served++;
    }
  }

  /** How many words the positional takes, separators included; 0 when there is none for it. */
  private takePositional(positional: PositionalSpec, from: number, end: number): number {
    let at = from;
    let taken = 0;
    const limit = positional.count === 'many' ? Number.POSITIVE_INFINITY : 1;
    for (; at < end; at++) {
      if (this.kinds[at] === 'separator') continue;
      const word = this.words[at];
      if (taken === limit || word === undefined) break;
      this.checkPositional(positional, word);
      this.result.positionals.push(word);
      taken++;
    }
    if (taken === 0 && positional.count === 'one') return 0;
    this.served++;
    return at - from;
  }

  private checkPositional(positional: PositionalSpec, word: Word): void {
    if (positional.choices === undefined || positional.choices.includes(word.text)) return;
    const choices = positional.choices.join(', ');
    this.fault('invalid-value', `${positional.name}: '${word.text}' is none of ${choices}`, word);
  }

  private reportMissing(): void {
    for (const positional of this.grammar.positionals.slice(this.served)) {
      if (positional.count === 'one')
        this.fault('missing-argument', `the ${positional.name} is missing`, undefined);
    }
    for (const { names } of this.grammar.required) {
      const name = names[0] ?? '';
      if (!this.result.options.has(name)) this.fault('missing-option', `'${name}' is required`, undefined);
    }
  }

  private fault(rule: ArgumentFault['rule'], message: string, at: Word | undefined, hint?: string): void {
    this.result.faults.push({ rule, message, at, ...(hint === undefined ? {} : { hint }) });
  }
}

/** The part of `--option=value` behind the `=`, with a place of its own as far as the quotes allow. */
function explicitWord({ file, line, column, text, raw }: Word): Word {
  const equals = raw.indexOf('=') + 1;
  const value = text.slice(text.indexOf('=') + 1);
  return { file, line, column: column + equals, text: value, raw: raw === text ? value : raw.slice(equals) };
}

/** The closest of the candidates, when no more than a third of the characters differ. */
export function suggest(name: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0 || name.length > 40) return undefined;
  const best = closest(name, candidates);
  return distance(name, best) * 3 <= name.length ? best : undefined;
}
