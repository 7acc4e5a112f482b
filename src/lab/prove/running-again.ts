/** What is done twice changes nothing, and what is not declared is not touched. */
import { rawImage } from '../disks.ts';
import { chooseEntry } from '../run-node.ts';
import { expectSettled } from './boot-matrix.ts';
import type { InstalledComputer } from './computer.ts';
import { difference } from './images.ts';
import { Disproof, type PlannedCell } from './proof.ts';
import { LIMIT, type Stage } from './stage.ts';

/** On a computer that `complete`, the id of a cell of the same group, has left complete. */
export function secondRun(computer: InstalledComputer, complete: string): readonly PlannedCell[] {
  const cell = (id: string, column: string, prove: PlannedCell['prove']): PlannedCell => ({
    ...{ id: `second-run/${computer.id}/${id}`, proof: 'second-run', row: computer.title },
    ...{ column, after: complete, prove },
  });
  return [
    cell('agent', 'the agent runs again', runAgentAgain),
    ...(mayOverwrite(computer) ? [] : [cell('installer', 'the ISO is started again', installAgain)]),
  ];
}

/** The disk that nobody declared has been there since before the installation. */
export function undeclaredDisks(computer: InstalledComputer, complete: string): readonly PlannedCell[] {
  if (computer.undeclared === undefined) return [];
  return [
    {
      id: `undeclared-disks/${computer.id}`,
      proof: 'undeclared-disks',
      row: computer.title,
      column: 'installed beside it, started beside it',
      after: complete,
      prove: compareUndeclared,
    },
  ];
}

const mayOverwrite = ({ demand }: InstalledComputer): boolean =>
  demand.kind === 'matching' ? demand.wipe : demand.disks.some(({ wipe }) => wipe);

/** `slipway: [2/12] SSH by key only: changed (2.7 s)` */
const ENDED = /slipway: \[\d+\/\d+\] (.+): (already-done|changed) \(\d/;

async function runAgentAgain(stage: Stage): Promise<void> {
  const disks = await stage.overlays();
  await stage.power({ disks, firmwareMemory: 'copied' }, async (machine) => {
    await stage.expectLife(machine);
    await expectSettled(stage, machine);
    const ended = machine
      .transcript()
      .split('\n')
      .flatMap((line) => {
        const [found, title = '', outcome = ''] = ENDED.exec(line) ?? [];
        return found === undefined ? [] : [{ line, title, outcome }];
      });
    if (ended.length === 0) throw new Disproof('the agent did not say what became of its steps');
    const changed = ended.filter(({ outcome }) => outcome === 'changed');
    if (changed.length > 0) {
      throw new Disproof(
        `done again: ${changed.map(({ title }) => title).join(', ')}`,
        changed.map(({ line }) => line),
      );
    }
    stage.shows(`${ended.length} steps, each already-done`);
  });
}

/** Nothing is what the installer has to change: it refuses, and the disks are byte for byte what they were. */
async function installAgain(stage: Stage): Promise<void> {
  const { iso, start, install } = stage.computer;
  const disks = await stage.overlays();
  const medium = { kind: start.medium, file: iso };
  await stage.power({ medium, disks, firmwareMemory: 'copied' }, async (machine) => {
    await chooseEntry(machine, install.hotkey, LIMIT.menu);
    await stage.expect(
      machine,
      new RegExp(`slipway: failed ${stage.node}: refused-foreign-data: `),
      LIMIT.install,
    );
    await machine.waitForLine(/a shell follows/, LIMIT.boot, 'expected');
  });
  for (const [i, { file, changes = file }] of disks.entries()) {
    const differs = await difference(stage.exec, rawImage(file), { file: changes, format: 'qcow2' });
    if (differs !== undefined) throw new Disproof(`disk ${i + 1} was written to: ${differs}`);
  }
  stage.shows('the disks are byte-identical');
}

/** Compared with what lay on it before the installation, after one more start. */
async function compareUndeclared(stage: Stage): Promise<void> {
  const disks = [...(await stage.overlays(stage.declared)), stage.undeclared];
  await stage.power({ disks, firmwareMemory: 'copied' }, async (machine) => {
    await stage.expectLife(machine);
    await expectSettled(stage, machine);
    await stage.switchOff(machine);
  });
  const differs = await difference(
    stage.exec,
    rawImage(stage.undeclaredBefore),
    rawImage(stage.undeclared.file),
  );
  if (differs !== undefined) throw new Disproof(`the disk that nobody declared was written to: ${differs}`);
  stage.shows('the disk that nobody declared is byte-identical');
}
