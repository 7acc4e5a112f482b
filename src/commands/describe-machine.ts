import { availableParallelism, cpus, release, totalmem } from 'node:os';

/** This computer in one line. `runner`: what runs its virtual machines, for people. */
export function describeMachine(runner: string): string {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cpu?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, ${memory}, Linux ${release()}, ${runner}`;
}

/** How QEMU runs them. */
export const runnerOf = (acceleration: 'kvm' | 'tcg'): string =>
  acceleration === 'kvm' ? 'KVM' : 'emulated (TCG)';
