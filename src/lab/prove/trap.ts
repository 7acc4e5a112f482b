/**
 * The trap: a mirrored /boot that is not yet the same on every disk. Firmware and boot loader read one member and do not
 * know which one is current, so a machine that goes down at the wrong moment may not come back.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { MissingError } from '../../errors/exit.ts';
import type { LabDisk, LabMachine } from '../engine.ts';
import { expectDegraded, expectSettled } from './boot-matrix.ts';
import type { InstalledComputer } from './computer.ts';
import { installerKernel, nextStepEvent } from './installer-run.ts';
import { disksAt, type Moment, Moments } from './moments.ts';
import { Disproof, NotApplicable, type PlannedCell, type ProofGroup } from './proof.ts';
import { slowResync } from './slow-resync.ts';
import { LIMIT, type Stage } from './stage.ts';

export const TRAP = 'trap';

/** How far /boot is when the power goes off. */
const PERCENTS = [5, 50, 95] as const;
/** What passes for that, in percent: md tells its progress in steps of 5 to 8. */
const TOLERANCE = { below: 3, above: 9 } as const;

/** Bytes a second that the disk takes which others are copied to. */
const SPEED = {
  /** Unhindered an empty gigabyte is copied before anybody can see how far it is; so it takes a minute. */
  sealing: 24 * 2 ** 20,
  /** /boot alone takes minutes, in which the system starts and somebody presses a button. */
  starting: 4 * 2 ** 20,
} as const;

/** Cells that begin with one installation whose /boot is resynced slowly. */
export function trap(computer: InstalledComputer, boot: string): ProofGroup {
  const moments = new Map<number, Moment>();
  const cell = (id: string, column: string, prove: PlannedCell['prove']): PlannedCell => ({
    ...{ id: `${TRAP}/${computer.id}/${id}`, proof: TRAP, row: computer.title, column, prove },
    seconds: 180,
  });
  return {
    computer,
    prepare: (stage) => installSlowly(stage, boot, moments),
    cells: [
      ...PERCENTS.map((percent) =>
        cell(`power-cut-at-${percent}`, `power cut at ${percent} % of /boot`, (stage) =>
          startAfterCut(stage, moments.get(percent)),
        ),
      ),
      cell('reboot-before-sync', 'switched off by its button before /boot is in sync', (stage) =>
        pressTooEarly(stage, boot, moments.get(PERCENTS[0])),
      ),
    ],
  };
}

/** A cell of its own, since disks can be pulled out of a running machine on a SCSI bus only. */
export function missingMember(
  title: Pick<InstalledComputer, 'id' | 'title'>,
  plan: () => InstalledComputer,
  otherwise: InstalledComputer,
): ProofGroup {
  const cell = { id: `${TRAP}/${title.id}/missing-member`, proof: TRAP, row: title.title };
  const column = 'a disk lost after its array was made';
  try {
    return { computer: plan(), cells: [{ ...cell, column, prove: loseMember }] };
  } catch (error) {
    if (!(error instanceof MissingError)) throw error;
    const prove = async (): Promise<void> => {
      throw new NotApplicable(error.message);
    };
    return { computer: otherwise, cells: [{ ...cell, column, prove }] };
  }
}

async function installSlowly(stage: Stage, boot: string, moments: Map<number, Moment>): Promise<void> {
  const { iso, start } = stage.computer;
  const asItIs = await installerKernel(stage.exec, iso, stage.node, stage.keep('installer-'));
  const kernel = await slowResync(asItIs, stage.keep('slow-initrd'));
  await stage.power({ kernel, medium: { kind: start.medium, file: iso } }, async (machine) => {
    const taken = new Moments(stage, 'resync');
    await waitForStep(machine, 'seal-installation', 'applying');
    await machine.limitWrites?.(copiedTo(stage), SPEED.sealing);
    for (const percent of PERCENTS) {
      await waitForPercent(machine, boot, percent);
      moments.set(percent, await taken.take(machine));
    }
  });
}

/** It starts, whole, and after that the disk that was being copied to starts alone. */
async function startAfterCut(stage: Stage, moment: Moment | undefined): Promise<void> {
  const disks = await disksAt(stage, reached(moment));
  await stage.power({ disks, firmwareMemory: 'copied' }, async (machine) => {
    await stage.expectLife(machine);
    await stage.expect(machine, /Arrays in sync: (?:changed|already-done)/, LIMIT.verdict);
    await expectSettled(stage, machine);
    await stage.switchOff(machine);
  });
  await expectDegraded(
    stage,
    disks.filter(({ file }) => file === copiedTo(stage).file),
  );
}

/** Milliseconds in which a system that is not held back is well on its way down. */
const HEARD_MS = 15_000;

/** The button is answered only when every disk can start the machine. */
async function pressTooEarly(stage: Stage, boot: string, moment: Moment | undefined): Promise<void> {
  const disks = slowed(stage, await disksAt(stage, reached(moment)), SPEED.starting);
  await stage.power({ disks, firmwareMemory: 'copied' }, async (machine) => {
    await stage.expectLife(machine);
    // The agent holds shutdowns back before it says how far the first array is.
    await stage.expect(machine, new RegExp(`array ${boot}: resync`), LIMIT.verdict);
    await machine.powerButton();
    stage.shows('the power button was pressed');
    await pause(HEARD_MS);
    await machine.limitWrites?.(copiedTo(stage), undefined);
    await expectSettled(stage, machine);
    await stage.switchOff(machine);
    stage.shows('the power button was pressed again, and it switched itself off');
  });
}

async function loseMember(stage: Stage): Promise<void> {
  const { iso, start, mirrored, node } = stage.computer;
  const kernel = await installerKernel(stage.exec, iso, node, stage.keep('installer-'));
  await stage.power({ kernel, medium: { kind: start.medium, file: iso } }, async (machine) => {
    await waitForStep(machine, 'create-arrays', 'changed');
    await machine.unplug(stage.disk(mirrored - 1));
    stage.shows(`disk ${mirrored} was pulled out`);
    const ending = new RegExp(`slipway: (?:installed|failed) ${node}`);
    const line = await stage.expect(machine, ending, LIMIT.install);
    if (/slipway: installed /.test(line)) throw new Disproof('installed on less than all disks', [line]);
  });
}

const reached = (moment: Moment | undefined): Moment => {
  if (moment === undefined) throw new Disproof('the installation did not get that far');
  return moment;
};

/** Of the mirrored disks the last one: md copies the first to all others. */
const copiedTo = (stage: Stage): LabDisk => stage.disk(stage.computer.mirrored - 1);

const slowed = (stage: Stage, disks: readonly LabDisk[], writeLimit: number): readonly LabDisk[] =>
  disks.map((disk) => (disk.file === copiedTo(stage).file ? { ...disk, writeLimit } : disk));

async function waitForStep(machine: LabMachine, id: string, state: string): Promise<void> {
  for (;;) {
    const event = await nextStepEvent(machine, LIMIT.install);
    if (event === undefined) throw new Disproof(`the node is installed, and ${id} was never ${state}`);
    if (event.id === id && event.state === state) return;
  }
}

/** @throws {Disproof} when the array is seen too late: what is proven must be what the cell is called. */
async function waitForPercent(machine: LabMachine, array: string, percent: number): Promise<void> {
  const pattern = new RegExp(`${array}: resync (\\d+) %|slipway: installed `);
  for (;;) {
    const line = await machine.waitForLine(pattern, LIMIT.install);
    const done = pattern.exec(line)?.[1];
    if (done === undefined) throw new Disproof(`${array} was in sync before it was seen at ${percent} %`);
    if (Number(done) < percent - TOLERANCE.below) continue;
    if (Number(done) <= percent + TOLERANCE.above) return;
    throw new Disproof(`${array} was at ${done} % already when it was to be seen at ${percent} %`, [line]);
  }
}
