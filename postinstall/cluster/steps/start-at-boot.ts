import type { AgentStep } from '../../agent-step.ts';

const UNITS = ['corosync.service', 'pacemaker.service'];

/**
 * From now on the cluster starts with the node. Not before it is formed: until then the agent starts everything itself,
 * and afterwards the service must not depend on the agent's steps, such as an array that is rebuilt.
 */
export const startAtBoot: AgentStep = {
  id: 'start-at-boot',
  title: 'Start at boot',
  after: ['write-resources'],
  checks: `${UNITS.join(' and ')} are enabled; drbd.service is not, for Pacemaker starts DRBD.`,
  byHand: `systemctl enable ${UNITS.join(' ')}; systemctl disable drbd.service.`,

  async check(machine) {
    const { stdout } = await machine.exec({
      file: 'systemctl',
      args: ['is-enabled', ...UNITS, 'drbd.service'],
      effect: 'read',
      accept: [0, 1, 4],
    });
    const [corosync = '', pacemaker = '', drbd = ''] = stdout.trim().split('\n');
    if (corosync !== 'enabled' || pacemaker !== 'enabled')
      return { done: false, why: 'the cluster does not start with the node' };
    if (drbd === 'enabled') return { done: false, why: 'drbd.service would start DRBD beside Pacemaker' };
    return { done: true, evidence: { enabled: UNITS } };
  },

  async apply(machine) {
    // Not `enable`: on Debian that asks scripts of SysV as well, which takes half a minute on a small machine.
    const words = ['add-wants', 'multi-user.target', ...UNITS];
    await machine.exec({ file: 'systemctl', args: words, effect: 'write' });
    const { stdout } = await machine.exec({
      file: 'systemctl',
      args: ['is-enabled', 'drbd.service'],
      effect: 'read',
      accept: [0, 1, 4],
    });
    if (stdout.trim() === 'enabled')
      await machine.exec({ file: 'systemctl', args: ['disable', 'drbd.service'], effect: 'write' });
  },
};
