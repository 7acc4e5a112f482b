/** How long the command line takes to answer. */
import { join } from 'node:path';
import type { Exec } from '../../src/engine/command.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { buildProgram } from '../../test/helpers/build-program.ts';
import { median, type Row } from './row.ts';

const REPEATS = 5;

export async function benchHelp(exec: Exec): Promise<readonly Row[]> {
  await buildProgram(exec);
  const took: number[] = [];
  for (let round = 0; round < REPEATS; round++) {
    const { durationMs } = await exec({
      file: process.execPath,
      args: [join(packageRoot(), 'lib', 'cli.js'), '--help'],
      effect: 'read',
    });
    took.push(durationMs);
  }
  return [
    { name: 'slipway --help', value: median(took), unit: 'ms', bar: 200, note: `median of ${REPEATS}` },
  ];
}
