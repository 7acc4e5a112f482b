import type { Exec } from '../engine/command.ts';
import type { Cache } from './cache.ts';

/** What work on this machine is done with. Handed down, never changed. */
export interface Context {
  readonly exec: Exec;
  readonly cache: Cache;
  /** Aborted by Ctrl-C; `exec` and `cache` watch it already, loops of their own must too. */
  readonly signal: AbortSignal;
}
