import { readFileSync } from 'node:fs';

/** Whether a process runs. A zombie is dead: whoever adopted it has just not been told yet. */
export function isAlive(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
