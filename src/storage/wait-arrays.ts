/** Waits until arrays are whole, as fast as the disks allow, and no longer than they make progress. */
import { StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';
import { type ArrayState, describeSync, isRunning, mdReady, readArrays } from './md.ts';

export interface WaitOptions {
  /** Sees the state of the arrays waited for at every poll while one is not ready. */
  readonly onProgress?: (waiting: readonly ArrayState[]) => void;
  /** Seconds without progress of any array of the machine until this is a failure; default 120. */
  readonly stallSeconds?: number;
  /** Milliseconds between two looks; default 500. */
  readonly pollMs?: number;
  /** Members each array must have; default: what the array itself says. */
  readonly expectedDisks?: number;
}

/**
 * KiB/s for each of the kernel's limits meanwhile: the minimum is the default of the maximum, so that resync goes before
 * everything else, and the maximum is more than a disk of today can do.
 */
const FULL_SPEED: readonly (readonly [file: string, limit: number])[] = [
  ['/proc/sys/dev/raid/speed_limit_max', 2_000_000],
  ['/proc/sys/dev/raid/speed_limit_min', 200_000],
];

/** Milliseconds that udev may take to assemble what it finds at boot. */
const ASSEMBLY_MS = 15_000;

/**
 * Resolves with the arrays of these names once {@link mdReady} holds for each. A resync that the kernel left pending
 * (`read-auto`) is started; the resync speed limit is raised meanwhile and put back.
 *
 * Rejects with a StepFailure: `verify-failed` when an array stays away, or is degraded with nothing rebuilding it;
 * `timeout` when nothing has moved for `stallSeconds`.
 */
export async function waitForArrays(
  machine: Machine,
  names: readonly string[],
  options: WaitOptions = {},
): Promise<readonly ArrayState[]> {
  const first = await look(machine, names, options);
  if (isOver(first)) return first.wanted;
  return withFullSpeed(machine, () => poll(machine, names, options, first));
}

interface View {
  /** The named arrays that are there. */
  readonly wanted: readonly ArrayState[];
  /** Those of `wanted` that are not ready. */
  readonly waiting: readonly ArrayState[];
  /** Those of `waiting` that run and that nothing is going to mend. */
  readonly hopeless: readonly ArrayState[];
  /** Names that no array has, or only one that is not started. */
  readonly unassembled: readonly string[];
  /** Changes whenever any array of the machine moves: arrays on the same disks resync one after the other. */
  readonly movement: string;
}

const isOver = ({ waiting, unassembled }: View): boolean => waiting.length === 0 && unassembled.length === 0;

async function poll(
  machine: Machine,
  names: readonly string[],
  options: WaitOptions,
  first: View,
): Promise<readonly ArrayState[]> {
  const { onProgress = () => {}, stallSeconds = 120, pollMs = 500 } = options;
  const startedAt = machine.now();
  let view = first;
  let movedAt = startedAt;
  while (!isOver(view)) {
    onProgress(view.waiting);
    for (const array of view.waiting) await startPending(machine, array);
    await machine.sleep(pollMs);
    const next = await look(machine, names, options);
    // A look is several reads: a recovery that ends between two of them is degraded and idle for one look only.
    const isHopeless = next.hopeless.some(({ name }) => view.hopeless.some((before) => before.name === name));
    const isLate = next.unassembled.length > 0 && machine.now() - startedAt >= ASSEMBLY_MS;
    if (isHopeless || isLate) throw notGoingToBeReady(next, options);
    if (next.movement !== view.movement) movedAt = machine.now();
    else if (machine.now() - movedAt >= stallSeconds * 1000) throw stalled(next.waiting, stallSeconds);
    view = next;
  }
  return view.wanted;
}

async function look(machine: Machine, names: readonly string[], options: WaitOptions): Promise<View> {
  const all = await readArrays(machine);
  const wanted = all.filter((array) => names.includes(array.name));
  const waiting = wanted.filter((array) => !mdReady(array, options.expectedDisks).ready);
  return {
    wanted,
    waiting,
    hopeless: waiting.filter((array) => isRunning(array) && !willMove(array)),
    unassembled: names.filter((name) => !wanted.some((array) => array.name === name && isRunning(array))),
    movement: all.map(movementOf).join(' '),
  };
}

const movementOf = (a: ArrayState): string =>
  [a.device, a.arrayState, a.syncAction, a.resyncStart, a.degraded, a.progress?.done].join(':');

/** Whether waiting can help: something runs, is pending, or a spare is about to be taken in. */
function willMove(array: ArrayState): boolean {
  if (array.syncAction !== 'idle' || array.resyncStart !== 'none') return true;
  return array.degraded > 0 && array.members.some((member) => member.flags.includes('spare'));
}

/** After a reboot in the middle of a resync the kernel waits for a first write before it goes on. */
async function startPending(machine: Machine, array: ArrayState): Promise<void> {
  if (array.arrayState !== 'read-auto') return;
  await machine.exec({ file: 'mdadm', args: ['--readwrite', `/dev/${array.device}`], effect: 'write' });
}

async function withFullSpeed<T>(machine: Machine, work: () => Promise<T>): Promise<T> {
  const lower: (readonly [file: string, limit: string])[] = [];
  for (const [file, limit] of FULL_SPEED) {
    const before = (await machine.readFile(file))?.trim();
    if (before === undefined || Number(before) >= limit) continue;
    await machine.writeFile(file, `${limit}\n`);
    lower.push([file, before]);
  }
  try {
    return await work();
  } finally {
    for (const [file, before] of lower.toReversed()) await machine.writeFile(file, `${before}\n`);
  }
}

function notGoingToBeReady({ waiting, wanted, unassembled }: View, options: WaitOptions): StepFailure {
  const reasons = waiting
    .map((array) => mdReady(array, options.expectedDisks))
    .map((r) => (r.ready ? '' : r.why));
  const missing = unassembled
    .filter((name) => !wanted.some((array) => array.name === name))
    .map((name) => `array ${name} is not assembled`);
  return new StepFailure(
    'verify-failed',
    [...reasons, ...missing].join('; '),
    'see `cat /proc/mdstat`; re-attach or replace the missing disk, give the arrays its partitions with `mdadm --add`',
  );
}

function stalled(arrays: readonly ArrayState[], seconds: number): StepFailure {
  const states = arrays.map((array) => `array ${array.name}: ${describeSync(array)}`).join('; ');
  return new StepFailure(
    'timeout',
    `no progress for ${seconds} s: ${states}`,
    'look for a failing disk in `dmesg`; the resync goes on by itself if it can',
  );
}
