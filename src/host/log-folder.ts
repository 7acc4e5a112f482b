import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Runs whose logs are kept. */
const KEEP = 20;

/** A folder for this run's logs, below the cache's `logs`; named so that the newest sorts last. Not created yet. */
export function logFolder(cacheDir: string, now = new Date()): string {
  return join(cacheDir, 'logs', `${now.toISOString().replace(/[:.]/g, '-')}-${process.pid}`);
}

/** Removes the logs of all but the last runs. */
export async function pruneLogs(cacheDir: string): Promise<void> {
  const dir = join(cacheDir, 'logs');
  if (!existsSync(dir)) return;
  const old = (await readdir(dir)).sort().slice(0, -KEEP);
  await Promise.all(old.map((name) => rm(join(dir, name), { recursive: true, force: true })));
}
