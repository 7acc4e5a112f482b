/** Which cells are wanted, and how one of them is asked for again. */
import { shellLine } from '../../engine/command.ts';
import type { PlannedCell, ProofGroup } from './proof.ts';

/**
 * Whether a cell's id is meant by a pattern: `*` stands for anything within one part of the id, and what a pattern leaves
 * out at the end may be anything: `boot-matrix/uefi-*`, `trap`.
 */
export function matches(id: string, pattern: string): boolean {
  const parts = id.split('/');
  const wanted = pattern.replace(/\/+$/, '').split('/');
  return wanted.length <= parts.length && wanted.every((each, i) => partMatches(parts[i] ?? '', each));
}

const partMatches = (part: string, pattern: string): boolean =>
  new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`).test(part);

const escaped = (text: string): string => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

/** Patterns that mean no cell at all. */
export const unmatched = (groups: readonly ProofGroup[], patterns: readonly string[]): readonly string[] =>
  patterns.filter((pattern) => !groups.some(({ cells }) => cells.some(({ id }) => matches(id, pattern))));

/** The wanted cells with those they start from, in groups that are not empty. No pattern: all of them. */
export function selectCells(
  groups: readonly ProofGroup[],
  patterns: readonly string[],
): readonly ProofGroup[] {
  if (patterns.length === 0) return groups;
  return groups
    .map((group) => ({ ...group, cells: withPrerequisites(group.cells, patterns) }))
    .filter(({ cells }) => cells.length > 0);
}

function withPrerequisites(
  cells: readonly PlannedCell[],
  patterns: readonly string[],
): readonly PlannedCell[] {
  const wanted = new Set<string>();
  const want = (id: string): void => {
    const cell = cells.find((each) => each.id === id);
    if (cell === undefined || wanted.has(id)) return;
    wanted.add(id);
    if (cell.after !== undefined) want(cell.after);
  };
  for (const { id } of cells) if (patterns.some((pattern) => matches(id, pattern))) want(id);
  return cells.filter(({ id }) => wanted.has(id));
}

/** The command line that proves this cell alone, as it is typed. `options` are those that change what is proven. */
export const repeatCommand = (spec: string, id: string, options: readonly string[] = []): string =>
  shellLine({ file: 'slipway', args: ['lab', 'prove', spec, '--only', id, ...options], effect: 'write' });
