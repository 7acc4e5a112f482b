/** The {@link Machine} that is really there: this kernel, and the file tree below `root`. */
import { lstat, open, readdir, readFile, readlink, realpath, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { writeFileAtomically } from './atomic-file.ts';
import type { Exec } from './command.ts';
import { readDirect } from './direct-read.ts';
import type { Machine } from './machine.ts';
import { spawnExec, spawnHold } from './spawn.ts';

export interface LocalMachineOptions {
  /** Folder that paths lie below; default `/`. Commands are not affected: give an `exec` that changes root. */
  readonly root?: string;
  /** Default: {@link spawnExec} with `signal`. */
  readonly exec?: Exec;
  /** Ends sleeps and, with the default `exec`, running commands. */
  readonly signal?: AbortSignal;
}

/** As many symbolic links as Linux follows before ELOOP. */
const MAX_LINKS = 40;

/** A machine over the running system. Symbolic links are followed inside `root` and never lead out of it. */
export function localMachine(options: LocalMachineOptions = {}): Machine {
  const { root = '/', signal } = options;
  const exec = options.exec ?? spawnExec(signal === undefined ? {} : { signal });
  const resolve = async (path: string): Promise<string> => join(root, await resolveBelow(root, path));
  // Of the running system itself the kernel resolves the links, in one call instead of one for each folder of a path.
  const locate = async (path: string): Promise<string> => (root === '/' ? path : resolve(path));

  return {
    exec,
    hold: spawnHold,
    readFile: async (path) => absentAs(undefined, readFile(await locate(path), 'utf8')),
    async readBytes(path, offset, length, direct = false) {
      const real = await locate(path);
      if (!direct) return readBuffered(real, offset, length);
      const bytes = await readDirect(real, offset, length);
      if (bytes !== undefined) return bytes;
      if ((await stat(real)).isBlockDevice()) {
        await exec({ file: 'blockdev', args: ['--flushbufs', real], effect: 'read' });
      }
      return readBuffered(real, offset, length);
    },
    async writeFile(path, content, mode) {
      if (isKernelFile(path)) await writeFile(await locate(path), content);
      // A rename does not follow a link, it takes its place.
      else await writeFileAtomically(await resolve(path), content, mode);
    },
    exists: async (path) => (await absentAs(undefined, stat(await locate(path)))) !== undefined,
    async stat(path) {
      const found = await absentAs(undefined, stat(await locate(path)));
      if (found === undefined) return undefined;
      return { mode: found.mode & 0o7777, uid: found.uid, gid: found.gid };
    },
    list: async (path) => (await absentAs([], readdir(await locate(path)))).sort(),
    async realPath(path) {
      if (root === '/') return realpath(path).catch(() => undefined);
      const inside = await resolveBelow(root, path).catch(() => undefined);
      if (inside === undefined) return undefined;
      return (await absentAs(undefined, lstat(join(root, inside)))) === undefined ? undefined : inside;
    },
    // Counted from the start of the process, so that a clock set meanwhile neither ends a wait nor prolongs it.
    now: () => Math.round(performance.timeOrigin + performance.now()),
    sleep: async (ms) => {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    },
  };
}

/** Files that are doors to the kernel: nothing to rename there, a write is one call. */
function isKernelFile(path: string): boolean {
  return path.startsWith('/proc/') || path.startsWith('/sys/') || path.startsWith('/dev/');
}

/** The path with every symbolic link below `root` resolved, as seen from `root`; its end need not exist. */
async function resolveBelow(root: string, path: string): Promise<string> {
  const rest = path.split('/').reverse();
  let done = '/';
  let links = 0;
  while (rest.length > 0) {
    const name = rest.pop();
    if (name === undefined || name === '' || name === '.') continue;
    const next = join(done, name);
    const target = name === '..' ? undefined : await linkTarget(join(root, next));
    if (target === undefined) {
      done = next;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) throw new Error(`${path}: too many levels of symbolic links`);
    if (target.startsWith('/')) done = '/';
    rest.push(...target.split('/').reverse());
  }
  return done;
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch {
    // No link, or not there at all; whoever uses the path will say so.
    return undefined;
  }
}

async function readBuffered(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const out = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await file.read(out, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return out.subarray(0, filled);
  } finally {
    await file.close();
  }
}

async function absentAs<T, A>(absent: A, work: Promise<T>): Promise<T | A> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return absent;
    }
    throw error;
  }
}
