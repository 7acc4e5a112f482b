/** Runs the scripts of a kickstart: %pre, %pre-install, %post, as Anaconda runs them. */

import { CommandError } from '../engine/command.ts';
import { type FailureClass, StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';
import type { Section } from '../kickstart/types.ts';
import { TARGET } from './installation.ts';

/** Milliseconds; a script may install packages. */
const SCRIPT_TIMEOUT_MS = 3_600_000;

/**
 * Runs a section's script to its end.
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
  await machine.exec({ file: 'mkdir', args: ['-p', `${root}/tmp`], effect: 'write' });
  await machine.writeFile(`${root}${file}`, `${section.body}\n`, 0o700);
  const log: string[] = [];
  const failure = await machine
    .exec(
      {
        file: inTarget ? 'chroot' : interpreter,
        args: inTarget ? [TARGET, interpreter, file] : [file],
        effect: 'write',
        timeoutMs: SCRIPT_TIMEOUT_MS,
      },
      (line) => {
        log.push(line);
        say(line);
      },
    )
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  const logFile = value('--log');
  if (logFile !== undefined)
    await machine.writeFile(`${root}${logFile}`, log.map((line) => `${line}\n`).join(''));
  await machine.exec({ file: 'rm', args: ['-f', `${root}${file}`], effect: 'write' });
  if (failure === undefined) return;
  if (!(failure instanceof CommandError)) throw failure;
  const where = `%${section.name} at ${section.file}:${section.line}`;
  if (!section.options.has('--erroronfail')) {
    say(`${where} failed, and its header does not say --erroronfail: ${failure.message}`);
    return;
  }
  throw (
    refusalOf(log) ?? new StepFailure('verify-failed', `${where} failed: ${log.at(-1) ?? failure.message}`)
  );
}

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
