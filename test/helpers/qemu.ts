/** What proofs on virtual machines share. */
import type { LabMachine } from '../../src/lab/engine.ts';

/** Milliseconds from power-on to the boot menu under emulation, UEFI and a USB stick included. */
const MENU_MS = 120_000;

/** Waits for the boot menu and takes the entry with that key, over the serial line. */
export async function choose(machine: LabMachine, hotkey: string): Promise<void> {
  await machine.waitForLine(/Boot from disk/, MENU_MS);
  machine.type(hotkey);
}

/** The one of `allowed` that `value` is. */
export function oneOf<T extends string>(allowed: readonly T[], value: string): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new Error(`'${value}' is none of ${allowed.join(', ')}`);
  return found;
}
