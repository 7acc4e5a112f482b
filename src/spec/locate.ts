/** From a key path to the characters of the YAML source it stands at. */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';
import type { Finding, KeyPath } from './finding.ts';

export interface Span {
  /** 1-based. */
  readonly line: number;
  readonly column: number;
  /** Characters on that line, at least 1. */
  readonly length: number;
}

/** What locating needs of a parsed file. */
export interface YamlSource {
  readonly text: string;
  readonly document: Document.Parsed;
}

/** The place of a finding; a value that is not there is shown at the nearest parent that is. */
export function locate(source: YamlSource, finding: Pick<Finding, 'path' | 'at'>): Span {
  const found = resolvePath(source.document, finding.path);
  const wanted = finding.at === 'key' ? (found.key ?? found.value) : found.value;
  // A collection is shown by its key: underlining ten lines points at nothing.
  const shown = found.complete && (isMap(wanted) || isSeq(wanted)) ? (found.key ?? wanted) : wanted;
  return spanOf(source, shown?.range?.[0] ?? 0, shown?.range?.[1] ?? 0);
}

/**
 * The span of two offsets, cut at the end of the first line. Counted here: the library's own line counter leaves out
 * lines that a broken collection has swallowed.
 */
export function spanOf({ text }: Pick<YamlSource, 'text'>, start: number, end: number): Span {
  const before = text.slice(0, start).split('\n');
  const firstLine = text.slice(start, Math.max(start, end)).split('\n')[0] ?? '';
  return {
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    length: Math.max(1, firstLine.trimEnd().length),
  };
}

interface Found {
  readonly key: Node | undefined;
  readonly value: Node | undefined;
  /** False when the path leads further than the file does. */
  readonly complete: boolean;
}

function resolvePath(document: Document.Parsed, path: KeyPath): Found {
  let found: Found = { key: undefined, value: document.contents ?? undefined, complete: true };
  for (const step of path) {
    const next = child(document, found.value, step);
    if (next === undefined) return { ...found, complete: false };
    found = next;
  }
  return found;
}

function child(
  document: Document.Parsed,
  parent: Node | undefined,
  step: string | number,
): Found | undefined {
  const target = isAlias(parent) ? parent.resolve(document) : parent;
  if (isSeq<Node>(target)) {
    const value = target.items[Number(step)];
    return value === undefined ? undefined : { key: undefined, value, complete: true };
  }
  if (!isMap<Node, Node>(target)) return undefined;
  // The last of repeated keys: that is the one YAML takes.
  const pair = target.items.findLast(
    ({ key }: Pair<Node, Node | null>) => isScalar(key) && String(key.value) === String(step),
  );
  return pair === undefined ? undefined : { key: pair.key, value: pair.value ?? pair.key, complete: true };
}
