/** What stands behind the failure of a step, as far as the machine shows it: a disk that is gone, a full file system. */
import type { Machine } from '../engine/machine.ts';
import type { StepProblem } from '../engine/run-step.ts';
import { incarnation } from '../storage/block-devices.ts';
import type { ReleasedDisk } from './disk-guard.ts';

/** In the words of the kernel, of Node and of rpm. */
const FULL = /No space left on device|ENOSPC|needs .* on the .* filesystem/i;
const BROKEN = /Input\/output error|\bEIO\b/i;
const BEGINS_ANEW = 'then start the installation again: it begins anew';

/**
 * The problem with what is behind it and a remedy. A failure that says itself what to do is left as it is, unless a
 * disk went away under it: then everything else is a consequence. Never rejects.
 */
export async function explainFailure(
  machine: Machine,
  released: readonly ReleasedDisk[],
  problem: StepProblem,
): Promise<StepProblem> {
  const { failureClass, message, remedy } = problem;
  const lost = failureClass === 'refused-foreign-data' ? [] : await lostDisks(machine, released);
  if (lost.length > 0) {
    return {
      failureClass: 'verify-failed',
      message: `${lost.join(' and ')} went away during the installation: ${message}`,
      remedy: `look at cables, power and controllers, and at dmesg; ${BEGINS_ANEW}`,
    };
  }
  if (remedy !== undefined) return problem;
  if (FULL.test(message)) {
    return { failureClass: 'config-invalid', message, remedy: `make the file system larger; ${BEGINS_ANEW}` };
  }
  return {
    ...problem,
    remedy: BROKEN.test(message)
      ? `dmesg says which disk fails; replace it, ${BEGINS_ANEW}`
      : `the log has all that was run and said; correct what it tells, ${BEGINS_ANEW}`,
  };
}

/** The released disks that are not there any more, or are others by now. */
async function lostDisks(machine: Machine, released: readonly ReleasedDisk[]): Promise<readonly string[]> {
  const lost: string[] = [];
  for (const disk of released) {
    const now = await incarnation(machine, disk.name).catch(() => disk.incarnation);
    if (now !== disk.incarnation) lost.push(disk.name);
  }
  return lost;
}
