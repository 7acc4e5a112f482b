/**
 * What a row of the command tables looks like, and the few words its data is written in.
 *
 * The tables describe pykickstart 3.74, release by release. `embedded` is the union: it accepts a command or an
 * option when at least one release accepts it without calling it deprecated.
 */
import type { CommandLine, KickstartRelease, SectionName, Word } from './types.ts';

/** A release of a distribution, as opposed to our own installer. */
export type VendorRelease = Exclude<KickstartRelease, 'embedded'>;
/** The releases a fact holds for. */
export type When = readonly VendorRelease[];

export const FEDORA: When = ['fedora41', 'fedora42', 'fedora43', 'fedora44'];
export const RHEL: When = ['rhel8', 'rhel9', 'rhel10'];
export const EVERYWHERE: When = [...RHEL, ...FEDORA];
export const FROM_RHEL9: When = ['rhel9', 'rhel10', ...FEDORA];
export const FROM_RHEL10: When = ['rhel10', ...FEDORA];
/** What came with Fedora 43 was also brought to RHEL 10. */
export const FROM_FEDORA43: When = ['rhel10', 'fedora43', 'fedora44'];

/** All releases, our own included, oldest first. */
export const RELEASES: readonly KickstartRelease[] = [...EVERYWHERE, 'embedded'];

export type ValueType = 'text' | 'integer' | 'list' | 'boolean' | 'choice';

export interface OptionSpec {
  /** With dashes; the first is the one the parsed document uses. */
  readonly names: readonly string[];
  /** Undefined for a flag. */
  readonly value?: ValueType;
  readonly choices?: readonly string[];
  /** Choices are compared without regard to case. */
  readonly anyCase?: boolean;
  /** Inclusive bounds of an integer. */
  readonly min?: number;
  readonly max?: number;
  /** MiB, seconds and the like, for people. */
  readonly unit?: string;
  /** The value may be left out. */
  readonly valueOptional?: boolean;
  /** Where the option exists; default everywhere. */
  readonly in?: When;
  /** Where it must be given; default nowhere. */
  readonly required?: When;
  /** Where it is known, but an error for ksvalidator. */
  readonly deprecated?: When;
  /**
   * A later line of the same command that leaves this option out keeps the value of the earlier line. pykickstart
   * has one object per such command and overwrites only what a line sets.
   */
  readonly sticky?: boolean;
}

export interface PositionalSpec {
  readonly name: string;
  /** `one` is required, `optional` is none or one, `many` is none or more. */
  readonly count: 'one' | 'optional' | 'many';
  readonly choices?: readonly string[];
}

/** One command line as a check sees it. */
export interface Checked {
  readonly release: KickstartRelease;
  readonly line: CommandLine;
  /** The line as written. */
  readonly raw: string;
  /** The last value of an option, sticky ones looked up in earlier lines; `''` for a flag that is set. */
  value(option: string): string | undefined;
  /** The option is set to something that is not empty, not zero and not an empty list. */
  has(option: string): boolean;
  /** A line of the same command without faults stands before this one. */
  readonly repeated: boolean;
}

/** The rules of the language; each has its text in the rule catalogue. */
export type LanguageRule =
  | 'ambiguous-option'
  | 'bad-include'
  | 'bad-package-line'
  | 'command-conflict'
  | 'deprecated-command'
  | 'deprecated-option'
  | 'duplicate'
  | 'empty-file'
  | 'empty-section'
  | 'invalid-value'
  | 'missing-argument'
  | 'missing-end'
  | 'missing-option'
  | 'missing-value'
  | 'not-utf8'
  | 'option-conflict'
  | 'removed-command'
  | 'unclosed-quote'
  | 'unexpected-argument'
  | 'unexpected-value'
  | 'unknown-command'
  | 'unknown-option'
  | 'unknown-section'
  | 'unreadable-append'
  | 'unsupported';

/** What a check found; `at` defaults to the command's name. */
export interface Finding {
  readonly rule: LanguageRule;
  readonly message: string;
  readonly at?: Word | undefined;
  readonly hint?: string;
}

export type Check = (line: Checked) => Finding | undefined;

export interface CommandSpec {
  /** The family name first: `['partition', 'part']`. Exclusions refer to it. */
  readonly names: readonly string[];
  readonly summary: string;
  /** Where the command is known at all; default everywhere. */
  readonly in?: When;
  /** Known, without effect, to be removed: an error for ksvalidator. */
  readonly deprecated?: When;
  /** Known only to say that it is gone. */
  readonly removed?: When;
  readonly options?: readonly OptionSpec[];
  readonly positionals?: readonly PositionalSpec[];
  /**
   * Words that no positional takes: an error (default); `words` unless they look like an option; `any` in any case.
   */
  readonly extra?: 'words' | 'any';
  /** The arguments are not looked at. */
  readonly free?: boolean;
  /** Families that must not stand in the same file. */
  readonly excludes?: readonly { readonly commands: readonly string[]; readonly in?: When }[];
  /** Lines with the same key are duplicates; undefined keys never are. */
  readonly unique?: { readonly what: string; key(line: Checked): string | undefined };
  readonly checks?: readonly Check[];
}

export interface SectionSpec {
  readonly name: SectionName;
  readonly summary: string;
  readonly options?: readonly OptionSpec[];
  /** The header's words are not looked at. */
  readonly free?: boolean;
  readonly deprecated?: When;
  readonly checks?: readonly Check[];
}

type Rest = Omit<OptionSpec, 'names' | 'value' | 'choices'>;

function option(names: string | readonly string[], value: ValueType | undefined, rest: Rest): OptionSpec {
  return {
    names: typeof names === 'string' ? [names] : names,
    ...(value === undefined ? {} : { value }),
    ...rest,
  };
}

/** An option without a value. */
export const flag = (names: string | readonly string[], rest: Rest = {}): OptionSpec =>
  option(names, undefined, rest);
export const text = (names: string | readonly string[], rest: Rest = {}): OptionSpec =>
  option(names, 'text', rest);
export const integer = (names: string | readonly string[], rest: Rest = {}): OptionSpec =>
  option(names, 'integer', rest);
/** Comma separated. */
export const list = (names: string | readonly string[], rest: Rest = {}): OptionSpec =>
  option(names, 'list', rest);
/** on, yes, true, 1, off, no, false, 0. */
export const boolean = (names: string | readonly string[], rest: Rest = {}): OptionSpec =>
  option(names, 'boolean', rest);
export const choice = (
  names: string | readonly string[],
  choices: readonly string[],
  rest: Rest = {},
): OptionSpec => ({
  ...option(names, 'choice', rest),
  choices,
});

export type Status = 'ok' | 'deprecated' | 'removed' | 'absent';

/** How a release stands to a command or an option. */
export function statusOf(
  row: { in?: When; deprecated?: When; removed?: When },
  release: KickstartRelease,
): Status {
  if (release !== 'embedded') return vendorStatus(row, release);
  const found = EVERYWHERE.map((vendor) => vendorStatus(row, vendor));
  return (['ok', 'deprecated', 'removed'] as const).find((status) => found.includes(status)) ?? 'absent';
}

function vendorStatus(row: { in?: When; deprecated?: When; removed?: When }, release: VendorRelease): Status {
  if (row.in?.includes(release) === false) return 'absent';
  if (row.removed?.includes(release) === true) return 'removed';
  return row.deprecated?.includes(release) === true ? 'deprecated' : 'ok';
}

/** Whether a restriction is in force; for `embedded` only one that every release has. */
export function restricts(when: When, release: KickstartRelease): boolean {
  return release === 'embedded'
    ? EVERYWHERE.every((vendor) => when.includes(vendor))
    : when.includes(release);
}
