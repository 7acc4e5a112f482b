/** Lets md compare the members of an array with each other: the proof that a mirror is one. */
import { StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';
import { type ArrayState, describeSync, readArrays } from './md.ts';

export interface CompareOptions {
  readonly onProgress?: (array: ArrayState) => void;
  /** Seconds without progress until this is a failure; default 120. */
  readonly stallSeconds?: number;
  /** Milliseconds between two looks; default 500. */
  readonly pollMs?: number;
}

const folderOf = ({ device }: ArrayState): string => `/sys/block/${device}/md`;

/** Sectors in which the members differed when they were last compared since the array was assembled. */
export async function mismatchedSectors(machine: Machine, array: ArrayState): Promise<number> {
  return Number(((await machine.readFile(`${folderOf(array)}/mismatch_cnt`)) ?? '0').trim()) || 0;
}

/**
 * Compares the members of an idle array (`check` of Documentation/admin-guide/md.rst: nothing is written to them) and
 * resolves with the sectors that differ. Rejects with a StepFailure of class `timeout` when nothing moves.
 */
export async function compareMembers(
  machine: Machine,
  array: ArrayState,
  options: CompareOptions = {},
): Promise<number> {
  const { onProgress = () => {}, stallSeconds = 120, pollMs = 500 } = options;
  await machine.writeFile(`${folderOf(array)}/sync_action`, 'check\n');
  let movedAt = machine.now();
  let position: number | undefined;
  for (;;) {
    // Before the first look too: the kernel takes a moment to begin.
    await machine.sleep(pollMs);
    const now = (await readArrays(machine)).find(({ device }) => device === array.device);
    if (now === undefined)
      throw new StepFailure('verify-failed', `array ${array.name} went away while it was compared`);
    if (now.syncAction === 'idle') return mismatchedSectors(machine, now);
    onProgress(now);
    if (now.progress?.done !== position) movedAt = machine.now();
    else if (machine.now() - movedAt >= stallSeconds * 1000) {
      throw new StepFailure(
        'timeout',
        `no progress for ${stallSeconds} s: array ${now.name}: ${describeSync(now)}`,
        'look for a failing disk in `dmesg`',
      );
    }
    position = now.progress?.done;
  }
}
