/** `slipway lab prove` as people type it, in a folder of its own. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withTempDir } from '../../src/host/atomic.ts';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import type { Run, Verdict } from '../../src/lab/evidence/types.ts';
import { buildProgram } from './build-program.ts';

const exec = createExec();

export interface ProveRun {
  readonly exitCode: number;
  readonly output: string;
  readonly run: Run;
  /** Ids of the cells with this verdict. */
  cells(verdict: Verdict): readonly string[];
}

/** Asserts that every cell that is wanted, and every one it starts from, is green. */
export async function assertProven(limitMs: number, ...args: readonly string[]): Promise<void> {
  const { exitCode, output, run, cells } = await prove(limitMs, ...args);
  assert.equal(cells('passed').length, run.cells.length, output);
  assert.equal(exitCode, 0, output);
}

/** Builds the command line first, as it is now. `limitMs`: for all of it. */
export function prove(limitMs: number, ...args: readonly string[]): Promise<ProveRun> {
  const cwd = packageRoot();
  const node = (...words: readonly string[]) =>
    exec({ file: process.execPath, args: words, cwd, effect: 'write', accept: [0, 3], timeoutMs: limitMs });
  return withTempDir(async (out) => {
    await buildProgram(exec);
    const report = join(out, 'report');
    const { exitCode, stdout, stderr } = await node('lib/cli.js', 'lab', 'prove', ...args, '--out', report);
    const run: Run = JSON.parse(await readFile(join(report, 'run.json'), 'utf8'));
    return {
      ...{ exitCode, output: stdout + stderr, run },
      cells: (verdict) => run.cells.filter((cell) => cell.verdict === verdict).map(({ id }) => id),
    };
  });
}
