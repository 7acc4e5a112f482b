import type { Command, Exec } from './command.ts';

/** A program that runs beside a step. */
export interface Hold {
  /** Ends the program and waits until it is gone. */
  release(): Promise<void>;
}

export interface FileStat {
  /** Permission bits, as chmod(1) has them: 0o600. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * How a step touches a machine. The real one is the running system; tests put a fake in its place.
 * Paths are absolute on that machine. A machine whose `root` is `/mnt/sysroot` maps `/etc/hosts` below it.
 */
export interface Machine {
  readonly exec: Exec;
  /**
   * Starts a program that holds something as long as it runs: it says a line once it does, and ends when its standard
   * input ends, so also when we are killed. Rejects with a CommandError when it ends before it says anything.
   */
  hold(command: Command): Promise<Hold>;
  /** The file's text, or undefined when there is none. Other failures reject. */
  readFile(path: string): Promise<string | undefined>;
  /** Up to `length` bytes from `offset`; `direct` by-passes the page cache (members of arrays go stale in it). */
  readBytes(path: string, offset: number, length: number, direct?: boolean): Promise<Uint8Array>;
  /**
   * Writes atomically: temporary name, fsync, rename, fsync of the folder. Creates missing folders; `mode` defaults
   * to 0644. Files below /proc, /sys and /dev are written in place: there is nothing to rename.
   */
  writeFile(path: string, content: string | Uint8Array, mode?: number): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Whose a file is, and who may what with it; symbolic links are followed. Undefined when there is none. */
  stat(path: string): Promise<FileStat | undefined>;
  /** Names in a folder, sorted; an empty list when there is no such folder. */
  list(path: string): Promise<readonly string[]>;
  /** The target of a symbolic link, resolved to the end; undefined when it leads nowhere. */
  realPath(path: string): Promise<string | undefined>;
  /** Milliseconds since the epoch; does not jump while a process runs. Injected so that tests own time. */
  now(): number;
  sleep(ms: number): Promise<void>;
}
