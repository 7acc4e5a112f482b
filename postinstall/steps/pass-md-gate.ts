import { StepFailure } from '../../src/engine/failure.ts';
import type { Hold, Machine } from '../../src/engine/machine.ts';
import { compareMembers, mismatchedSectors } from '../../src/storage/compare-members.ts';
import { type ArrayState, describeSync, mdReady, readArrays } from '../../src/storage/md.ts';
import { waitForArrays } from '../../src/storage/wait-arrays.ts';
import type { AgentStep, NodeFacts } from '../agent-step.ts';
import { addComparisons, bootArrayNames, clearComparisons, comparisonsDue } from '../comparisons-due.ts';
import { inhibitShutdown } from '../shutdown-inhibitor.ts';

/** A week: the gate ends by itself when nothing moves for two minutes, and large disks take days. */
const TIMEOUT_SECONDS = 7 * 24 * 3600;
/** Milliseconds between two lines about a running resync. */
const REPORT_MS = 10_000;
/**
 * Every array is whole and in sync. A degraded array is a failure and never passed over: what is built on it later
 * would rest on one disk without anybody knowing.
 */
export const passMdGate: AgentStep = {
  id: 'pass-md-gate',
  title: 'Arrays in sync',
  after: ['match-layout'],
  timeoutSeconds: TIMEOUT_SECONDS,
  checks:
    'Each array: not degraded, nothing running, no resync pending, all members in sync (/sys/block/md*/md). /boot and ' +
    'the ESP were compared after a resync, and their members do not differ (mismatch_cnt).',
  byHand:
    'cat /proc/mdstat; mdadm --detail /dev/md/NAME; add a replaced member with mdadm /dev/md/NAME --add PARTITION; where ' +
    'members differ, echo repair > /sys/block/mdX/md/sync_action.',

  async check(machine, facts) {
    const names = arrayNames(facts);
    const arrays = (await readArrays(machine)).filter(({ name }) => names.includes(name));
    const missing = names.filter((name) => !arrays.some((array) => array.name === name));
    const due = await comparisonsDue(machine, facts);
    const reasons = [
      ...arrays.map((array) => mdReady(array, membersOf(facts))).flatMap((r) => (r.ready ? [] : [r.why])),
      ...missing.map((name) => `array ${name} is not assembled`),
      ...(await differences(machine, bootArrays(facts, arrays))),
      ...due.map((name) => `the members of array ${name} are still to be compared`),
    ];
    if (reasons.length > 0) return { done: false, why: reasons.join('; ') };
    return { done: true, evidence: { arrays: arrays.map(describe) } };
  },

  async apply(machine, facts, say) {
    await noteComparisons(machine, facts);
    await waitForResync(machine, facts, say);
    await compareDue(machine, facts, say);
  },
};

async function waitForResync(machine: Machine, facts: NodeFacts, say: (line: string) => void): Promise<void> {
  const boot = bootArrayNames(facts);
  const report = reporting(machine, say);
  let hold: Hold | undefined;
  const release = async (): Promise<void> => {
    const held = hold;
    hold = undefined;
    await held?.release();
  };
  if ((await comparisonsDue(machine, facts)).length > 0)
    hold = await inhibitShutdown(machine, '/boot or the ESP is not the same on every disk yet', say);
  await waitForArrays(machine, arrayNames(facts), {
    expectedDisks: membersOf(facts),
    onProgress(waiting) {
      report(waiting);
      // The others may take days, and a shutdown does not harm them.
      if (!waiting.some(({ name }) => boot.includes(name))) void release();
    },
  }).finally(release);
}

const bootArrays = (facts: NodeFacts, arrays: readonly ArrayState[]): readonly ArrayState[] =>
  arrays.filter(({ name }) => bootArrayNames(facts).includes(name));

async function differences(machine: Machine, arrays: readonly ArrayState[]): Promise<readonly string[]> {
  const found = await Promise.all(
    arrays.map(async (array) => ({ array, sectors: await mismatchedSectors(machine, array) })),
  );
  return found.filter(({ sectors }) => sectors > 0).map(({ array, sectors }) => differs(array.name, sectors));
}

const differs = (name: string, sectors: number): string =>
  `the members of array ${name} differ in ${sectors} sectors`;

/** Adds every array that is about to be resynced, or that was found to differ. */
async function noteComparisons(machine: Machine, facts: NodeFacts): Promise<void> {
  const names: string[] = [];
  for (const array of bootArrays(facts, await readArrays(machine))) {
    const isWhole = mdReady(array, membersOf(facts)).ready && (await mismatchedSectors(machine, array)) === 0;
    if (!isWhole) names.push(array.name);
  }
  await addComparisons(machine, facts, names);
}

async function compareDue(machine: Machine, facts: NodeFacts, say: (line: string) => void): Promise<void> {
  const names = await comparisonsDue(machine, facts);
  if (names.length === 0) return;
  const report = reporting(machine, say);
  const different: string[] = [];
  for (const array of (await readArrays(machine)).filter(({ name }) => names.includes(name))) {
    say(`comparing the members of array ${array.name}`);
    const sectors = await compareMembers(machine, array, { onProgress: (now) => report([now]) });
    if (sectors > 0) different.push(differs(array.name, sectors));
  }
  if (different.length > 0) {
    throw new StepFailure(
      'verify-failed',
      different.join('; '),
      'look for a failing disk in `dmesg`; `echo repair > /sys/block/mdX/md/sync_action` makes the members equal',
    );
  }
  await clearComparisons(machine);
}

/** Says at most every ten seconds how far the arrays are. */
function reporting(machine: Machine, say: (line: string) => void): (arrays: readonly ArrayState[]) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (arrays) => {
    if (machine.now() - saidAt < REPORT_MS) return;
    saidAt = machine.now();
    for (const array of arrays) say(`array ${array.name}: ${describeSync(array)}`);
  };
}

/** As recorded at installation; the plan's where nothing was recorded. */
const arrayNames = ({ plan, layout }: NodeFacts): readonly string[] =>
  (layout?.arrays ?? plan.layout.arrays).map(({ name }) => name);

const membersOf = ({ plan }: NodeFacts): number => plan.layout.diskCount - plan.layout.spares;

const describe = ({ name, level, metadata, members, raidDisks }: ArrayState): string =>
  `${name}: ${level} (${metadata}), ${raidDisks} members in sync: ${members.map(({ device }) => device).join(', ')}`;
