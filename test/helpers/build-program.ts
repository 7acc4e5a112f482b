import type { Exec } from '../../src/engine/command.ts';
import { packageRoot } from '../../src/host/package-root.ts';

/** Builds the command line into lib/, as its sources are now. */
export async function buildProgram(exec: Exec): Promise<void> {
  await exec({ file: process.execPath, args: ['scripts/build.mjs'], cwd: packageRoot(), effect: 'write' });
}
