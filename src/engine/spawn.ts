/**
 * An {@link Exec} on Node's own child processes, for programs bundled without dependencies: the installer and the
 * agent. Each command is the leader of a process group, so that a time-out also ends what the command started.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { type Command, CommandError, type CommandResult, DEFAULT_TIMEOUT_MS, type Exec } from './command.ts';
import type { Hold } from './machine.ts';

export interface SpawnOptions {
  /** Ends running commands and refuses further ones. */
  readonly signal?: AbortSignal;
}

/** Milliseconds between the polite and the forced end of a process group. */
const TERM_GRACE_MS = 3_000;
/** Milliseconds a pipe may stay open after its program has ended. */
const PIPE_GRACE_MS = 2_000;
/** Shells use these for "found but cannot be executed" and "ended by signal N". */
const EXIT_NOT_EXECUTABLE = 126;
const EXIT_SIGNAL_BASE = 128;

/** An executor of commands on the running system. Programs speak English: `LC_ALL` is `C.UTF-8` unless given. */
export function spawnExec(options: SpawnOptions = {}): Exec {
  return (command, onLine) => run(command, onLine, options.signal);
}

async function run(
  command: Command,
  onLine: ((line: string) => void) | undefined,
  signal: AbortSignal | undefined,
): Promise<CommandResult> {
  if (signal?.aborted) throw new CommandError(command, 'aborted', undefined, '');
  const started = performance.now();
  const input = command.stdinFile === undefined ? undefined : await open(command.stdinFile);
  const child = spawn(command.file, command.args, {
    detached: true,
    stdio: [input?.fd ?? 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...command.env },
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
  });
  const stdout = collect(child.stdout, onLine);
  const stderr = collect(child.stderr, onLine);
  // A program may end without reading its input; the broken pipe is its choice, not a failure.
  child.stdin?.on('error', () => {});
  child.stdin?.end(command.stdin ?? '');

  let ended: 'timeout' | 'aborted' | undefined;
  const end = (reason: 'timeout' | 'aborted'): void => {
    ended ??= reason;
    endGroup(child);
  };
  const timer = setTimeout(() => end('timeout'), command.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const onAbort = (): void => end('aborted');
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const exitCode = await exitOf(child, command);
    const error = stderr.end();
    if (ended !== undefined) throw new CommandError(command, ended, exitCode, error);
    if (!(command.accept ?? [0]).includes(exitCode)) throw new CommandError(command, 'exit', exitCode, error);
    return { stdout: stdout.end(), stderr: error, exitCode, durationMs: performance.now() - started };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    await input?.close();
  }
}

/** See `hold` of the Machine. */
export async function spawnHold(command: Command): Promise<Hold> {
  const child = spawn(command.file, command.args, {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...command.env },
  });
  child.stdin?.on('error', () => {});
  const exit = exitOf(child, command);
  const said = new Promise<'said'>((resolve) => {
    collect(child.stdout, () => resolve('said'));
  });
  const stderr = collect(child.stderr, undefined);
  const timer = setTimeout(() => endGroup(child), command.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  try {
    const outcome = await Promise.race([said, exit]);
    if (outcome !== 'said') throw new CommandError(command, 'exit', outcome, stderr.end());
  } finally {
    clearTimeout(timer);
  }
  return {
    async release() {
      child.stdin?.end();
      const late = setTimeout(() => endGroup(child), TERM_GRACE_MS);
      await exit.catch(() => {});
      clearTimeout(late);
    },
  };
}

function exitOf(child: ChildProcess, command: Command): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') reject(new CommandError(command, 'not-found', undefined, ''));
      else reject(new CommandError(command, 'exit', EXIT_NOT_EXECUTABLE, error.message));
    });
    child.once('exit', (code, name) => {
      const exitCode = code ?? EXIT_SIGNAL_BASE + (name === null ? 0 : constants.signals[name]);
      // A daemon started by the program inherits its pipes and would keep them open for ever.
      const late = setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, PIPE_GRACE_MS);
      child.once('close', () => {
        clearTimeout(late);
        resolve(exitCode);
      });
    });
  });
}

function endGroup(child: ChildProcess): void {
  const group = child.pid;
  if (group === undefined) return;
  signalGroup(group, 'SIGTERM');
  // Not cleared when the leader ends: a child of it that ignores SIGTERM is still in the group.
  setTimeout(() => signalGroup(group, 'SIGKILL'), TERM_GRACE_MS).unref();
}

function signalGroup(group: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-group, signal);
  } catch {
    // The group is gone.
  }
}

/** Gathers a stream's text and hands its lines on as they are complete. */
function collect(stream: Readable | null, onLine: ((line: string) => void) | undefined): { end(): string } {
  const chunks: string[] = [];
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    chunks.push(chunk);
    if (onLine === undefined) return;
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line.replace(/\r$/, ''));
  });
  return {
    end() {
      if (rest !== '') onLine?.(rest);
      rest = '';
      return chunks.join('');
    },
  };
}
