import { readdirSync, readFileSync } from 'node:fs';

/** One line of /proc/PID/stat, as far as we need it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** Process group. */
  readonly group: number;
  readonly session: number;
  /** Clock ticks after boot; with the pid it names a process for good, since pids are used again. */
  readonly startTime: number;
}

/**
 * Ends a child that leads its own session, with all it started. A process group alone is not enough: build tools
 * such as mmdebstrap start helpers in sessions of their own, so descendants are followed through /proc as well.
 */
export class ProcessTree {
  readonly #leader: number;
  readonly #seen = new Map<number, ProcessInfo>();

  /** `leader` is the pid of a child started with setsid. */
  constructor(leader: number) {
    this.#leader = leader;
  }

  /** Sends the signal to every living member; returns how many there were. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): number {
    const members = this.#members();
    for (const { pid } of members) sendSignal(pid, signal);
    return members.length;
  }

  /** SIGTERM, up to `graceMs` to tidy up, then SIGKILL until nothing is left. */
  async end(graceMs = 5_000): Promise<void> {
    const deadline = Date.now() + graceMs;
    let remaining = this.signal('SIGTERM');
    while (remaining > 0 && Date.now() < deadline) {
      await pause(25);
      remaining = this.#members().length;
    }
    // A member may fork between the listing and the signal; a few rounds catch that.
    for (let round = 0; round < 20 && this.signal('SIGKILL') > 0; round++) await pause(25);
  }

  #members(): readonly ProcessInfo[] {
    const all = listProcesses();
    const alive = new Map(all.map((p) => [p.pid, p]));
    for (const [pid, known] of this.#seen) {
      if (alive.get(pid)?.startTime !== known.startTime) this.#seen.delete(pid);
    }
    // Once the leader is gone its orphans belong to init, so members found before are roots too.
    const isMember = (p: ProcessInfo): boolean =>
      p.session === this.#leader ||
      p.pid === this.#leader ||
      this.#seen.has(p.pid) ||
      this.#seen.has(p.parent);
    for (let before = -1; before !== this.#seen.size; ) {
      before = this.#seen.size;
      for (const p of all) if (isMember(p)) this.#seen.set(p.pid, p);
    }
    return [...this.#seen.values()];
  }
}

function listProcesses(): readonly ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);
}

/** Undefined when there is no such process, or it has ended and only waits for its parent. */
export function readProcess(pid: number): ProcessInfo | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined; // it ended meanwhile
  }
  // proc(5): "pid (comm) state ppid pgrp session … starttime(22)"; comm may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  const [parent = 0, group = 0, session = 0] = fields.slice(1, 4).map(Number);
  return { pid, parent, group, session, startTime: Number(fields[19]) };
}

/** To a process that may be gone by now. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already, or turned into another user by setuid: nothing we could do about either.
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
