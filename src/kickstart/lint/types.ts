import type { Problem } from '../../errors/problem.ts';
import type { KickstartDocument, KickstartRelease, Place, Word } from '../types.ts';
import type { StorageView } from './storage.ts';

/** `language` is what ksvalidator judges, `practice` what it cannot see. */
export type RuleClass = 'language' | 'practice';

export interface LintProblem extends Problem {
  readonly class: RuleClass;
  readonly hint: string;
}

export interface LintOptions {
  readonly release: KickstartRelease;
  /** Sizes of the machine's disks in MiB, in the order the kickstart names them first. */
  readonly disksMiB?: readonly number[];
}

/** A rule as people read about it; becomes a section of docs/rules.md. */
export interface RuleText {
  readonly name: string;
  /** One sentence. */
  readonly title: string;
  /** What goes wrong otherwise. */
  readonly why: string;
  /** What to do; the hint of every finding that has no better one. */
  readonly remedy: string;
  /** Kickstart lines that break the rule, and the same lines put right. */
  readonly wrong: string;
  readonly right: string;
}

/** What a rule found. */
export interface PracticeFinding {
  readonly at: Word | Place;
  readonly message: string;
  readonly hint?: string;
}

/** All that a rule may look at. */
export interface LintView {
  readonly document: KickstartDocument;
  readonly storage: StorageView;
  readonly options: LintOptions;
}

export interface PracticeRule extends RuleText {
  readonly severity: 'error' | 'warning';
  check(view: LintView): readonly PracticeFinding[];
}
