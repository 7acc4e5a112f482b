/** The first-boot agent: argv in, exit code out. */
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { announce } from '../src/engine/announce.ts';
import { readJournal } from '../src/engine/journal.ts';
import { localMachine } from '../src/engine/local-machine.ts';
import { acquireLock, LockedError } from '../src/engine/lock.ts';
import { stepProblem } from '../src/engine/run-step.ts';
import { spawnExec } from '../src/engine/spawn.ts';
import { LAYOUT_RECORD_PATH } from '../src/storage/layout-record.ts';
import { recordLayout } from '../src/storage/record-layout.ts';
import { type AgentCall, parseArguments, USAGE } from './arguments.ts';
import { explanation } from './explain.ts';
import { readNodePlan } from './node-facts.ts';
import { allSteps, checkAgent, nodeName, type RunVerdict, runAgent } from './run.ts';
import { EXIT_BY_STATE, JOURNAL_PATH, readStatus, statusTable } from './status.ts';

const LOCK_PATH = '/run/slipway/agent.lock';
const WAIT_POLL_MS = 500;
/** As a shell reports a program that was ended by SIGTERM; the unit takes it for a clean end. */
const EXIT_TERMINATED = 143;
const EXIT_BY_VERDICT: Readonly<Record<RunVerdict, number>> = {
  complete: 0,
  partial: 0,
  failed: 1,
  interrupted: EXIT_TERMINATED,
};

const print = (text: string): void => {
  process.stdout.write(text);
};

/** The packager stamps the bundle with the time of the newest of its sources. */
const builtAt = (): number => statSync(fileURLToPath(import.meta.url)).mtimeMs;

async function run({ check, only }: Extract<AgentCall, { verb: 'run' }>): Promise<number> {
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort());
  process.once('SIGINT', () => stop.abort());
  // A stop ends waiting at once; the command that is running is left to its end.
  const machine = localMachine({ exec: spawnExec(), signal: stop.signal });
  if (check) return (await checkAgent(machine, builtAt(), (line) => print(`${line}\n`))) ? 0 : 1;

  const lock = await acquireLock(LOCK_PATH, 'slipway-agent run');
  try {
    // Consoles are written in the order of the lines, and slow ones hold nothing up but themselves.
    let said = Promise.resolve();
    const say = (line: string, freshLine: boolean): Promise<void> => {
      print(`${line}\n`);
      said = said.then(() => announce(line, { freshLine }));
      return said;
    };
    const outlets = {
      progress: (line: string): void => void say(line, false),
      verdict: (line: string): Promise<void> => say(line, true),
    };
    const verdict = await runAgent({
      machine,
      builtAt: builtAt(),
      outlets,
      signal: stop.signal,
      ...(only === undefined ? {} : { only }),
    });
    await said;
    return EXIT_BY_VERDICT[verdict];
  } finally {
    await lock.release();
  }
}

async function status({ json, wait }: Extract<AgentCall, { verb: 'status' }>): Promise<number> {
  const machine = localMachine();
  const node = await nodeName(machine);
  const steps = await allSteps(machine);
  let now = await readStatus(machine, node, steps);
  while (wait && EXIT_BY_STATE[now.state] === 2) {
    await machine.sleep(WAIT_POLL_MS);
    now = await readStatus(machine, node, steps);
  }
  print(json ? `${JSON.stringify(now, null, 2)}\n` : statusTable(now));
  return EXIT_BY_STATE[now.state];
}

async function explain({ step: id }: Extract<AgentCall, { verb: 'explain' }>): Promise<number> {
  const machine = localMachine();
  const steps = await allSteps(machine);
  const step = steps.find((candidate) => candidate.id === id);
  if (step === undefined) {
    process.stderr.write(
      `there is no step '${id}'; there are ${steps.map((known) => known.id).join(', ')}\n`,
    );
    return 1;
  }
  const journal = await readJournal(machine, JOURNAL_PATH);
  print(explanation(step, journal?.steps[id]));
  return 0;
}

async function writeLayoutRecord(): Promise<number> {
  const machine = localMachine();
  const record = await recordLayout(machine, await readNodePlan(machine));
  await machine.writeFile(LAYOUT_RECORD_PATH, `${JSON.stringify(record, null, 2)}\n`);
  const { disks, arrays, fileSystems } = record;
  print(
    `${LAYOUT_RECORD_PATH}: ${disks.length} disks, ${arrays.length} arrays, ${fileSystems.length} file systems\n`,
  );
  return 0;
}

async function main(args: readonly string[]): Promise<number> {
  const call = parseArguments(args);
  if (typeof call === 'string') {
    process.stderr.write(`slipway-agent: ${call}\n${USAGE}`);
    return 1;
  }
  switch (call.verb) {
    case 'run':
      return run(call);
    case 'status':
      return status(call);
    case 'explain':
      return explain(call);
    case 'record-layout':
      return writeLayoutRecord();
    case 'help':
      print(USAGE);
      return 0;
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { failureClass, message, remedy } = stepProblem(error);
  process.stderr.write(`slipway-agent: ${failureClass}: ${message}\n`);
  if (remedy !== undefined) process.stderr.write(`  ${remedy}\n`);
  process.exitCode = error instanceof LockedError ? 2 : 1;
}
