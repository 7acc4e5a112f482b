import { join } from 'node:path';
import { InputError } from '../errors/problem.ts';
import type { Context } from '../host/context.ts';
import type { Reporter } from './events.ts';
import { TaskFailure } from './failure.ts';
import { openLog } from './log.ts';
import type { Task } from './task.ts';

export interface PipelineOptions {
  readonly reporter: Reporter;
  /** The caller's wish to stop. */
  readonly signal: AbortSignal;
  /** Folder for `<task>.log`; made when there is something to write. */
  readonly logs: string;
  /** What a task works with: its commands go to its own log, and end when the given signal does. */
  readonly context: (
    log: (line: string) => void,
    signal: AbortSignal,
    say: (line: string) => void,
  ) => Context;
}

/** Runs one task within a pipeline; rejects with {@link TaskFailure}. */
export type RunTask = <In, Out>(task: Task<In, Out>, input: In) => Promise<Out>;

/**
 * Runs `flow`, an ordinary function that calls its tasks one after the other or side by side and passes their results
 * on. The first failure ends what runs beside it, and nothing is left running when this settles.
 */
export async function runPipeline<T>(
  options: PipelineOptions,
  flow: (run: RunTask) => Promise<T>,
): Promise<T> {
  const failure = new AbortController();
  const signal = AbortSignal.any([options.signal, failure.signal]);
  const running = new Set<Promise<unknown>>();
  const run: RunTask = (task, input) => {
    const promise = runTask(task, input, options, signal);
    running.add(promise);
    return promise;
  };
  try {
    return await flow(run);
  } catch (error) {
    failure.abort(error);
    throw error;
  } finally {
    await Promise.allSettled(running);
    await options.reporter.close();
  }
}

async function runTask<In, Out>(
  task: Task<In, Out>,
  input: In,
  { reporter, logs, context }: PipelineOptions,
  signal: AbortSignal,
): Promise<Out> {
  const log = openLog(join(logs, `${task.name}.log`));
  const begun = performance.now();
  const elapsed = (): number => Math.round(performance.now() - begun);
  const say = (line: string): void => {
    log.write(line);
    reporter.report({ event: 'output', task: task.name, line });
  };
  reporter.report({ event: 'started', task: task.name, title: task.title });
  try {
    signal.throwIfAborted();
    const out = await task.run(input, context(log.write, signal, say), say);
    const summary = task.summary?.(out);
    reporter.report({
      event: 'done',
      task: task.name,
      durationMs: elapsed(),
      ...(summary === undefined ? {} : { summary }),
    });
    return out;
  } catch (error) {
    const path = log.path();
    reporter.report({
      event: 'failed',
      task: task.name,
      durationMs: elapsed(),
      message: error instanceof Error ? error.message : String(error),
      ...(path === undefined ? {} : { log: path }),
      ...(error instanceof InputError ? { problems: error.problems } : {}),
    });
    throw new TaskFailure(task.name, path, error);
  } finally {
    log.close();
  }
}
