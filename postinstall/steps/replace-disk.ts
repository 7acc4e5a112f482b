import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { LAYOUT_RECORD_PATH, readLayoutRecord } from '../../src/storage/layout-record.ts';
import { observe } from '../../src/storage/observe.ts';
import {
  hasTable,
  labelOf,
  type Replacement,
  type ReplacementView,
  renewed,
  tableScript,
  viewReplacement,
} from '../../src/storage/replacement.ts';
import type { AgentStep, NodeFacts } from '../agent-step.ts';
import { addComparisons } from '../comparisons-due.ts';

/**
 * An empty disk in the place of one that is gone becomes that disk: the recorded partition table with its GUIDs, its
 * partitions in their arrays, its hardware in the record. Every stage is told from the disks alone, so that a power cut
 * between any two of them is no more than a later start.
 */
export const replaceDisk: AgentStep = {
  id: 'replace-disk',
  title: 'Replaced disks',
  after: ['set-identity'],
  checks:
    `Where a disk of ${LAYOUT_RECORD_PATH} is gone and an empty one that the spec would have chosen is there: it has the ` +
    'recorded partition table, its partitions are in their arrays, and the record names it.',
  byHand:
    'slipway-agent run --replacement /dev/DISK chooses one. A disk with anything on it is refused: if it is meant, ' +
    'empty it yourself (blkdiscard, or wipefs --all and zeros over its first and last MiB).',

  async check(machine, facts) {
    const view = await look(machine, facts);
    if (view === undefined) return { done: true, evidence: { disks: 'nothing is mirrored' } };
    refuse(view);
    const left = [
      ...view.replacements.map((one) => `${describe(one)} is empty and takes the place of ${nameOf(one)}`),
      ...view.blank.map(({ partition, name }) => `${partition} is not in array ${name} yet`),
      ...view.renewed.map((one) => `the record names ${nameOf(one)}, in whose place is ${describe(one)}`),
    ];
    if (left.length > 0) return { done: false, why: left.join('; ') };
    return {
      done: true,
      evidence: { absent: view.absent.map(({ serial, tableUuid }) => serial ?? tableUuid) },
    };
  },

  async apply(machine, facts, say) {
    for (const replacement of (await judge(machine, facts)).replacements) {
      say(`partitioning ${describe(replacement)} as ${nameOf(replacement)} was`);
      await partition(machine, replacement);
    }
    const { blank } = await judge(machine, facts);
    await addComparisons(
      machine,
      facts,
      blank.map(({ name }) => name),
    );
    for (const { partition: member, array, name } of blank) {
      say(`adding ${member} to array ${name}`);
      await machine.exec({ file: 'mdadm', args: ['--manage', array, '--add', member], effect: 'write' });
    }
    await renewRecord(machine, (await judge(machine, facts)).renewed);
  },
};

/** Undefined where there is nothing to compare with: other steps say so. */
async function look(
  machine: Machine,
  { plan, replacement }: NodeFacts,
): Promise<ReplacementView | undefined> {
  const record = await readLayoutRecord(machine);
  if (record === undefined || record.kind !== 'raid1' || record.node !== plan.name) return undefined;
  const named =
    replacement === undefined ? undefined : ((await machine.realPath(replacement)) ?? replacement);
  return viewReplacement(machine, record, plan.disks, await observe(machine), named);
}

/** The guard before everything that is written: what was true a moment ago is asked again. */
async function judge(machine: Machine, facts: NodeFacts): Promise<ReplacementView> {
  const view = await look(machine, facts);
  if (view === undefined) throw new StepFailure('config-invalid', `${LAYOUT_RECORD_PATH} is gone`);
  refuse(view);
  return view;
}

function refuse({ refusals, undecided, absent }: ReplacementView): void {
  if (refusals.length > 0) {
    throw new StepFailure(
      'refused-foreign-data',
      refusals.join('; '),
      'nothing was written; empty the disk yourself if it is meant, or attach another one',
    );
  }
  if (undecided.length > 0) {
    throw new StepFailure(
      'verify-failed',
      `${absent.length} disks are gone and ${undecided.length} empty ones could take their place: ${undecided.join(', ')}`,
      `slipway-agent run --replacement ${undecided[0]}`,
    );
  }
}

async function partition(machine: Machine, { record, disk }: Replacement): Promise<void> {
  await machine.exec({
    file: 'sfdisk',
    args: ['--quiet', '--wipe=never', '--wipe-partitions=never', disk.path],
    stdin: tableScript(record, disk),
    effect: 'write',
  });
  await machine.exec({ file: 'udevadm', args: ['settle'], effect: 'read' });
  const after = (await observe(machine)).disks.find((one) => one.disk.path === disk.path);
  if (!hasTable(record, after))
    throw new StepFailure('verify-failed', `${disk.path} did not take the recorded partition table`);
}

async function renewRecord(machine: Machine, replacements: readonly Replacement[]): Promise<void> {
  const record = await readLayoutRecord(machine);
  if (record === undefined || replacements.length === 0) return;
  const next = replacements.reduce((sum, one) => renewed(sum, one.record, one.disk), record);
  await machine.writeFile(LAYOUT_RECORD_PATH, `${JSON.stringify(next, null, 2)}\n`);
}

const describe = ({ disk }: Replacement): string => `${disk.path} (${labelOf(disk)})`;

const nameOf = ({ record }: Replacement): string => record.serial ?? record.ids[0] ?? record.tableUuid;
