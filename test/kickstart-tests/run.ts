/**
 * Runs Anaconda's own test suite against the embedded installer:
 *
 *     npm run test:kickstart-tests -- --suite DIR                 every test that can apply, in virtual machines
 *     npm run test:kickstart-tests -- --suite DIR --tier A --jobs 2
 *     npm run test:kickstart-tests -- --suite DIR --only raid-1 lvm-1
 *
 *     --resume       leave out tests that have a result of the same suite and ISO already
 *     --record       write all results of this suite and ISO into docs/conformance.md; other tiers stay there
 *     --boot         start what was installed on arrays, with all disks and with each of them missing
 *     --iso FILE     an ISO built before
 *     --out DIR      for results and consoles, default dist; two runs at a time need one each
 *     --platform P   whose macros to take: rhel8, rhel9, rhel10 (default), fedora_rawhide
 *     --timeout S    for each installation and each start after it, in seconds; default 600
 *     --keep         keep the disks
 *
 * DIR is a checkout of kickstart-tests; nothing in it is changed. Exit code 3 when a test failed.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describeBench } from '../../scripts/bench/table.ts';
import { CommandError } from '../../src/engine/command.ts';
import { FailedError, MissingError } from '../../src/errors/exit.ts';
import { withTempDir, writeFileAtomically } from '../../src/host/atomic.ts';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot, packageVersion } from '../../src/host/package-root.ts';
import { interruption, interruptionExitCode } from '../../src/host/signals.ts';
import { accelerate } from '../../src/lab/accelerate.ts';
import { qemuEngine } from '../../src/lab/qemu.ts';
import { buildExampleIso } from '../helpers/qemu.ts';
import { type Options, parseArguments } from './arguments.ts';
import { openMedium } from './medium.ts';
import { conformancePage, consoleTable } from './report.ts';
import { loadResults, type ResultsOf, saveResults, type TestResult } from './results.ts';
import { type Laboratory, runTest } from './run-test.ts';
import { openSuite } from './suite.ts';

const PAGE = join(packageRoot(), 'docs/conformance.md');

async function main(options: Options, scratch: string): Promise<number> {
  const signal = interruption();
  // Machines end with this process, and results are saved after each test.
  signal.addEventListener('abort', () => process.exit(interruptionExitCode()));
  const exec = createExec({ signal });
  const acceleration = await accelerate(exec);
  const iso = options.iso === undefined ? await buildExampleIso('one-disk', scratch) : resolve(options.iso);
  const medium = await openMedium(exec, iso, join(scratch, 'medium'));
  const suite = await openSuite(
    exec,
    resolve(options.suite),
    join(scratch, 'suite'),
    options.platform,
    medium.squashfs,
  );
  const unknown = options.tests.filter((test) => !existsSync(join(suite.folder, `${test}.sh`)));
  if (unknown.length > 0) throw new RangeError(`the suite has no test ${unknown.join(', ')}`);
  const out = resolve(options.out ?? join(packageRoot(), 'dist'));
  const file = join(out, 'kickstart-tests.json');
  const lab: Laboratory = {
    ...{ exec, suite, medium, engine: qemuEngine({ acceleration }), folder: join(out, 'kickstart-tests') },
    ...{ timeoutMs: options.timeoutMs, boot: options.boot, keepDisks: options.keepDisks },
  };
  await mkdir(lab.folder, { recursive: true });
  const of: ResultsOf = { suite: suite.commit, iso: medium.hash, platform: options.platform.name };
  const results = await loadResults(file, of);
  await runAll(lab, options, results, () => saveResults(file, of, results));
  const asked = new Map([...results].filter(([test]) => options.tests.includes(test)));
  console.log(consoleTable(asked));
  console.log(`Consoles and what was read of the disks: ${lab.folder}; results: ${file}`);
  if (options.record) {
    const facts = { date: new Date().toISOString().slice(0, 10), machine: describeBench(acceleration) };
    const previous = await readFile(PAGE, 'utf8').catch(() => '');
    const page = conformancePage({ ...of, ...facts, version: packageVersion() }, results, previous);
    await writeFileAtomically(PAGE, page);
  }
  return [...asked.values()].some(({ verdict }) => verdict === 'failed') ? 3 : 0;
}

/** Runs the tests that were asked for, so many at a time, adds what comes of them to `results`, and saves after each. */
async function runAll(
  lab: Laboratory,
  { tests, jobs, resume }: Options,
  results: Map<string, TestResult>,
  save: () => Promise<void>,
): Promise<void> {
  const waiting = tests.filter((test) => !resume || !results.has(test));
  const work = async (): Promise<void> => {
    for (let test = waiting.shift(); test !== undefined; test = waiting.shift()) {
      const result = await runTest(lab, test);
      results.set(test, result);
      await save();
      console.log(`${result.verdict}: ${test}${result.message === undefined ? '' : `: ${result.message}`}`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
}

try {
  const options = parseArguments(process.argv.slice(2));
  process.exitCode = await withTempDir((scratch) => main(options, scratch), {
    prefix: 'slipway-kickstart-tests-',
  });
} catch (error) {
  if (error instanceof RangeError || (error instanceof TypeError && 'code' in error)) {
    console.error(error.message);
    process.exitCode = 1;
  } else if (error instanceof MissingError || error instanceof FailedError) {
    console.error(error.message);
    if (error.hint !== undefined) console.error(error.hint);
    process.exitCode = error instanceof MissingError ? 2 : 3;
  } else if (error instanceof CommandError) {
    console.error(`${error.message}\n${error.stderr}`.trimEnd());
    process.exitCode = 2;
  } else throw error;
}
