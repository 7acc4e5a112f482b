/**
 * What it means to run a program: the description of one command, its result and its failure.
 *
 * Descriptions are plain data, so that builders of argument lists are pure and can be asserted whole, and so that
 * `--dry-run` has one place to live: whoever executes a {@link Command} looks at `effect`.
 */

/** One program call. Never a shell line: `args` reach the program as they are. */
export interface Command {
  /** Program name (looked up on PATH) or absolute path. */
  readonly file: string;
  readonly args: readonly string[];
  /** `read` leaves the world as it was; `write` changes a file, a disk or a service and is skipped by `--dry-run`. */
  readonly effect: 'read' | 'write';
  /** Milliseconds until the program and its children are ended; default 120 000. */
  readonly timeoutMs?: number;
  /** Text for standard input. Secrets travel here, never in `args`. */
  readonly stdin?: string;
  /** A file to be standard input instead of `stdin`. */
  readonly stdinFile?: string;
  readonly cwd?: string;
  /** Variables added to the inherited environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that are not failures; default `[0]`. */
  readonly accept?: readonly number[];
}

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  /** Wall-clock milliseconds. */
  readonly durationMs: number;
}

/**
 * Runs a command to its end. `onLine` sees every line of standard output and standard error as it arrives.
 * Rejects with {@link CommandError} when the exit code is not accepted, the time is up or the program is not there.
 */
export type Exec = (command: Command, onLine?: (line: string) => void) => Promise<CommandResult>;

/** Why a command did not do what was asked; `message` is one readable line, `stderr` the rest. */
export class CommandError extends Error {
  readonly command: Command;
  readonly exitCode: number | undefined;
  readonly stderr: string;
  readonly reason: 'exit' | 'timeout' | 'not-found' | 'aborted';

  constructor(
    command: Command,
    reason: 'exit' | 'timeout' | 'not-found' | 'aborted',
    exitCode: number | undefined,
    stderr: string,
  ) {
    super(commandFailure(command, reason, exitCode, stderr));
    this.name = 'CommandError';
    this.command = command;
    this.reason = reason;
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

function commandFailure(
  command: Command,
  reason: CommandError['reason'],
  exitCode: number | undefined,
  stderr: string,
): string {
  const last = stderr.trimEnd().split('\n').at(-1)?.trim() ?? '';
  const tail = last === '' ? '' : `: ${last}`;
  switch (reason) {
    case 'exit':
      return `${command.file} ended with exit code ${exitCode}${tail}`;
    case 'timeout':
      return `${command.file} did not end within ${(command.timeoutMs ?? DEFAULT_TIMEOUT_MS) / 1000} s`;
    case 'not-found':
      return `${command.file} is not installed`;
    case 'aborted':
      return `${command.file} was interrupted`;
  }
}

/** Milliseconds a command may take when it does not say otherwise. */
export const DEFAULT_TIMEOUT_MS = 120_000;

/** Quotes a command for a POSIX shell, so that what `--dry-run` prints can be pasted. */
export function shellLine(command: Command): string {
  const quote = (word: string): string =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
  const env = Object.entries(command.env ?? {}).map(([key, value]) => `${key}=${quote(value)}`);
  const input = command.stdinFile === undefined ? [] : [`<${quote(command.stdinFile)}`];
  return [...env, ...[command.file, ...command.args].map(quote), ...input].join(' ');
}
