import type { Machine } from './machine.ts';

/** What a check saw: small, JSON, fit for a journal and for a person to read. */
export type Evidence = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export type CheckResult =
  | { readonly done: true; readonly evidence: Evidence }
  | { readonly done: false; readonly why: string };

/**
 * One thing that has to be so. `check` only reads; `apply` makes it so; afterwards `check` is asked again
 * (see `runStep`), because "applied" is a claim and only a check is a proof.
 */
export interface Step<P> {
  /** `verb-noun`, unique, also the name in the journal. */
  readonly id: string;
  readonly title: string;
  /** Ids of steps that must be verified first. */
  readonly after?: readonly string[];
  /** Seconds `check` + `apply` + `check` may take; default 300. */
  readonly timeoutSeconds?: number;
  check(machine: Machine, params: P): Promise<CheckResult>;
  apply(machine: Machine, params: P, say: (line: string) => void): Promise<void>;
}

export type Outcome = 'already-done' | 'changed' | 'failed';
