/** The sizes that a command asks for, in MiB: the same words for partitions and logical volumes. */
import type { CommandLine } from '../kickstart/types.ts';
import { flag, number, option } from './command-words.ts';
import type { Request } from './grow.ts';
import { type Refuse, targetOf } from './model-contents.ts';
import type { Ground } from './model-requests.ts';

/** `--size --grow --maxsize --recommended --hibernation`; what contradicts itself is refused. */
export function readSize(command: CommandLine, ground: Ground, refuse: Refuse): Request {
  const advised = advisedSwap(command, ground);
  if (advised !== undefined) return { size: advised, grow: false };
  const size = number(command, '--size') ?? 0;
  const max = number(command, '--maxsize');
  if (max !== undefined && max < size) {
    refuse(
      option(command, '--maxsize') ?? command,
      'max-below-size',
      `--maxsize=${max} is less than --size=${size}`,
    );
  }
  return { size, grow: flag(command, '--grow'), ...(max === undefined ? {} : { max }) };
}

/** MiB of swap for `--recommended` and `--hibernation`; undefined where neither is asked for. */
function advisedSwap(command: CommandLine, { facts, freeMiB }: Ground): number | undefined {
  if (targetOf(command) !== 'swap') return undefined;
  if (flag(command, '--hibernation')) return swapSize(facts.memoryMiB, undefined);
  return flag(command, '--recommended') ? swapSize(facts.memoryMiB, freeMiB) : undefined;
}

const GIB = 1024;

/**
 * MiB of swap as Anaconda advises it (`pyanaconda/core/storage.py`, suggest_swap_size): by the memory, at most a
 * tenth of the disks; with `freeMiB` undefined it also has room for the memory, up to 64 GiB of it.
 */
export function swapSize(memoryMiB: number, freeMiB: number | undefined): number {
  // Anaconda counts memory in KiB rounded up past the next 16; less than a MiB more.
  const memory = memoryMiB + 1;
  const wanted =
    memory < 2 * GIB ? 2 * memory : memory < 8 * GIB ? memory : memory < 64 * GIB ? memory / 2 : 32 * GIB;
  if (freeMiB === undefined) return Math.ceil(memory <= 64 * GIB ? memory + wanted : wanted);
  return Math.floor(Math.min(wanted, freeMiB / 10));
}
