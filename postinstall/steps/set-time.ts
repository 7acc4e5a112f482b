import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import type { AgentStep, NodeFacts } from '../agent-step.ts';
import { findTimeDaemon, type TimeDaemon } from '../time-daemons.ts';

const ZONE_LINK = '/etc/localtime';
const ZONES = '/usr/share/zoneinfo';
/** hwclock(8): three lines, the third says whether the hardware clock is in UTC; no file means UTC. */
const ADJTIME = '/etc/adjtime';

/** Logs and certificates of all nodes agree on what time it is. */
export const setTime: AgentStep = {
  id: 'set-time',
  title: 'Time',
  after: ['set-identity'],
  checks:
    'The time zone is the plan’s, the hardware clock is kept in UTC, the clock is not before the build of this agent, ' +
    'and the time daemon knows the plan’s servers.',
  byHand:
    'timedatectl set-timezone ZONE; timedatectl set-local-rtc 0; timedatectl set-time "YYYY-MM-DD HH:MM:SS".',

  async check(machine, facts) {
    const { plan, builtAt } = facts;
    const daemon = await timeDaemon(machine, facts);
    const wrong = [
      ...((await hasZone(machine, plan.timezone)) ? [] : [`the time zone is not ${plan.timezone}`]),
      ...((await keepsUtc(machine)) ? [] : ['the hardware clock is not kept in UTC']),
      ...(machine.now() >= builtAt ? [] : [clockIsWrong(machine, builtAt)]),
      ...(daemon === undefined || (await knowsServers(machine, daemon, plan.timeServers))
        ? []
        : [`${daemon.name} does not know the time servers`]),
    ];
    if (wrong.length > 0) return { done: false, why: wrong.join('; ') };
    return {
      done: true,
      evidence: { timezone: plan.timezone, servers: plan.timeServers, daemon: daemon?.name ?? 'none' },
    };
  },

  async apply(machine, facts) {
    const { plan, builtAt } = facts;
    if (machine.now() < builtAt) {
      throw new StepFailure(
        'verify-failed',
        clockIsWrong(machine, builtAt),
        'set the clock: timedatectl set-time',
      );
    }
    if (!(await hasZone(machine, plan.timezone))) await setZone(machine, plan.timezone);
    if (!(await keepsUtc(machine))) await machine.writeFile(ADJTIME, await utcAdjtime(machine));
    const daemon = await timeDaemon(machine, facts);
    if (daemon !== undefined && !(await knowsServers(machine, daemon, plan.timeServers))) {
      const before = (await machine.readFile(daemon.file)) ?? '';
      await machine.writeFile(daemon.file, daemon.withServers(before, plan.timeServers));
      await machine.exec({
        file: 'systemctl',
        args: ['--no-block', 'try-restart', daemon.unit],
        effect: 'write',
      });
    }
  },
};

async function hasZone(machine: Machine, zone: string): Promise<boolean> {
  const wanted = await machine.realPath(`${ZONES}/${zone}`);
  return wanted !== undefined && (await machine.realPath(ZONE_LINK)) === wanted;
}

async function setZone(machine: Machine, zone: string): Promise<void> {
  if (!(await machine.exists(`${ZONES}/${zone}`))) {
    throw new StepFailure('config-invalid', `there is no time zone ${zone}`, `see ${ZONES}`);
  }
  await machine.exec({
    file: 'ln',
    args: ['--symbolic', '--force', '--no-dereference', `..${ZONES}/${zone}`, ZONE_LINK],
    effect: 'write',
  });
}

async function keepsUtc(machine: Machine): Promise<boolean> {
  const mode = (await machine.readFile(ADJTIME))?.split('\n')[2]?.trim();
  return mode === undefined || mode === '' || mode === 'UTC';
}

async function utcAdjtime(machine: Machine): Promise<string> {
  const [drift = '0.0 0 0.0', last = '0'] = ((await machine.readFile(ADJTIME)) ?? '').split('\n');
  return `${drift}\n${last}\nUTC\n`;
}

const clockIsWrong = (machine: Machine, builtAt: number): string =>
  `the clock says ${new Date(machine.now()).toISOString()}, which is before this agent was built (${new Date(builtAt).toISOString()})`;

/** Undefined when the plan names no servers: whatever is configured stays. */
async function timeDaemon(machine: Machine, { plan }: NodeFacts): Promise<TimeDaemon | undefined> {
  if (plan.timeServers.length === 0) return undefined;
  const daemon = await findTimeDaemon(machine);
  if (daemon !== undefined) return daemon;
  throw new StepFailure(
    'config-invalid',
    'the plan names time servers and no time daemon is installed',
    'install chrony',
  );
}

async function knowsServers(
  machine: Machine,
  daemon: TimeDaemon,
  servers: readonly string[],
): Promise<boolean> {
  const text = (await machine.readFile(daemon.file)) ?? '';
  return daemon.withServers(text, servers) === text;
}
