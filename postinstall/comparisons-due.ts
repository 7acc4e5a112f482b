/**
 * Which arrays of /boot and the ESP have to be compared member by member. Firmware and boot loader read one member and
 * cannot know which one is current. The list is written before what makes it necessary and emptied after the comparison,
 * so that a power cut in between forgets nothing. It only ever adds work.
 */
import type { Machine } from '../src/engine/machine.ts';
import type { NodeFacts } from './agent-step.ts';

/** Names of arrays, one a line. */
export const COMPARE_DUE_PATH = '/var/lib/slipway/compare-due';

/** Names of the arrays that firmware and boot loader read: as recorded at installation, or else as planned. */
export const bootArrayNames = ({ plan, layout }: NodeFacts): readonly string[] =>
  (layout?.arrays ?? plan.layout.arrays).flatMap(({ role, name }) =>
    role === 'boot' || role === 'esp' ? [name] : [],
  );

/**
 * Names of this node's arrays to be compared. All, where there is no list yet: a resync that a power cut broke off may
 * have ended before anybody looked for the first time.
 */
export async function comparisonsDue(machine: Machine, facts: NodeFacts): Promise<readonly string[]> {
  const list = await machine.readFile(COMPARE_DUE_PATH);
  if (list === undefined) return bootArrayNames(facts);
  const names = list.split('\n');
  return bootArrayNames(facts).filter((name) => names.includes(name));
}

/** Adds those of `names` that firmware or boot loader read. */
export async function addComparisons(
  machine: Machine,
  facts: NodeFacts,
  names: readonly string[],
): Promise<void> {
  const before = await comparisonsDue(machine, facts);
  const due = bootArrayNames(facts).filter((name) => before.includes(name) || names.includes(name));
  if (due.length > before.length) await machine.writeFile(COMPARE_DUE_PATH, `${due.join('\n')}\n`);
}

export async function clearComparisons(machine: Machine): Promise<void> {
  await machine.writeFile(COMPARE_DUE_PATH, '');
}
