import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { InputError } from '../../src/errors/problem.ts';
import { openCache } from '../../src/host/cache.ts';
import type { PipelineEvent, Reporter } from '../../src/task/events.ts';
import { TaskFailure } from '../../src/task/failure.ts';
import { jsonReporter, plainReporter } from '../../src/task/line-reporters.ts';
import { type PipelineOptions, type RunTask, runPipeline } from '../../src/task/pipeline.ts';
import type { Task } from '../../src/task/task.ts';
import { inTempDir } from '../helpers/tmp.ts';

const double: Task<number, number> = {
  name: 'double',
  title: 'Double a number',
  tools: [],
  async run(n, _context, say) {
    say(`doubling ${n}`);
    return 2 * n;
  },
  summary: (n) => `now ${n}`,
};
const failing = (error: unknown): Task<number, number> => ({
  ...double,
  name: 'fail',
  run: async () => Promise.reject(error),
});

function recorder(): Reporter & { readonly events: PipelineEvent[]; closed: number } {
  const events: PipelineEvent[] = [];
  return {
    events,
    closed: 0,
    report: (event) => void events.push('durationMs' in event ? { ...event, durationMs: 0 } : event),
    async close() {
      this.closed++;
    },
  };
}

async function inPipeline<T>(
  flow: (run: RunTask) => Promise<T>,
  more: Partial<PipelineOptions> = {},
): Promise<{ result: T | undefined; error: unknown; reporter: ReturnType<typeof recorder> }> {
  return inTempDir(async (dir) => {
    const reporter = recorder();
    const options: PipelineOptions = {
      reporter,
      signal: new AbortController().signal,
      logs: join(dir, 'logs'),
      context: (log, signal) => ({
        exec: async (command) => {
          log(`$ ${command.file}`);
          return { stdout: '', stderr: '', exitCode: 0, durationMs: 0 };
        },
        cache: openCache(join(dir, 'cache')),
        signal,
      }),
      ...more,
    };
    try {
      return { result: await runPipeline(options, flow), error: undefined, reporter };
    } catch (error) {
      return { result: undefined, error, reporter };
    }
  });
}

describe('a pipeline', () => {
  it('passes results on and reports what happens', async () => {
    const { result, reporter } = await inPipeline(async (run) => run(double, await run(double, 1)));
    assert.equal(result, 4);
    assert.equal(reporter.closed, 1);
    assert.deepEqual(reporter.events.slice(0, 3), [
      { event: 'started', task: 'double', title: 'Double a number' },
      { event: 'output', task: 'double', line: 'doubling 1' },
      { event: 'done', task: 'double', durationMs: 0, summary: 'now 2' },
    ]);
  });

  it('keeps what a task said and ran in a log, and makes none for a silent one', async () => {
    await inTempDir(async (logs) => {
      const talking: Task<number, void> = {
        ...double,
        name: 'talk',
        async run(_n, { exec }, say) {
          say('before');
          await exec({ file: 'tool', args: [], effect: 'read' });
        },
        summary: () => '',
      };
      const silent: Task<number, void> = { ...talking, name: 'silent', run: async () => {} };
      await inPipeline(async (run) => Promise.all([run(talking, 1), run(silent, 1)]), { logs });
      assert.equal(await readFile(join(logs, 'talk.log'), 'utf8'), 'before\n$ tool\n');
      assert.equal(existsSync(join(logs, 'silent.log')), false);
    });
  });

  it('fails with the task, its log and the reason, and runs nothing afterwards', async () => {
    const reason = new Error('no room');
    const { error, reporter } = await inPipeline(async (run) => run(double, await run(failing(reason), 1)));
    assert.ok(error instanceof TaskFailure);
    assert.deepEqual([error.task, error.cause, error.log], ['fail', reason, undefined]);
    assert.equal(reporter.closed, 1);
    assert.deepEqual(reporter.events, [
      { event: 'started', task: 'fail', title: 'Double a number' },
      { event: 'failed', task: 'fail', durationMs: 0, message: 'no room' },
    ]);
  });

  it('ends what runs beside a failure and waits for it', async () => {
    let tidied = false;
    const slow: Task<number, number> = {
      ...double,
      name: 'slow',
      async run(_n, { signal }) {
        await pause(60_000, undefined, { signal }).catch(() => pause(20));
        tidied = true;
        return 0;
      },
    };
    const { error } = await inPipeline((run) => Promise.all([run(slow, 1), run(failing(new Error('x')), 1)]));
    assert.ok(error instanceof TaskFailure);
    assert.equal(error.task, 'fail');
    assert.equal(tidied, true);
  });

  it('starts nothing after the caller wished to stop', async () => {
    const { error, reporter } = await inPipeline((run) => run(double, 1), { signal: AbortSignal.abort() });
    assert.ok(error instanceof TaskFailure);
    assert.equal(reporter.events.filter(({ event }) => event === 'output').length, 0);
  });

  it('tells programs what is wrong with the input', async () => {
    const problem = {
      file: 'f',
      line: 1,
      column: 2,
      severity: 'error',
      rule: 'r',
      message: 'm',
    } as const;
    const { reporter } = await inPipeline((run) => run(failing(new InputError([problem])), 1));
    const last = reporter.events.at(-1);
    assert.deepEqual(last?.event === 'failed' && last.problems, [problem]);
  });
});

describe('the reporters for lines', () => {
  const events: readonly PipelineEvent[] = [
    { event: 'started', task: 'rpm', title: 'Build the RPMs' },
    { event: 'output', task: 'rpm', line: 'building' },
    { event: 'done', task: 'rpm', durationMs: 1234, summary: 'unchanged' },
    { event: 'failed', task: 'iso', durationMs: 60, message: 'no room' },
  ];

  it('write one plain line an event', () => {
    let text = '';
    for (const event of events) plainReporter((more) => (text += more)).report(event);
    assert.equal(
      text,
      'rpm: Build the RPMs\nrpm: building\nrpm: done in 1.2 s, unchanged\niso: failed after 0.1 s\n',
    );
  });

  it('write one JSON object an event', () => {
    let text = '';
    for (const event of events) jsonReporter((more) => (text += more)).report(event);
    assert.deepEqual(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
      events,
    );
  });
});
