import type { Exec } from '../engine/command.ts';
import type { Cache } from './cache.ts';

/** What work on this machine is done with. Handed down, never changed. */
export interface Context {
  readonly exec: Exec;
  readonly cache: Cache;
  /** Aborted by Ctrl-C; `exec` and `cache` watch it already, loops of their own must too. */
  readonly signal: AbortSignal;
  /** `--dry-run`: what does not go through `exec` and costs something, such as a download, is left undone as well. */
  readonly preview?: true;
}
