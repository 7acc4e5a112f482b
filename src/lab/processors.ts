/** Which processors machines may be put on. */
import { readFileSync } from 'node:fs';

/** The numbers of the processors that this process may use, from `/proc/self/status`. */
export const ownProcessors = (): readonly number[] =>
  allowedProcessors(readFileSync('/proc/self/status', 'utf8'));

/** From the line `Cpus_allowed_list:` of proc(5), such as `0-3,6`; empty where there is none. */
export function allowedProcessors(status: string): readonly number[] {
  const list = /^Cpus_allowed_list:\s+(\S+)$/m.exec(status)?.[1]?.split(',') ?? [];
  return list.flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
