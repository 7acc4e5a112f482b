/** What time it is on the nodes of a cluster, in the same words as their peers. */
import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { unitState } from './cluster-state.ts';

/** Milliseconds by which a node's clock may be off the first node's before it is set, where no servers keep it. */
const SET_ABOVE_MS = 1_000;
/** Milliseconds two clocks may differ that servers keep. Logs are compared by people; nothing in a cluster needs less. */
const LIMIT_MS = 30_000;
/** Debian has it in a package of its own, which a small system may not have. */
const HWCLOCK = '/usr/sbin/hwclock';

/**
 * Milliseconds since the epoch, of the system's own clock: that of the machine is the process's and does not jump when
 * the clock is set.
 */
export async function wallClock(machine: Machine): Promise<number> {
  const { stdout } = await machine.exec({ file: 'date', args: ['+%s%3N'], effect: 'read' });
  return Number(stdout.trim());
}

export interface PeerClock {
  readonly name: string;
  /** The peer's clock less this node's, in milliseconds. */
  readonly ahead: number;
  /** It is the first node, whose time all others take where no servers tell it. */
  readonly isLeader: boolean;
  /** Somebody else keeps this node's clock: the plan names time servers. */
  readonly hasServers: boolean;
}

/**
 * Resolves when both clocks agree; sets this node's where it is to follow. Rejects with a StepFailure where another node
 * or a person has to set one.
 */
export async function agreeOnTime(
  machine: Machine,
  clock: PeerClock,
  say: (line: string) => void,
): Promise<void> {
  const { name, ahead, isLeader, hasServers } = clock;
  if (Math.abs(ahead) <= (hasServers ? LIMIT_MS : SET_ABOVE_MS)) return;
  const difference = `the clock of ${name} is ${Math.abs(ahead / 1000).toFixed(1)} s ${ahead > 0 ? 'ahead of' : 'behind'} this node's`;
  if (hasServers)
    throw new StepFailure(
      'waiting-operator',
      difference,
      'does the plan’s time server answer on both? timedatectl timesync-status, chronyc sources; or timedatectl set-time',
    );
  if (!isLeader)
    throw new StepFailure('waiting-peer', `${difference}, and ${name} takes the first node's time`);
  // A cluster that runs measures time-outs by it.
  if ((await unitState(machine, 'pacemaker.service')) === 'active')
    throw new StepFailure(
      'waiting-operator',
      `${difference}, and Pacemaker runs here already`,
      'set the one that is wrong (timedatectl set-time), or name timeServers in the spec',
    );
  say(`${difference}: taking the time of ${name}`);
  const seconds = (((await wallClock(machine)) + ahead) / 1000).toFixed(3);
  await machine.exec({ file: 'date', args: ['--set', `@${seconds}`], effect: 'write' });
  const canKeep = (await machine.exists('/dev/rtc0')) && (await machine.exists(HWCLOCK));
  if (canKeep) await machine.exec({ file: HWCLOCK, args: ['--systohc', '--utc'], effect: 'write' });
}
