/** The first-boot agent: argv in, exit code out. */
import { statSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { announce } from '../src/engine/announce.ts';
import { stoppableMachine } from '../src/engine/bounded-machine.ts';
import { readJournal } from '../src/engine/journal.ts';
import { localMachine } from '../src/engine/local-machine.ts';
import { acquireLock, LockedError } from '../src/engine/lock.ts';
import type { Machine } from '../src/engine/machine.ts';
import { recentReads } from '../src/engine/recent-reads.ts';
import { type StepEvent, stepProblem } from '../src/engine/run-step.ts';
import { spawnExec } from '../src/engine/spawn.ts';
import { LAYOUT_RECORD_PATH } from '../src/storage/layout-record.ts';
import { recordLayout } from '../src/storage/record-layout.ts';
import { type AgentCall, parseArguments, USAGE } from './arguments.ts';
import { tcpPeers } from './cluster/peer-link.ts';
import { type RotationAct, type RotationReport, rotate } from './cluster/rotate.ts';
import { explanation } from './explain.ts';
import { readNodeFacts, readNodePlan } from './node-facts.ts';
import {
  allSteps,
  checkAgent,
  nodeName,
  type RunOutlets,
  type RunVerdict,
  runAgent,
  stepNamed,
} from './run.ts';
import { EXIT_BY_STATE, JOURNAL_PATH, readStatus, statusTable } from './status.ts';
import { systemLog } from './system-log.ts';

const LOCK_PATH = '/run/slipway/agent.lock';
/** Not that of a run: one that waits for a rotation is no obstacle to it. */
const ROTATION_LOCK_PATH = '/run/slipway/rotate.lock';
const WAIT_POLL_MS = 500;
/** As a shell reports a program that was ended by SIGTERM; the unit takes it for a clean end. */
const EXIT_TERMINATED = 143;
const EXIT_BY_VERDICT: Readonly<Record<RunVerdict, number>> = {
  complete: 0,
  partial: 0,
  failed: 1,
  interrupted: EXIT_TERMINATED,
  restarting: EXIT_TERMINATED,
};
const MINUTE_MS = 60_000;

const print = (text: string): void => {
  process.stdout.write(text);
};

/** The packager stamps the bundle with the time of the newest of its sources. */
const builtAt = (): number => statSync(fileURLToPath(import.meta.url)).mtimeMs;

async function run(call: Extract<AgentCall, { verb: 'run' }>): Promise<number> {
  const { check, only, mayRestart, replacement } = call;
  const given = { builtAt: builtAt(), ...(replacement === undefined ? {} : { replacement }) };
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort());
  process.once('SIGINT', () => stop.abort());
  // A stop ends waiting at once; the command that is running is left to its end, and none is begun after it.
  const local = localMachine({ exec: spawnExec(), signal: stop.signal });
  const { machine, checks } = recentReads(stoppableMachine(local, stop.signal));
  if (check) return (await checkAgent(machine, given, (line) => print(`${line}\n`), only)) ? 0 : 1;

  const lock = await acquireLock(LOCK_PATH, 'slipway-agent run');
  try {
    const outlets = runOutlets();
    const verdict = await runAgent({
      machine,
      checks,
      given: { ...given, peers: tcpPeers(machine) },
      outlets,
      signal: stop.signal,
      mayRestart,
      everyMinute,
      ...(only === undefined ? {} : { only }),
    });
    await outlets.flush();
    if (verdict === 'restarting') await restartNode();
    return EXIT_BY_VERDICT[verdict];
  } finally {
    await lock.release();
  }
}

/** The system journal, with fields where systemd started us, and every console. */
function runOutlets(): RunOutlets & { flush(): Promise<void> } {
  const plain = (line: string): void => print(`${line}\n`);
  const isService = process.env['JOURNAL_STREAM'] !== undefined;
  const log = isService ? systemLog(spawnExec(), plain) : undefined;
  // Consoles are written in the order of the lines, and slow ones hold nothing up but themselves.
  let said = Promise.resolve();
  const say = (line: string, freshLine: boolean, event?: StepEvent): Promise<void> => {
    if (log === undefined) plain(line);
    else log.write(line, event);
    said = said.then(() => announce(line, { freshLine, also: ['tty1'] }));
    return said;
  };
  return {
    progress: (line, event) => void say(line, false, event),
    verdict: (line) => say(line, true),
    async flush() {
      await said;
      await log?.flush();
    },
  };
}

function everyMinute(remind: () => void): () => void {
  const timer = setInterval(remind, MINUTE_MS);
  return () => clearInterval(timer);
}

/** Rejects when systemd refuses; the journal then says that the node is about to restart, which a person has to do. */
async function restartNode(): Promise<void> {
  await spawnExec()({ file: 'systemctl', args: ['--no-block', 'reboot'], effect: 'write' });
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
  const step = stepNamed(steps, id);
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

/** Nothing of it is begun twice at a time; what stands then is printed as one line of JSON. */
async function renewSecrets({ act }: Extract<AgentCall, { verb: 'rotate' }>): Promise<number> {
  const machine = localMachine();
  const lock = await acquireLock(ROTATION_LOCK_PATH, `slipway-agent rotate ${act}`);
  try {
    const facts = await readNodeFacts(machine, { builtAt: builtAt(), peers: tcpPeers(machine) });
    const input = act === 'stage' ? await text(process.stdin) : undefined;
    const report = await rotate(act, machine, facts, input);
    if (act !== 'look') await logRotation(machine, act, report);
    print(`${JSON.stringify(report)}\n`);
    return 0;
  } finally {
    await lock.release();
  }
}

/** A line in the system journal for those who wonder later. */
async function logRotation(
  machine: Machine,
  act: RotationAct,
  { keyId, next }: RotationReport,
): Promise<void> {
  const kept = next === undefined ? '' : `, ${next.id} is ${next.phase}`;
  const line = `rotate ${act}: the keys in use are those of ${keyId ?? 'no secret'}${kept}`;
  await machine
    .exec({ file: 'logger', args: ['--tag', 'slipway-agent', line], effect: 'write' })
    .catch(() => undefined);
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
    case 'rotate':
      return renewSecrets(call);
    case 'help':
      print(USAGE);
      return 0;
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { failureClass, message, remedy } = stepProblem(error);
  const reason = error instanceof LockedError ? message : `${failureClass}: ${message}`;
  process.stderr.write(`slipway-agent: ${reason}\n`);
  if (remedy !== undefined) process.stderr.write(`  ${remedy}\n`);
  process.exitCode = error instanceof LockedError ? 2 : 1;
}
