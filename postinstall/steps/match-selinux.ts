import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import type { AgentStep } from '../agent-step.ts';

const CONFIG = '/etc/selinux/config';
/** `1` enforcing, `0` permissive; absent while the kernel has SELinux switched off (Documentation/ABI/removed/sysfs-selinux-disable). */
const ENFORCE = '/sys/fs/selinux/enforce';

/** SELinux is what its configuration says: a shell's `setenforce 0` is not a state to leave a node in. */
export const matchSelinux: AgentStep = {
  id: 'match-selinux',
  title: 'SELinux',
  after: ['set-identity'],
  checks: `The kernel enforces what ${CONFIG} says; a platform without that file has no SELinux.`,
  byHand: `getenforce; setenforce 1; for another state write it into ${CONFIG} and restart.`,

  async check(machine) {
    const wanted = await configured(machine);
    if (wanted === undefined) return { done: true, evidence: { selinux: 'the platform has none' } };
    const is = await running(machine);
    if (is !== wanted) return { done: false, why: `SELinux is ${is}, ${CONFIG} says ${wanted}` };
    return { done: true, evidence: { selinux: is } };
  },

  async apply(machine) {
    const wanted = await configured(machine);
    const is = await running(machine);
    if (wanted === undefined || is === wanted) return;
    if (wanted === 'disabled' || is === 'disabled') {
      // What was written while it was off carries no labels: selinux-autorelabel(8) makes them at the next start.
      if (is === 'disabled' && !(await machine.exists('/.autorelabel')))
        await machine.writeFile('/.autorelabel', '');
      throw new StepFailure(
        'needs-reboot',
        `SELinux is ${is} until the next start, ${CONFIG} says ${wanted}`,
      );
    }
    await machine.exec({ file: 'setenforce', args: [wanted === 'enforcing' ? '1' : '0'], effect: 'write' });
  },
};

type State = 'enforcing' | 'permissive' | 'disabled';

/** Undefined where the platform has no SELinux. */
async function configured(machine: Machine): Promise<State | undefined> {
  const text = await machine.readFile(CONFIG);
  if (text === undefined) return undefined;
  const state = /^\s*SELINUX\s*=\s*(enforcing|permissive|disabled)\s*$/im.exec(text)?.[1]?.toLowerCase();
  if (state === 'enforcing' || state === 'permissive' || state === 'disabled') return state;
  throw new StepFailure('config-invalid', `${CONFIG}: SELINUX is none of enforcing, permissive, disabled`);
}

async function running(machine: Machine): Promise<State> {
  const enforce = (await machine.readFile(ENFORCE))?.trim();
  if (enforce === undefined) return 'disabled';
  return enforce === '1' ? 'enforcing' : 'permissive';
}
