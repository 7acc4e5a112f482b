/**
 * The kickstart document: what the parser hands to the linter and to the installer. Every word keeps its place.
 */
import type { Problem } from '../errors/problem.ts';
import type { Release as PlanRelease } from '../plan/types.ts';

/** Releases the command tables know. `embedded` is our own installer. */
export type KickstartRelease = PlanRelease | 'fedora41' | 'fedora42' | 'fedora43';

export interface Place {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly column: number;
}

/** A word after quote removal; `raw` is how it was written. */
export interface Word extends Place {
  readonly text: string;
  readonly raw: string;
}

export interface CommandLine extends Place {
  readonly kind: 'command';
  readonly name: string;
  /** The words after the name, in order. */
  readonly words: readonly Word[];
  /** Parsed by the release's table: option name with dashes → values in order of appearance (empty string for flags). */
  readonly options: ReadonlyMap<string, readonly OptionValue[]>;
  /** What is not an option. */
  readonly positionals: readonly Word[];
}

export interface OptionValue {
  readonly option: Word;
  /** Undefined for a flag. */
  readonly value: Word | undefined;
}

export type SectionName =
  | 'pre'
  | 'pre-install'
  | 'post'
  | 'onerror'
  | 'traceback'
  | 'packages'
  | 'addon'
  | 'certificate'
  | 'anaconda';

export interface Section extends Place {
  readonly kind: 'section';
  readonly name: SectionName;
  readonly options: ReadonlyMap<string, readonly OptionValue[]>;
  readonly positionals: readonly Word[];
  /** The lines between the header and %end, as written, without the last newline. */
  readonly body: string;
  /** Line number of the body's first line. */
  readonly bodyLine: number;
}

export interface Include extends Place {
  readonly kind: 'include' | 'ksappend';
  readonly target: Word;
}

export type Item = CommandLine | Section | Include;

export interface KickstartDocument {
  readonly file: string;
  readonly release: KickstartRelease;
  readonly items: readonly Item[];
}

export interface ParseResult {
  /** Whatever could be read; complete when `problems` holds no error. */
  readonly document: KickstartDocument;
  readonly problems: readonly Problem[];
}

/** The signature of `parseKickstart` in parse.ts; it never throws for any text. */
export type ParseKickstart = (text: string, file: string, release: KickstartRelease) => ParseResult;
