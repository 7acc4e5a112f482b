import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { type Installation, TARGET } from '../installation.ts';
import { takesOfferedDns } from '../network-files.ts';
import type { SystemConfig } from '../system-config.ts';

interface Wanted {
  readonly disabled: readonly string[];
  readonly enabled: readonly string[];
}

/** Says what runs on the installed system from its first start on, and which target it starts to. */
export const enableServices = (): Step<Installation> => {
  // Anaconda too goes on without a service that the installed system does not have, and says so.
  const missing = new Set<string>();
  return {
    id: 'enable-services',
    title: 'Enable and disable services',
    after: ['create-accounts'],
    async check(machine, { config }) {
      const { enabled, disabled } = wantedUnits(config);
      for (const unit of [...enabled, ...disabled]) {
        if (missing.has(unit)) continue;
        const state = await unitState(machine, unit);
        const right = enabled.includes(unit) ? runs(state) : !startsByItself(state);
        if (!right) return { done: false, why: `${unit} is ${state || 'not there'}` };
      }
      const { stdout } = await systemctl(machine, 'read', 'get-default');
      const target = stdout.trim();
      if (target !== config.services.defaultTarget)
        return { done: false, why: `the system starts to ${target}` };
      return { done: true, evidence: { enabled, disabled, missing: [...missing], target } };
    },
    async apply(machine, { config }, say) {
      const { enabled, disabled } = wantedUnits(config);
      for (const unit of disabled) {
        if (startsByItself(await unitState(machine, unit)))
          await systemctl(machine, 'write', 'disable', unit);
      }
      for (const unit of enabled) {
        const state = await unitState(machine, unit);
        if (runs(state)) continue;
        // An instance of a template has no file of its own.
        if (state === '' && !unit.includes('@')) {
          missing.add(unit);
          say(`${unit} is not installed, so it cannot be enabled`);
        } else {
          await systemctl(machine, 'write', 'enable', unit);
        }
      }
      await systemctl(machine, 'write', 'set-default', config.services.defaultTarget);
    },
  };
};

/** Services of the kickstart, and those that go with its other commands. Enabled wins over disabled. */
export function wantedUnits({ services, time, firewall, interfaces }: SystemConfig): Wanted {
  const byCommand: readonly (readonly [unit: string, on: boolean])[] = [
    ['systemd-timesyncd.service', time.synchronised],
    ['systemd-resolved.service', takesOfferedDns(interfaces)],
    ...(firewall === undefined ? [] : [['nftables.service', firewall.enabled] as const]),
  ];
  const named = [...services.disabled, ...services.enabled];
  // A unit that the kickstart names itself is its own affair.
  const implied = byCommand.filter(([unit]) => !named.includes(unit));
  const enabled = [...services.enabled, ...implied.filter(([, on]) => on).map(([unit]) => unit)];
  const disabled = [...services.disabled, ...implied.filter(([, on]) => !on).map(([unit]) => unit)];
  return { enabled, disabled: disabled.filter((unit) => !enabled.includes(unit)) };
}

/** systemctl's word for it; empty when there is no such unit. */
async function unitState(machine: Machine, unit: string): Promise<string> {
  const { stdout } = await systemctl(machine, 'read', 'is-enabled', unit);
  const state = stdout.trim();
  return state === 'not-found' ? '' : state;
}

const startsByItself = (state: string): boolean => ['enabled', 'alias'].includes(state);

/** Units without an [Install] section are `static`: they cannot be enabled, and run when something asks for them. */
const runs = (state: string): boolean =>
  startsByItself(state) || ['static', 'generated', 'indirect'].includes(state);

function systemctl(machine: Machine, effect: 'read' | 'write', verb: string, ...names: readonly string[]) {
  return machine.exec({
    file: 'systemctl',
    args: [`--root=${TARGET}`, verb, ...names],
    effect,
    // A question about a unit that is disabled or absent is answered by an exit code too.
    ...(verb === 'is-enabled' ? { accept: [0, 1, 4] } : {}),
  });
}
