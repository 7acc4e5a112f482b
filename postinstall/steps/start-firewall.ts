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
    const idle = await inactive(machine, enabled);
    if (idle.length > 0) return { done: false, why: `${idle.join(', ')}: enabled and not active` };
    return {
      done: true,
      evidence: { active: enabled.length === 0 ? 'none is enabled' : enabled.join(', ') },
    };
  },

  async apply(machine) {
    for (const unit of await inactive(machine, await enabledUnits(machine)))
      await machine.exec({ file: 'systemctl', args: ['start', unit], effect: 'write' });
  },
};

const enabledUnits = (machine: Machine): Promise<readonly string[]> =>
  filterAsync(UNITS, async (unit) => (await ask(machine, 'is-enabled', unit)) === 'enabled');

const inactive = (machine: Machine, units: readonly string[]): Promise<readonly string[]> =>
  filterAsync(units, async (unit) => (await ask(machine, 'is-active', unit)) !== 'active');

async function ask(machine: Machine, question: 'is-enabled' | 'is-active', unit: string): Promise<string> {
  // systemctl(1): 1 and 3 say no, 4 that there is no such unit.
  const { stdout } = await machine.exec({
    file: 'systemctl',
    args: [question, unit],
    accept: [0, 1, 3, 4],
    effect: 'read',
  });
  return stdout.trim();
}

async function filterAsync(
  units: readonly string[],
  holds: (unit: string) => Promise<boolean>,
): Promise<readonly string[]> {
  const answers = await Promise.all(units.map(holds));
  return units.filter((_, i) => answers[i]);
}
