/** Installed by every firmware and medium: what starts afterwards, from which disks, and what is refused. */
import { rawImage } from '../disks.ts';
import type { LabDisk, LabMachine } from '../engine.ts';
import { installFrom } from '../run-node.ts';
import type { InstalledComputer } from './computer.ts';
import { copyImage, difference, writeForeign } from './images.ts';
import { Disproof, type PlannedCell } from './proof.ts';
import { LIMIT, type Stage } from './stage.ts';

const BOOT_MATRIX = 'boot-matrix';

/** A column of the grid: how a cell is proven, whatever the row. */
interface Column {
  readonly id: string;
  readonly title: string;
  readonly after?: string;
  prove(stage: Stage): Promise<void>;
}

/** The columns that mean something on this computer. */
export function bootMatrix(computer: InstalledComputer): readonly PlannedCell[] {
  const mirrored = Array.from({ length: computer.mirrored }, (_, i) => i);
  const columns: readonly Column[] = [
    { id: 'installs', title: 'installs', prove: install },
    { id: 'all-disks', title: 'all disks', after: 'installs', prove: startWithAll },
    ...mirrored.map((i) => ({
      id: `disk-${i + 1}-alone`,
      title: `disk ${i + 1} alone`,
      prove: (stage: Stage) => startAlone(stage, i),
    })),
    ...(mirrored.length === 0
      ? []
      : [
          { id: 'replaced', title: 'disk 1 replaced by an empty one', prove: replaceFirst },
          { id: 'foreign', title: 'last disk replaced by a foreign one', prove: refuseForeign },
        ]),
    ...(computer.start.firmware === 'bios'
      ? []
      : [{ id: 'nvram-lost', title: 'NVRAM entries lost', prove: startForgotten }]),
  ];
  const idOf = (column: string): string => `${BOOT_MATRIX}/${computer.id}/${column}`;
  return columns.map(({ id, title, after, prove }) => ({
    id: idOf(id),
    proof: BOOT_MATRIX,
    row: computer.title,
    column: title,
    ...(id === 'installs' ? {} : { after: idOf(after ?? 'all-disks') }),
    prove,
  }));
}

async function install(stage: Stage): Promise<void> {
  const { iso, start, install: entry } = stage.computer;
  await stage.power({ medium: { kind: start.medium, file: iso } }, async (machine) => {
    stage.shows(await installFrom(machine, stage.node, entry, LIMIT));
  });
}

/** Kept: what follows starts from a node that has been complete once. */
async function startWithAll(stage: Stage): Promise<void> {
  await stage.power({}, async (machine) => {
    await stage.expectLife(machine);
    await expectSettled(stage, machine);
    await stage.switchOff(machine);
  });
}

/** By firmware that has forgotten what was installed: a board that was replaced knows nothing either. */
async function startAlone(stage: Stage, index: number): Promise<void> {
  const disk = await stage.overlay(stage.disk(index));
  await expectDegraded(stage, [disk]);
}

async function replaceFirst(stage: Stage): Promise<void> {
  const blank = await stage.blankFor(0);
  const others = await stage.overlays(stage.disks.slice(1));
  // The BIOS of these machines (SeaBIOS) starts the first disk there is and no other; a person would choose one there.
  const isBios = stage.computer.start.firmware === 'bios';
  const disks = isBios ? [...others, blank] : [blank, ...others];
  await stage.power({ disks, firmwareMemory: 'copied' }, async (machine) => {
    await stage.expectLife(machine);
    await stage.expect(machine, /Replaced disks: changed/, LIMIT.verdict);
    await expectSettled(stage, machine);
    await stage.switchOff(machine);
  });
  // That the agent calls it repaired is one thing; that the machine starts from it alone is the other.
  await expectDegraded(stage, [blank]);
}

async function refuseForeign(stage: Stage): Promise<void> {
  const last = stage.declared.length - 1;
  const foreign = await stage.blankFor(last);
  await writeForeign(stage.exec, foreign.file);
  const before = stage.scratch('.before');
  await copyImage(stage.exec, foreign.file, before);
  const others = await stage.overlays(stage.declared.slice(0, last));
  await stage.power({ disks: [...others, foreign], firmwareMemory: 'copied' }, async (machine) => {
    await stage.expectLife(machine);
    await stage.expect(
      machine,
      new RegExp(`slipway: failed ${stage.node}: refused-foreign-data: `),
      LIMIT.verdict,
    );
    await stage.expectLogin(machine);
  });
  const differs = await difference(stage.exec, rawImage(before), rawImage(foreign.file));
  if (differs !== undefined) throw new Disproof(`the foreign disk was written to: ${differs}`);
  stage.shows('the foreign disk is byte-identical');
}

async function startForgotten(stage: Stage): Promise<void> {
  const disks = await stage.overlays();
  await stage.power({ disks, firmwareMemory: 'forgotten' }, async (machine) => {
    await stage.expectLife(machine);
    await stage.expect(machine, /adding a boot entry for /, LIMIT.verdict);
    await expectSettled(stage, machine);
  });
}

/** What a node of a cluster says when all that concerns it alone is verified: without the others it is never complete. */
const WAITS_FOR_OTHERS = 'slipway: \\[\\d+/\\d+\\] (?:.+: waits for its peer|Join secret: waits for you)';

/** The node itself has verified everything. */
export async function expectSettled(stage: Stage, machine: LabMachine): Promise<void> {
  const complete = `slipway: complete ${stage.node}$`;
  const settled = stage.computer.inCluster ? `${complete}|${WAITS_FOR_OTHERS}` : complete;
  await stage.expect(machine, new RegExp(settled), LIMIT.verdict);
}

/** Started from a part of its disks, the node says that it is degraded and stays up. */
export async function expectDegraded(stage: Stage, disks: readonly LabDisk[]): Promise<void> {
  await stage.power({ disks, firmwareMemory: 'forgotten' }, async (machine) => {
    await stage.expectLife(machine);
    const degraded = new RegExp(`slipway: failed ${stage.node}: .*degraded`);
    await stage.expect(machine, degraded, LIMIT.verdict);
    await stage.expectLogin(machine);
  });
}
