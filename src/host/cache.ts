/**
 * Artefacts kept by the hash of what they were made from. An entry is a folder that appears complete or not at all and
 * is never changed afterwards.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../engine/make-folder.ts';
import { publish, settleTree, withTempDir } from './atomic.ts';
import { withLock } from './lock.ts';

export interface CacheEntry {
  /** Absolute; read-only by convention. */
  readonly dir: string;
  /** Whether it was there already. */
  readonly reused: boolean;
}

export interface Cache {
  readonly dir: string;
  /** The entry's folder, or undefined when nothing was published under this key. */
  find(kind: string, key: string): string | undefined;
  /**
   * The entry for `key`, made by `make` when it is not there. `make` fills an empty folder on the cache's file system;
   * if it rejects, nothing is kept. Two processes that want the same key build it once.
   */
  obtain(kind: string, key: string, make: (dir: string) => Promise<void>): Promise<CacheEntry>;
}

/** Entries of one kind that are kept however old they are. */
const KEEP = 8;
/** Entries used within this time are never removed: another build may be reading them. */
const IN_USE_MS = 24 * 60 * 60 * 1000;

/** `$SLIPWAY_CACHE`, else `slipway` in `$XDG_CACHE_HOME`, else in `~/.cache`. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env['SLIPWAY_CACHE']) return env['SLIPWAY_CACHE'];
  // The XDG specification says that a relative path is to be ignored.
  const xdg = env['XDG_CACHE_HOME'];
  return join(xdg?.startsWith('/') ? xdg : join(homedir(), '.cache'), 'slipway');
}

export function openCache(dir: string = cacheFolder(), signal?: AbortSignal): Cache {
  const entryPath = (kind: string, key: string): string => join(dir, kind, key);
  return {
    dir,
    find(kind, key) {
      const path = entryPath(kind, key);
      return existsSync(path) ? path : undefined;
    },
    async obtain(kind, key, make) {
      const path = entryPath(kind, key);
      const reuse = async (): Promise<CacheEntry | undefined> => {
        if (!existsSync(path)) return undefined;
        await touch(path);
        return { dir: path, reused: true };
      };
      const there = await reuse();
      if (there !== undefined) return there;
      await makeFolder(join(dir, kind));
      return withLock(join(dir, kind, `${key}.lock`), signal, async () => {
        const meanwhile = await reuse();
        if (meanwhile !== undefined) return meanwhile;
        await withTempDir(
          async (tmp) => {
            const content = join(tmp, 'entry');
            await mkdir(content);
            await make(content);
            signal?.throwIfAborted();
            await settleTree(content);
            await publish(content, path);
          },
          { parent: join(dir, 'tmp'), prefix: `${kind}-` },
        );
        await prune(join(dir, kind));
        return { dir: path, reused: false };
      });
    },
  };
}

/** The folder's modification time says when an entry was last used. */
async function touch(path: string): Promise<void> {
  const now = new Date();
  // A cache that may only be read still serves.
  await utimes(path, now, now).catch(() => undefined);
}

async function prune(kindDir: string): Promise<void> {
  const names = (await readdir(kindDir)).filter((name) => !name.endsWith('.lock'));
  const used = await Promise.all(
    names.map(async (name) => ({ path: join(kindDir, name), at: (await stat(join(kindDir, name))).mtimeMs })),
  );
  const old = used.sort((a, b) => b.at - a.at).slice(KEEP);
  for (const { path, at } of old) {
    if (Date.now() - at > IN_USE_MS) await rm(path, { recursive: true, force: true });
  }
}
