/** systemd units of the cluster. */
import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { unitState } from './cluster-state.ts';
import { type WaitOptions, waitUntil } from './wait.ts';

/** Rejects at once when a unit has failed: no waiting mends it. */
async function refuseFailedUnit(machine: Machine, unit: string): Promise<void> {
  if ((await unitState(machine, unit)) !== 'failed') return;
  const { stdout } = await machine.exec({
    file: 'journalctl',
    args: ['--unit', unit, '--boot', '--lines', '3', '--output', 'cat', '--quiet', '--no-pager'],
    effect: 'read',
    accept: [0, 1],
  });
  const said = stdout.trim().split('\n').join(' | ');
  throw new StepFailure(
    'verify-failed',
    `${unit} has failed${said === '' ? '' : `: ${said}`}`,
    `systemctl status ${unit}; when mended: systemctl reset-failed ${unit}; slipway-agent run`,
  );
}

/** What a check says of a unit with `obstacle` in the way of what it is for; rejects when the unit has failed. */
export async function notServing(
  machine: Machine,
  unit: string,
  obstacle: string,
): Promise<{ readonly done: false; readonly why: string }> {
  await refuseFailedUnit(machine, unit);
  return { done: false, why: obstacle };
}

/**
 * Starts a unit that does not run, and waits until `obstacle` finds nothing in the way of what the unit is for.
 * Rejects at once when the unit has failed.
 */
export async function startUnit(
  machine: Machine,
  unit: string,
  obstacle: () => Promise<string | undefined>,
  wait: WaitOptions,
  say: (line: string) => void,
): Promise<void> {
  if ((await unitState(machine, unit)) !== 'active') {
    say(`starting ${unit}`);
    await machine
      .exec({ file: 'systemctl', args: ['start', unit], effect: 'write' })
      .catch(async (error: unknown) => {
        await refuseFailedUnit(machine, unit);
        throw error;
      });
  }
  await waitUntil(
    machine,
    async () => {
      await refuseFailedUnit(machine, unit);
      return obstacle();
    },
    wait,
  );
}
