/** Which processor a machine is put on. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Gives machines a processor each. Kernel and processes of a machine under User-Mode Linux hand over to each other all the
 * time: across processors that costs double.
 */
export class Processors {
  readonly #lookMs: number;
  readonly #given = new Map(
    allowedProcessors(readFileSync('/proc/self/status', 'utf8')).map((one) => [one, 0]),
  );

  /** `lookMs`: milliseconds during which it is seen who has nothing to do. */
  constructor(lookMs = 200) {
    this.#lookMs = lookMs;
  }

  /** Of those that were given to the fewest machines the one that has least to do now: this computer has other work, too. */
  async next(): Promise<number> {
    const before = idleTicks(readFileSync('/proc/stat', 'utf8'));
    await pause(this.#lookMs);
    const after = idleTicks(readFileSync('/proc/stat', 'utf8'));
    const idle = (one: number): number => (after.get(one) ?? 0) - (before.get(one) ?? 0);
    const fewest = Math.min(...this.#given.values());
    const free = [...this.#given].filter(([, machines]) => machines === fewest).map(([one]) => one);
    const chosen = free.toSorted((a, b) => idle(b) - idle(a))[0] ?? 0;
    this.#given.set(chosen, fewest + 1);
    return chosen;
  }
}

/** Numbers from the line `Cpus_allowed_list:` of proc(5), such as `0-3,6`; empty where there is none. */
export function allowedProcessors(status: string): readonly number[] {
  const list = /^Cpus_allowed_list:\s+(\S+)$/m.exec(status)?.[1]?.split(',') ?? [];
  return list.flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** By processor, how long it has had nothing to do, or waited for a disk: fields 4 and 5 of `/proc/stat`. */
export function idleTicks(stat: string): ReadonlyMap<number, number> {
  return new Map(
    [...stat.matchAll(/^cpu(\d+)((?: \d+)+)$/gm)].map(([, processor, fields = '']) => {
      const [, , , , idle = 0, waiting = 0] = fields.split(' ').map(Number);
      return [Number(processor), idle + waiting];
    }),
  );
}
