import { StepFailure } from '../../src/engine/failure.ts';
import type { AgentStep } from '../agent-step.ts';

const KERNEL_NAME = '/proc/sys/kernel/hostname';

/** machine-id(5): 32 lower-case hex digits, not all zero. */
const isMachineId = (text: string): boolean => /^[0-9a-f]{32}$/.test(text) && !/^0+$/.test(text);

/** The node knows who it is: its name, and a machine id of its own. */
export const setIdentity: AgentStep = {
  id: 'set-identity',
  title: 'Identity',
  checks:
    'The host name, in /etc/hostname and in the kernel, is the name in the plan; /etc/machine-id holds an id.',
  byHand: 'hostnamectl set-hostname NAME; rm /etc/machine-id && systemd-machine-id-setup, then reboot.',

  async check(machine, { plan }) {
    const read = async (path: string): Promise<string> => ((await machine.readFile(path)) ?? '').trim();
    const machineId = await read('/etc/machine-id');
    const wrong = [
      ...((await read('/etc/hostname')) === plan.name ? [] : [`/etc/hostname is not ${plan.name}`]),
      ...((await read(KERNEL_NAME)) === plan.name ? [] : [`the kernel's host name is not ${plan.name}`]),
      ...(isMachineId(machineId) ? [] : ['/etc/machine-id holds no id']),
    ];
    if (wrong.length > 0) return { done: false, why: wrong.join('; ') };
    return { done: true, evidence: { hostname: plan.name, machineId } };
  },

  async apply(machine, { plan }) {
    if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(plan.name)) {
      throw new StepFailure('config-invalid', `'${plan.name}' cannot be a host name`);
    }
    if ((await machine.readFile('/etc/hostname'))?.trim() !== plan.name) {
      await machine.writeFile('/etc/hostname', `${plan.name}\n`);
    }
    if ((await machine.readFile(KERNEL_NAME))?.trim() !== plan.name) {
      await machine.writeFile(KERNEL_NAME, plan.name);
    }
    if (!isMachineId(((await machine.readFile('/etc/machine-id')) ?? '').trim())) {
      await machine.exec({ file: 'systemd-machine-id-setup', args: [], effect: 'write' });
    }
  },
};
