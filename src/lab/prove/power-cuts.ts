/**
 * The power goes off during an installation, once in each of its steps: the next start of the ISO finishes the job or
 * refuses because there is something on the disks. It never leaves half an installation without a word.
 *
 * One installation is enough for all cuts: as each step begins, the disks are kept as they are at that moment. That is
 * what a machine without power would leave: what it has written is there, what it has in memory is not.
 */
import { chooseEntry } from '../run-node.ts';
import { expectSettled } from './boot-matrix.ts';
import type { InstalledComputer } from './computer.ts';
import { installerKernel, nextStepEvent } from './installer-run.ts';
import { disksAt, type Moment, Moments } from './moments.ts';
import { NotApplicable, type PlannedCell, type ProofGroup } from './proof.ts';
import { LIMIT, type Stage } from './stage.ts';

const POWER_CUTS = 'power-cuts';

/** A step of the installer. */
export interface InstallerStep {
  readonly id: string;
  readonly title: string;
}

/** After the last step, before the machine is off. */
const END: InstallerStep = { id: 'installed', title: 'At the end, before it is off' };

/** `steps`: all steps of the installer in their order. */
export function powerCuts(computer: InstalledComputer, steps: readonly InstallerStep[]): ProofGroup {
  const moments = new Map<string, Moment>();
  const cells = [...steps, END].map(
    ({ id, title }): PlannedCell => ({
      id: `${POWER_CUTS}/${computer.id}/${id}`,
      proof: POWER_CUTS,
      row: computer.title,
      column: title,
      // The installer refuses after most of them, and half of its steps have nothing to do on a given node.
      seconds: 12,
      prove: (stage) => startAgain(stage, moments.get(id)),
    }),
  );
  return { computer, cells, prepare: (stage) => installOnce(stage, moments) };
}

async function installOnce(stage: Stage, moments: Map<string, Moment>): Promise<void> {
  const { iso, start } = stage.computer;
  const kernel = await installerKernel(stage.exec, iso, stage.node, stage.keep('installer-'));
  await stage.power({ kernel, medium: { kind: start.medium, file: iso } }, async (machine) => {
    const taken = new Moments(stage, 'install');
    for (;;) {
      const event = await nextStepEvent(machine, LIMIT.install);
      if (event?.state === 'applying') moments.set(event.id, await taken.take(machine));
      if (event !== undefined) continue;
      moments.set(END.id, await taken.take(machine));
      return;
    }
  });
}

async function startAgain(stage: Stage, moment: Moment | undefined): Promise<void> {
  if (moment === undefined) throw new NotApplicable('this step has nothing to do on this node');
  const { iso, start, install } = stage.computer;
  const disks = await disksAt(stage, moment);
  const medium = { kind: start.medium, file: iso };
  const finished = await stage.power({ disks, medium, firmwareMemory: 'copied' }, async (machine) => {
    await chooseEntry(machine, install.hotkey, LIMIT.menu);
    const { node } = stage;
    const ending = new RegExp(`slipway: installed ${node}$|slipway: failed ${node}: refused-foreign-data: `);
    const line = await stage.expect(machine, ending, LIMIT.install);
    if (line.includes('refused-foreign-data')) return false;
    if (!install.halts) await machine.waitForPowerOff(LIMIT.powerOff);
    return true;
  });
  if (!finished) return;
  await stage.power({ disks, firmwareMemory: 'copied' }, async (machine) => {
    await stage.expectLife(machine);
    await expectSettled(stage, machine);
  });
}
