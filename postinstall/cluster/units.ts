/** systemd units of the cluster. */
import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { unitState } from './cluster-state.ts';

/** Rejects at once when a unit has failed: no waiting mends it. */
export async function refuseFailedUnit(machine: Machine, unit: string): Promise<void> {
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
