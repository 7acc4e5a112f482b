/** The embedded installer: runs as the only program of the live root, from a kickstart to a machine that boots. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { CommandError, type Exec, shellLine } from '../engine/command.ts';
import { localMachine } from '../engine/local-machine.ts';
import { spawnExec } from '../engine/spawn.ts';
import { createReporter, type Reporter } from './console.ts';
import { reportFailure } from './failure-report.ts';
import { install } from './install.ts';
import { UNKNOWN_NODE } from './prepare.ts';
import { saveLog } from './save-log.ts';

const LOG = '/run/slipway/installer.log';
/** What process 1 does next; absent after a failure, and then it offers a shell. */
const NEXT = '/run/slipway/next';

/** Notes every command with what it took: an installation that is slow or fails is read from its log. */
function logged(exec: Exec, reporter: Reporter): Exec {
  return async (command, onLine) => {
    const started = performance.now();
    const took = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;
    try {
      const result = await exec(command, onLine);
      reporter.note(`$ ${shellLine(command)} # ${took()}`);
      return result;
    } catch (error) {
      reporter.note(`$ ${shellLine(command)} # failed after ${took()}`);
      if (error instanceof CommandError) for (const line of linesOf(error.stderr)) reporter.note(line);
      throw error;
    }
  };
}

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');

const kernelArguments = readFileSync('/proc/cmdline', 'utf8').split(/\s+/);
const reporter = createReporter(LOG, {
  everything: kernelArguments.includes('slipway.debug'),
  events: kernelArguments.includes('slipway.events=1'),
});
const machine = localMachine({ exec: logged(spawnExec(), reporter) });
let node = UNKNOWN_NODE;

/** Tells the failure, and ends. Whatever comes after the first one is its consequence. */
let failing: Promise<void> | undefined;
const fail = (error: unknown): Promise<void> => {
  process.exitCode = 1;
  failing ??= (async () => {
    const { say, note } = reportFailure(error, node);
    for (const line of note) reporter.note(line);
    for (const line of say) reporter.say(line);
    for (const place of await saveLog(machine, reporter.lines)) reporter.say(`the log is kept as ${place}`);
    reporter.recall();
    await reporter.flush();
    // A command may still run; process 1 waits for us, and an operator for the shell.
    process.exit(1);
  })();
  return failing;
};
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);

try {
  const next = await install(machine, reporter, (name) => {
    node = name;
  });
  await reporter.flush();
  await writeFile(NEXT, next);
} catch (error) {
  await fail(error);
}
