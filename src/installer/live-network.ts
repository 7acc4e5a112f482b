/** The network of the live root, which only sleeps until something wants it. */
import { StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';

/** Written by the live root's process 1; it obeys `ip=` on the kernel's command line, else asks by DHCP. */
const NETWORK_UP = '/run/slipway/bin/network-up';

/** Six questions of two seconds on each card, and as much again for a switch that is still learning. */
const PATIENCE_MS = 180_000;

/**
 * Makes sure that there is a way out of this machine.
 * Rejects with a StepFailure of class `transient` when no card gets an address.
 */
export async function ensureNetwork(machine: Machine): Promise<void> {
  if (await hasAddress(machine)) return;
  await machine.exec({ file: NETWORK_UP, args: [], effect: 'write', timeoutMs: PATIENCE_MS, accept: [0, 1] });
  if (await hasAddress(machine)) return;
  throw new StepFailure(
    'transient',
    'no network card of this machine got an address',
    'connect a card to a network with DHCP, or say ip= on the kernel command line',
  );
}

async function hasAddress(machine: Machine): Promise<boolean> {
  const { stdout } = await machine.exec({
    file: 'ip',
    args: ['-oneline', 'address', 'show', 'scope', 'global'],
    effect: 'read',
  });
  return stdout.trim() !== '';
}
