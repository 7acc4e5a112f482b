/** A problem before its place in the file is known: rules speak of keys, not of lines. */

import type { ClusterSpec } from './schema.ts';

export type KeyPath = readonly (string | number)[];

export interface Finding {
  /** Where in the spec: keys and list positions from the top. */
  readonly path: KeyPath;
  /** The caret goes under the value unless the key itself is what is wrong. */
  readonly at?: 'key' | 'value';
  readonly severity?: 'error' | 'warning';
  /** kebab-case name of the rule. */
  readonly rule: string;
  readonly message: string;
  readonly hint?: string;
}

/** A condition on a whole spec. Pure; returns every place that breaks it. */
export type Rule = (spec: ClusterSpec) => readonly Finding[];
