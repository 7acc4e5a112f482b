/**
 * Measures what Slipway promises to be quick at, and prints one table:
 *
 *     npm run bench                    everything; needs the tools of `npm test`, takes some minutes
 *     npm run bench -- --quick         without the build from nothing and without virtual machines
 *     npm run bench -- --only help rebuild
 *
 * A bar that is missed is shown and is no failure: machines differ. A benchmark that does not run through is one (3).
 */
import { parseArgs } from 'node:util';
import type { Exec } from '../src/engine/command.ts';
import { createExec } from '../src/host/exec.ts';
import { interruption, interruptionExitCode } from '../src/host/signals.ts';
import { accelerate } from '../src/lab/accelerate.ts';
import { benchApply } from './bench/apply.ts';
import { benchAudit } from './bench/audit.ts';
import { benchCold, benchRebuild } from './bench/build.ts';
import { benchCluster } from './bench/cluster.ts';
import { benchHelp } from './bench/help.ts';
import { benchLint } from './bench/lint.ts';
import { benchNode } from './bench/node.ts';
import { benchRemaster } from './bench/remaster.ts';
import type { Row } from './bench/row.ts';
import { describeBench, formatTable } from './bench/table.ts';

interface Benchmark {
  readonly name: string;
  /** Minutes rather than seconds. */
  readonly slow?: true;
  run(exec: Exec): Promise<readonly Row[]>;
}

const BENCHMARKS: readonly Benchmark[] = [
  { name: 'help', run: benchHelp },
  { name: 'lint', run: benchLint },
  { name: 'rebuild', run: benchRebuild },
  { name: 'cold', slow: true, run: benchCold },
  { name: 'remaster', slow: true, run: benchRemaster },
  { name: 'audit', slow: true, run: benchAudit },
  { name: 'node', slow: true, run: benchNode },
  { name: 'apply', slow: true, run: benchApply },
  { name: 'cluster', slow: true, run: benchCluster },
];

/** @throws {RangeError} for a name that no benchmark has. */
function chosen(quick: boolean, only: readonly string[]): readonly Benchmark[] {
  const unknown = only.filter((name) => !BENCHMARKS.some((each) => each.name === name));
  if (unknown.length > 0) {
    const names = BENCHMARKS.map(({ name }) => name).join(', ');
    throw new RangeError(`there is no benchmark ${unknown.join(', ')}; there are ${names}`);
  }
  return BENCHMARKS.filter(({ name, slow }) => {
    if (only.length > 0) return only.includes(name);
    return !(quick && slow);
  });
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, only: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  if (values.only !== positionals.length > 0) throw new RangeError('--only wants the names of benchmarks');
  const benchmarks = chosen(values.quick, positionals);
  const signal = interruption();
  const exec = createExec({ signal });
  const machine = describeBench(await accelerate(exec));
  const rows: Row[] = [];
  let failures = 0;
  for (const { name, run } of benchmarks) {
    if (signal.aborted) break;
    process.stderr.write(`bench: ${name} ...\n`);
    try {
      rows.push(...(await run(exec)));
    } catch (error) {
      if (signal.aborted) break;
      failures++;
      process.stderr.write(`bench: ${name} failed: ${error instanceof Error ? error.message : error}\n`);
    }
  }
  if (rows.length > 0) {
    process.stdout.write(`${machine}\n${formatTable(rows)}\n`);
  }
  return interruptionExitCode() ?? (failures > 0 ? 3 : 0);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
