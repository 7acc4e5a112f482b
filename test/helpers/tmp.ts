import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { atExit } from '../../src/host/at-exit.ts';
import { withTempDir } from '../../src/host/atomic.ts';

/** Lends a fresh folder for one test. */
export const inTempDir = <T>(use: (dir: string) => Promise<T>): Promise<T> =>
  withTempDir(use, { prefix: 'slipway-test-' });

/** A fresh folder for several tests, which remove it after them; when they are ended early, so is it. */
export function makeTempDir(prefix: string): string {
  const dir = mkdtempSync(join(tmpdir(), prefix));
  atExit(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Writes files below `dir`; folders come into being as needed. */
export async function writeFiles(dir: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content);
  }
}
