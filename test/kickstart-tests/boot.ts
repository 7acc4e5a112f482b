/** Whether an installed machine starts: with all of its disks, and with each of them missing. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Engine, LabFailure, type LabMachine, type LabMachineSpec } from '../../src/lab/engine.ts';
import type { BootResult } from './results.ts';

/** Until a login prompt, under emulation. */
const BOOT_MS = 240_000;
/** A machine that cannot start is given less: one that can has long printed its prompt. */
const DEAD_MS = 150_000;

/**
 * Disks, counted from 1, without which a test's layout cannot start. raid-1 stripes the root over both; the others
 * with several disks keep the EFI system partition and /boot on the first alone, by their kickstarts.
 */
const INDISPENSABLE: Readonly<Record<string, readonly number[]>> = {
  'raid-1': [1, 2],
  'raid-1-reqpart': [1, 2],
  'lvm-raid-1': [1],
  'lvm-raid-2': [1],
};

/** Tests whose layouts are arrays: these are started after installation. */
export const isArrayTest = (test: string): boolean => test in INDISPENSABLE;

/** Root's password in every test that is started here. */
const PASSWORD = 'testcase';
/** md computes the redundancy of a new array while the system runs; no member may be missing before. */
const SYNC_MS = 600_000;
const SYNCED = 'arrays are whole';
/**
 * Arrays that nobody has written to yet wait to be told so. The answer is put together by the shell, so that what is
 * typed is not taken for it.
 */
const WHOLE = [
  'for array in /dev/md?*; do mdadm --readwrite $array 2>/dev/null; done',
  String.raw`while grep -qE 'resync|recover|\[U*_' /proc/mdstat; do sleep 2; done`,
  "echo arrays are ''whole",
].join('; ');

/**
 * Starts the machine with all of its disks and lets it run until its arrays are in sync, then with each disk missing;
 * each of those times disks and UEFI's variables are as the first start left them.
 */
export async function bootEach(
  engine: Engine,
  test: string,
  installed: LabMachineSpec,
  folder: string,
): Promise<readonly BootResult[]> {
  const withAll = { ...installed, name: 'boot-all', consoleLog: join(folder, 'boot-all.log') };
  const first = { booted: await boots(engine, withAll, BOOT_MS, waitForSync), expected: true };
  const results: BootResult[] = [first];
  if (!first.booted) return results;
  for (const [i] of installed.disks.entries()) {
    const without = i + 1;
    const expected = !(INDISPENSABLE[test] ?? []).includes(without);
    const name = `boot-without-${without}`;
    const efiVars = join(folder, `${name}.efivars`);
    if (installed.efiVars !== undefined) await copyFile(installed.efiVars, efiVars);
    const disks = installed.disks.map((disk) => ({ ...disk, discardWrites: true })).toSpliced(i, 1);
    const spec = { ...installed, name, efiVars, consoleLog: join(folder, `${name}.log`), disks };
    results.push({ without, booted: await boots(engine, spec, expected ? BOOT_MS : DEAD_MS), expected });
  }
  return results;
}

/** Whether the machine comes to a login prompt, and whatever is done there succeeds. */
async function boots(
  engine: Engine,
  spec: LabMachineSpec,
  limitMs: number,
  then: (machine: LabMachine) => Promise<unknown> = async () => {},
): Promise<boolean> {
  const machine = await engine.start(spec);
  try {
    await machine.waitForLine(/\blogin:/, limitMs, 'expected');
    await then(machine);
    return true;
  } catch (error) {
    if (error instanceof LabFailure) return false;
    throw error;
  } finally {
    await machine.end();
  }
}

async function waitForSync(machine: LabMachine): Promise<void> {
  machine.type('root\r');
  await machine.waitForLine(/Password:/, BOOT_MS, 'expected');
  machine.type(`${PASSWORD}\r`);
  await machine.waitForLine(/[#$] $/, BOOT_MS, 'expected');
  machine.type(`${WHOLE}; poweroff\r`);
  await machine.waitForLine(new RegExp(SYNCED), SYNC_MS, 'expected');
  await machine.waitForPowerOff(BOOT_MS);
}
