/** Whether an installed machine starts: with all of its disks, and with each of them missing. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine, LabMachineSpec } from '../../src/lab/engine.ts';
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

/** Starts the machine again and again; each time disks and UEFI's variables are as the installation left them. */
export async function bootEach(
  engine: Engine,
  test: string,
  installed: LabMachineSpec,
  folder: string,
): Promise<readonly BootResult[]> {
  const results: BootResult[] = [];
  for (const without of [undefined, ...installed.disks.map((_disk, i) => i + 1)]) {
    const expected = without === undefined || !(INDISPENSABLE[test] ?? []).includes(without);
    const name = without === undefined ? 'boot-all' : `boot-without-${without}`;
    const efiVars = join(folder, `${name}.efivars`);
    if (installed.efiVars !== undefined) await copyFile(installed.efiVars, efiVars);
    const machine = await engine.start({
      ...installed,
      name,
      efiVars,
      consoleLog: join(folder, `${name}.log`),
      disks: installed.disks
        .map((disk) => ({ ...disk, discardWrites: true }))
        .filter((_disk, i) => i + 1 !== without),
    });
    try {
      const booted = await machine.waitForLine(/\blogin:/, expected ? BOOT_MS : DEAD_MS, 'expected').then(
        () => true,
        () => false,
      );
      results.push({ ...(without === undefined ? {} : { without }), booted, expected });
    } finally {
      await machine.end();
    }
  }
  return results;
}
