/** One run at a time. The kernel holds the lock and drops it with its owner, so none is ever left behind. */
import { spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from './make-folder.ts';

export interface LockOwner {
  readonly pid: number;
  /** What it does, for people. */
  readonly purpose: string;
  /** ISO 8601. */
  readonly since: string;
}

export class LockedError extends Error {
  readonly owner: LockOwner | undefined;

  constructor(path: string, owner: LockOwner | undefined) {
    const who =
      owner === undefined
        ? 'another process'
        : `process ${owner.pid} (${owner.purpose}, since ${owner.since})`;
    super(`${who} holds ${path}`);
    this.name = 'LockedError';
    this.owner = owner;
  }
}

export interface Lock {
  release(): Promise<void>;
}

/** Takes the lock or rejects with a {@link LockedError} that names its owner. Needs flock(1) of util-linux. */
export async function acquireLock(path: string, purpose: string): Promise<Lock> {
  await makeFolder(dirname(path));
  const file = await open(path, 'a+', 0o644);
  try {
    if (!(await flock(file))) throw new LockedError(path, await readOwner(file));
    const owner: LockOwner = { pid: process.pid, purpose, since: new Date().toISOString() };
    await file.truncate(0);
    await file.appendFile(JSON.stringify(owner));
  } catch (error) {
    await file.close();
    throw error;
  }
  return { release: () => file.close() };
}

/**
 * A lock made by flock(2) belongs to the open file, which parent and child share: flock(1) takes it on our
 * descriptor and ends, and the lock stays until we close the file or die.
 */
function flock(file: FileHandle): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['--exclusive', '--nonblock', '3'], {
      stdio: ['ignore', 'ignore', 'ignore', file.fd],
    });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code === 0));
  });
}

async function readOwner(file: FileHandle): Promise<LockOwner | undefined> {
  try {
    const buffer = Buffer.alloc(4096);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    const owner: LockOwner = JSON.parse(buffer.toString('utf8', 0, bytesRead));
    return owner;
  } catch {
    // The owner has the lock and has not written its name yet.
    return undefined;
  }
}
