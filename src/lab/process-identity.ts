/** Which process it was, for good: a pid alone means another program tomorrow. */
import { readFileSync } from 'node:fs';
import { readProcess } from '../host/process-tree.ts';

/** A process that leads its own process group. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks between the computer's start and that of the process. */
  readonly startTime: number;
  /** The kernel's random id of this start of the computer: after another one, start times begin anew. */
  readonly boot: string;
}

/** Undefined when it does not run or does not lead its group: then nothing may be done to that group. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const found = readProcess(pid);
  if (found === undefined || found.group !== pid) return undefined;
  return { pid, startTime: found.startTime, boot: bootId() };
}

/** Whether this very process still runs. */
export function isRunning({ pid, startTime, boot }: ProcessIdentity): boolean {
  const now = identifyProcess(pid);
  return now !== undefined && now.startTime === startTime && now.boot === boot;
}

/** Signals the process, if it is the one it was. */
export function signalProcess(identity: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    // It may have ended since; that it belongs to somebody else by now is an error, and not ours to overrule.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
