/** Runs the scripts of a kickstart: %pre, %pre-install, %post, %onerror, %traceback, as Anaconda runs them. */
import { posix } from 'node:path';
import { type Command, CommandError } from '../engine/command.ts';
import { type FailureClass, StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';
import type { Section } from '../kickstart/types.ts';
import { TARGET } from './installation.ts';

/** Milliseconds; a script may install packages. */
const SCRIPT_TIMEOUT_MS = 3_600_000;

/**
 * Runs a section's script to its end.
 * @param say sees every line it prints: at once, or after its end when the lines go to a file of their own by --log
 * @throws {StepFailure} when it fails and its header says `--erroronfail`.
 */
export async function runScript(
  machine: Machine,
  section: Section,
  say: (line: string) => void,
): Promise<void> {
  const value = (name: string): string | undefined => section.options.get(name)?.at(-1)?.value?.text;
  const interpreter = value('--interpreter') ?? '/bin/sh';
  const inTarget = section.name === 'post' && !section.options.has('--nochroot');
  const file = `/tmp/ks-script-${section.name}-${section.line}`;
  const root = inTarget ? TARGET : '';
  const logFile = value('--log');
  const log = logFile === undefined ? undefined : posix.join('/', root, logFile);
  await machine.exec({ file: 'mkdir', args: ['-p', `${root}/tmp`], effect: 'write' });
  await machine.writeFile(`${root}${file}`, `${section.body}\n`, 0o700);
  if (log !== undefined) await machine.writeFile(log, '', 0o600);
  const lines: string[] = [];
  const see = (line: string): void => {
    lines.push(line);
    say(line);
  };
  const words = inTarget ? ['chroot', TARGET, interpreter, file] : [interpreter, file];
  const failure = await machine.exec(scriptCommand(words, log), see).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (log !== undefined) linesOf(await machine.readFile(log)).forEach(see);
  await machine.exec({ file: 'rm', args: ['-f', `${root}${file}`], effect: 'write' });
  if (failure === undefined) return;
  if (!(failure instanceof CommandError)) throw failure;
  const where = `%${section.name} at ${section.file}:${section.line}`;
  if (!section.options.has('--erroronfail')) {
    // The first words are Anaconda's, which people and programs look for in a log.
    say(
      `Error code ${failure.exitCode ?? 1} running the kickstart script at line ${section.line}: ` +
        `${where} does not say --erroronfail, so the installation goes on`,
    );
    return;
  }
  throw (
    refusalOf(lines) ??
    new StepFailure('verify-failed', `${where} failed: ${lines.at(-1) ?? failure.message}`)
  );
}

/**
 * A script that logs writes to the file itself, from its first line on: it may read that file or add to it, and a
 * daemon that it leaves behind keeps no pipe of ours open.
 */
function scriptCommand(words: readonly string[], log: string | undefined): Command {
  const [file = '', ...args] = words;
  const how = { effect: 'write', timeoutMs: SCRIPT_TIMEOUT_MS } as const;
  if (log === undefined) return { file, args, ...how };
  return { file: '/bin/sh', args: ['-c', 'exec "$@" >>"$0" 2>&1', log, ...words], ...how };
}

const linesOf = (text: string | undefined): readonly string[] =>
  (text ?? '').split('\n').filter((line) => line !== '');

/** A script's own refusal, in the words of a result line. It stands on every console already. */
export class ScriptRefusal extends StepFailure {}

const FAILURE_CLASSES: readonly FailureClass[] = [
  ...(['transient', 'waiting-peer', 'waiting-operator', 'timeout', 'needs-reboot'] as const),
  ...(['refused-foreign-data', 'config-invalid', 'verify-failed'] as const),
];

/**
 * The guard in %pre says why it refuses in the words of a result line; that reason is the installation's, whatever
 * exit code came with it.
 */
function refusalOf(log: readonly string[]): ScriptRefusal | undefined {
  for (const line of log) {
    const [, word, message = ''] = /^slipway: failed \S+: ([a-z-]+): (?:[\w-]+: )?(.*)$/.exec(line) ?? [];
    const failureClass = FAILURE_CLASSES.find((one) => one === word);
    if (failureClass !== undefined) return new ScriptRefusal(failureClass, message);
  }
  return undefined;
}
