import { type ArrayState, describeSync, mdReady, readArrays } from '../../src/storage/md.ts';
import { waitForArrays } from '../../src/storage/wait-arrays.ts';
import type { AgentStep, NodeFacts } from '../agent-step.ts';

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
    'Each array: not degraded, nothing running, no resync pending, all members in sync (/sys/block/md*/md).',
  byHand:
    'cat /proc/mdstat; mdadm --detail /dev/md/NAME; add a replaced member with mdadm /dev/md/NAME --add PARTITION.',

  async check(machine, facts) {
    const names = arrayNames(facts);
    const arrays = (await readArrays(machine)).filter(({ name }) => names.includes(name));
    const missing = names.filter((name) => !arrays.some((array) => array.name === name));
    const reasons = [
      ...arrays.map((array) => mdReady(array, membersOf(facts))).flatMap((r) => (r.ready ? [] : [r.why])),
      ...missing.map((name) => `array ${name} is not assembled`),
    ];
    if (reasons.length > 0) return { done: false, why: reasons.join('; ') };
    return { done: true, evidence: { arrays: arrays.map(describe) } };
  },

  async apply(machine, facts, say) {
    let saidAt = Number.NEGATIVE_INFINITY;
    await waitForArrays(machine, arrayNames(facts), {
      expectedDisks: membersOf(facts),
      onProgress(waiting) {
        if (machine.now() - saidAt < REPORT_MS) return;
        saidAt = machine.now();
        for (const array of waiting) say(`array ${array.name}: ${describeSync(array)}`);
      },
    });
  },
};

/** As recorded at installation; the plan's where nothing was recorded. */
const arrayNames = ({ plan, layout }: NodeFacts): readonly string[] =>
  (layout?.arrays ?? plan.layout.arrays).map(({ name }) => name);

const membersOf = ({ plan }: NodeFacts): number => plan.layout.diskCount - plan.layout.spares;

const describe = ({ name, level, metadata, members, raidDisks }: ArrayState): string =>
  `${name}: ${level} (${metadata}), ${raidDisks} members in sync: ${members.map(({ device }) => device).join(', ')}`;
