/** The one place that starts programs. */

import { open, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { execa } from 'execa';
import {
  type Command,
  CommandError,
  type CommandResult,
  DEFAULT_TIMEOUT_MS,
  type Exec,
  shellLine,
} from '../engine/command.ts';
import { atExit } from './at-exit.ts';
import { ProcessTree } from './process-tree.ts';
import { searchPath } from './search-path.ts';

export interface ExecOptions {
  /** Ends the running command with all its children. */
  readonly signal?: AbortSignal;
  /** When given, commands that write are handed to it as a shell line instead of being run. */
  readonly dryRun?: (line: string) => void;
  /** Sees every command (`$ …`) and every line of its output. */
  readonly log?: (line: string) => void;
}

/** Programs speak English and sort by bytes, whatever the user's locale: their output is parsed. */
const LOCALE = { LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', LANGUAGE: '' } as const;

/** What `--dry-run` answers for a command it did not run. */
const NOT_RUN: CommandResult = { stdout: '', stderr: '', exitCode: 0, durationMs: 0 };

/**
 * An {@link Exec} for this machine. Every child leads its own session, so that an abort or a time-out ends the whole
 * tree and Ctrl-C reaches children only through us.
 */
export function createExec(options: ExecOptions = {}): Exec {
  return async (command, onLine) => {
    if (options.signal?.aborted) throw new CommandError(command, 'aborted', undefined, '');
    if (options.dryRun !== undefined && command.effect === 'write') {
      options.dryRun(shellLine(command));
      return NOT_RUN;
    }
    options.log?.(`$ ${shellLine(command)}`);
    return run(command, options, (line) => {
      options.log?.(line);
      onLine?.(line);
    });
  };
}

async function run(
  command: Command,
  options: ExecOptions,
  onLine: (line: string) => void,
): Promise<CommandResult> {
  const tap = {
    // With the newlines kept, what comes out is byte for byte what went in.
    preserveNewlines: true,
    *transform(chunk: unknown): Generator<string> {
      const line = String(chunk);
      onLine(line.endsWith('\n') ? line.slice(0, -1) : line);
      yield line;
    },
  };
  const stdin = command.stdinFile === undefined ? undefined : await open(command.stdinFile, 'r');
  const child = execa(command.file, command.args, {
    reject: false,
    detached: true,
    cleanup: false,
    stripFinalNewline: false,
    ...standardInput(command),
    stdout: tap,
    stderr: tap,
    env: { ...LOCALE, PATH: searchPath(), ...command.env },
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
  });
  const ending = endWhenTold(child.pid, command.timeoutMs ?? DEFAULT_TIMEOUT_MS, options.signal);
  const result = await child;
  await stdin?.close();
  const ended = await ending.settle();
  const stderr = result.stderr;
  if (ended !== undefined) throw new CommandError(command, ended, result.exitCode, stderr);
  if (result.exitCode === undefined && result.signal === undefined) throw await notStarted(command, result);
  const exitCode = result.exitCode ?? 128 + signalNumber(result.signal);
  if (!(command.accept ?? [0]).includes(exitCode)) throw new CommandError(command, 'exit', exitCode, stderr);
  return { stdout: result.stdout, stderr, exitCode, durationMs: result.durationMs };
}

function standardInput({ stdin, stdinFile }: Command) {
  if (stdinFile !== undefined) return { inputFile: stdinFile };
  return stdin === undefined ? { stdin: 'ignore' as const } : { input: stdin };
}

/** Watches the clock and the abort signal; `settle` stops watching and says whether the child was ended, and why. */
function endWhenTold(pid: number | undefined, timeoutMs: number, signal: AbortSignal | undefined) {
  let ended: 'timeout' | 'aborted' | undefined;
  let ending: Promise<void> = Promise.resolve();
  const tree = pid === undefined ? undefined : new ProcessTree(pid);
  const end = (reason: 'timeout' | 'aborted'): void => {
    if (ended !== undefined || tree === undefined) return;
    ended = reason;
    ending = tree.end();
  };
  const onAbort = (): void => end('aborted');
  const timer = setTimeout(() => end('timeout'), timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  const forget = atExit(() => tree?.signal('SIGKILL'));
  return {
    async settle(): Promise<'timeout' | 'aborted' | undefined> {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      await ending;
      forget();
      return ended;
    },
  };
}

async function notStarted(
  command: Command,
  result: { code?: string | undefined; message?: string | undefined },
): Promise<Error> {
  if (command.cwd !== undefined && !(await isFolder(command.cwd))) {
    return new Error(`cannot run ${command.file} in ${command.cwd}: no such folder`);
  }
  if (result.code === 'ENOENT') return new CommandError(command, 'not-found', undefined, '');
  // 126 is what a shell answers for a file that cannot be executed.
  return new CommandError(command, 'exit', 126, result.message ?? 'could not be started');
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (s) => s.isDirectory(),
    () => false,
  );

/** The exit code a shell gives for a child ended by a signal is 128 plus this. */
const signalNumber = (name: NodeJS.Signals | undefined): number =>
  name === undefined ? 0 : constants.signals[name];
