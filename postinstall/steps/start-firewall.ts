import type { Machine } from '../../src/engine/machine.ts';
import type { AgentStep } from '../agent-step.ts';

/** EL's, and the embedded base's. */
const UNITS = ['firewalld.service', 'nftables.service'] as const;

/** The firewall that was enabled at installation is in force. Which rules it has is the kickstart's to say. */
export const startFirewall: AgentStep = {
  id: 'start-firewall',
  title: 'Firewall',
  after: ['set-identity'],
  checks: `Each of ${UNITS.join(', ')} that is enabled is active.`,
  byHand: 'systemctl status firewalld nftables; systemctl disable the one that is not meant to run.',

  async check(machine) {
    const enabled = await enabledUnits(machine);
    const idle = enabled.filter(({ isActive }) => !isActive).map(({ unit }) => unit);
    if (idle.length > 0) return { done: false, why: `${idle.join(', ')}: enabled and not active` };
    const active = enabled.map(({ unit }) => unit).join(', ') || 'none is enabled';
    return { done: true, evidence: { active } };
  },

  async apply(machine) {
    for (const { unit, isActive } of await enabledUnits(machine))
      if (!isActive) await machine.exec({ file: 'systemctl', args: ['start', unit], effect: 'write' });
  },
};

/** The units that are enabled, with whether each is active. One question for all of them. */
async function enabledUnits(
  machine: Machine,
): Promise<readonly { readonly unit: string; readonly isActive: boolean }[]> {
  const { stdout } = await machine.exec({
    file: 'systemctl',
    args: ['show', '--property=Id,UnitFileState,ActiveState', ...UNITS],
    effect: 'read',
  });
  return stdout.split('\n\n').flatMap((block) => {
    const value = (key: string): string | undefined => new RegExp(`^${key}=(.*)$`, 'm').exec(block)?.[1];
    const unit = value('Id');
    const isEnabled = unit !== undefined && value('UnitFileState') === 'enabled';
    return isEnabled ? [{ unit, isActive: value('ActiveState') === 'active' }] : [];
  });
}
