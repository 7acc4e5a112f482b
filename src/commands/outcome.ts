import type { CommanderError } from 'commander';
import { CommandError, shellLine } from '../engine/command.ts';
import { StepFailure } from '../engine/failure.ts';
import { FailedError, MissingError } from '../errors/exit.ts';
import { formatProblems, InputError } from '../errors/problem.ts';
import { interruptionExitCode } from '../host/signals.ts';
import { TaskFailure } from '../task/failure.ts';

/** What a finished command says to the shell. */
export interface Ending {
  /** 0 done, 1 the input is wrong, 2 something is missing, 3 a step or proof failed, 70 our bug, 128 + n a signal. */
  readonly exitCode: number;
  /** For standard error, without a final newline; empty when all has been said. */
  readonly message: string;
}

/** Turns whatever a command threw into an exit code and words for the person who typed it. */
export function outcomeOf(error: unknown): Ending {
  const interrupted = interruptionExitCode();
  if (interrupted !== undefined) return { exitCode: interrupted, message: 'slipway: interrupted' };
  if (isUsage(error)) return { exitCode: error.exitCode === 0 ? 0 : 1, message: '' };
  if (error instanceof InputError) {
    return { exitCode: 1, message: formatProblems(error.problems, error.sources) };
  }
  const { cause, lines } = unwrap(error);
  if (cause instanceof InputError) return outcomeOf(cause);
  if (cause instanceof MissingError) return { exitCode: 2, message: say(cause.message, cause.hint, lines) };
  if (cause instanceof FailedError) return { exitCode: 3, message: say(cause.message, cause.hint, lines) };
  if (cause instanceof StepFailure) return { exitCode: 3, message: say(cause.message, cause.remedy, lines) };
  if (cause instanceof CommandError) {
    return {
      exitCode: 3,
      message: say(cause.message, undefined, [`command: ${shellLine(cause.command)}`, ...lines]),
    };
  }
  if (isRefusal(cause)) return { exitCode: 2, message: say(cause.message, undefined, lines) };
  return { exitCode: 70, message: bug(cause, lines) };
}

/** The system lacks room or a permission, or has no place for a folder; its own sentence names what and where. */
const REFUSALS = ['EACCES', 'EDQUOT', 'ENOSPC', 'EPERM', 'EROFS'];

const isRefusal = (error: unknown): error is Error =>
  error instanceof Error &&
  'code' in error &&
  (REFUSALS.includes(String(error.code)) || ('syscall' in error && error.syscall === 'mkdir'));

/** A failed task knows its name and its log; the reason is below it. */
function unwrap(error: unknown): { readonly cause: unknown; readonly lines: readonly string[] } {
  if (!(error instanceof TaskFailure)) return { cause: error, lines: [] };
  return {
    cause: error.cause,
    lines: [`task: ${error.task}`, ...(error.log === undefined ? [] : [`log: ${error.log}`])],
  };
}

function say(message: string, hint: string | undefined, lines: readonly string[]): string {
  const rest = hint === undefined ? lines : [...lines, `hint: ${hint}`];
  return [`slipway: ${message}`, ...rest.map((line) => `  ${line.replaceAll('\n', '\n  ')}`)].join('\n');
}

function bug(error: unknown, lines: readonly string[]): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [
    'slipway: this is a bug in slipway, not in your input.',
    ...lines.map((line) => `  ${line}`),
    stack,
    'Please report it with the lines above, the command you ran and your spec without its secrets.',
  ].join('\n');
}

/** Told by its code, so that this module does not load commander's class for one comparison. */
function isUsage(error: unknown): error is CommanderError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}
