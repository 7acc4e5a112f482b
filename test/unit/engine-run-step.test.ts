import assert from 'node:assert/strict';
import { CommandError } from '../../src/engine/command.ts';
import { type FailureClass, StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { checkStep, runStep, type StepEvent, type StepReport } from '../../src/engine/run-step.ts';
import { orderSteps, runSteps } from '../../src/engine/run-steps.ts';
import type { Step } from '../../src/engine/step.ts';
import { fakeMachine } from '../helpers/fake-machine.ts';

/** A step that is done when `/done` exists. */
const touch = (overrides: Partial<Step<null>> = {}): Step<null> => ({
  id: 'touch-file',
  title: 'Touch',
  async check(machine) {
    if (await machine.exists('/done')) return { done: true, evidence: { file: '/done' } };
    return { done: false, why: 'there is no /done' };
  },
  apply: (machine) => machine.writeFile('/done', ''),
  ...overrides,
});

const problemOf = (report: StepReport): { failureClass: FailureClass; message: string } => {
  assert.equal(report.outcome, 'failed');
  const { failureClass, message } = report.problem;
  return { failureClass, message };
};

describe('runStep', () => {
  it('does nothing where the check is content', async () => {
    const machine = fakeMachine({ files: { '/done': '' } });
    const report = await runStep(touch(), machine, null);
    assert.equal(report.outcome, 'already-done');
    assert.deepEqual(machine.written, []);
  });

  it('applies, checks again and reports what the second check saw', async () => {
    const events: StepEvent[] = [];
    const report = await runStep(touch(), fakeMachine(), null, { listener: (event) => events.push(event) });
    assert.equal(report.outcome, 'changed');
    assert.deepEqual(report.outcome === 'changed' && report.evidence, { file: '/done' });
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['checking', 'applying', 'verifying', 'ended'],
    );
  });

  it('does not believe an apply that changed nothing', async () => {
    const report = await runStep(touch({ apply: async () => {} }), fakeMachine(), null);
    assert.deepEqual(problemOf(report), {
      failureClass: 'verify-failed',
      message: 'applied, but still: there is no /done',
    });
  });

  it('keeps the class of a failure, and gives one to other errors', async () => {
    const command = { file: 'tool', args: [], effect: 'read' } as const;
    const abort = new Error('aborted');
    abort.name = 'AbortError';
    const cases: readonly (readonly [Error, FailureClass])[] = [
      [new StepFailure('waiting-peer', 'no peer'), 'waiting-peer'],
      [new CommandError(command, 'timeout', undefined, ''), 'timeout'],
      [new CommandError(command, 'aborted', undefined, ''), 'transient'],
      [new CommandError(command, 'exit', 3, 'boom'), 'verify-failed'],
      [new TypeError('a bug'), 'verify-failed'],
      [abort, 'transient'],
    ];
    for (const [error, failureClass] of cases) {
      const inCheck = await runStep(touch({ check: () => Promise.reject(error) }), fakeMachine(), null);
      const inApply = await runStep(touch({ apply: () => Promise.reject(error) }), fakeMachine(), null);
      assert.equal(problemOf(inCheck).failureClass, failureClass);
      assert.equal(problemOf(inApply).failureClass, failureClass);
    }
  });

  it('gives checks a machine that cannot be changed', async () => {
    const machine = fakeMachine({ commands: { rm: () => '' } });
    const writing: readonly ((m: Machine) => Promise<unknown>)[] = [
      (m) => m.writeFile('/done', ''),
      (m) => m.exec({ file: 'rm', args: ['/x'], effect: 'write' }),
    ];
    for (const write of writing) {
      const check = async (m: Machine) => {
        await write(m);
        return { done: true, evidence: {} } as const;
      };
      const report = await runStep(touch({ check }), machine, null);
      assert.match(problemOf(report).message, /a check may not/);
    }
    assert.deepEqual([machine.written, machine.ran], [[], []]);
  });

  it('ends a step whose time is over, by the clock of its machine', async () => {
    const apply = async (machine: Machine): Promise<void> => {
      for (;;) await machine.sleep(1000);
    };
    const machine = fakeMachine();
    const report = await runStep(touch({ apply, timeoutSeconds: 10 }), machine, null);
    assert.deepEqual(problemOf(report), { failureClass: 'timeout', message: 'not done within 10 s' });
    assert.equal(report.durationMs, 10_000);
  });

  it('gives a command no more time than the step has left', async () => {
    const machine = fakeMachine({ commands: { tool: () => '' } });
    const apply = async (m: Machine): Promise<void> => {
      await m.sleep(4_000);
      await m.exec({ file: 'tool', args: [], effect: 'write' });
      await m.writeFile('/done', '');
    };
    await runStep(touch({ apply, timeoutSeconds: 10 }), machine, null);
    assert.equal(machine.ran[0]?.timeoutMs, 6_000);
  });
});

describe('checkStep', () => {
  it('only asks', async () => {
    const machine = fakeMachine();
    assert.deepEqual(await checkStep(touch(), machine, null), { done: false, why: 'there is no /done' });
    assert.deepEqual(machine.written, []);
  });
});

describe('orderSteps', () => {
  const step = (id: string, ...after: string[]): Step<null> => touch({ id, after });
  const ids = (steps: readonly Step<null>[]): string =>
    orderSteps(steps)
      .map(({ id }) => id)
      .join(' ');

  it('keeps the given order where nothing demands another', () => {
    assert.equal(ids([step('b'), step('a'), step('c')]), 'b a c');
    assert.equal(ids([step('c', 'a', 'b'), step('b', 'a'), step('a')]), 'a b c');
  });

  it('names a cycle, duplicates and unknown steps', () => {
    assert.throws(() => ids([step('x'), step('a', 'b'), step('b', 'c'), step('c', 'a')]), {
      name: 'StepFailure',
      failureClass: 'config-invalid',
      message: 'steps wait for each other: a → b → c → a',
    });
    assert.throws(() => ids([step('a', 'a')]), { message: 'steps wait for each other: a → a' });
    assert.throws(() => ids([step('a'), step('a'), step('b', 'nope')]), {
      message: "two steps are named 'a'; step 'b' comes after 'nope', and there is no such step",
    });
  });
});

describe('runSteps', () => {
  it('stops at the first failure', async () => {
    const steps = [
      touch({ id: 'one' }),
      touch({ id: 'two', check: () => Promise.reject(new StepFailure('verify-failed', 'no')) }),
      touch({ id: 'three' }),
    ];
    const { reports, failed } = await runSteps(steps, fakeMachine(), null);
    assert.deepEqual(
      reports.map(({ id, outcome }) => [id, outcome]),
      [
        ['one', 'changed'],
        ['two', 'failed'],
      ],
    );
    assert.equal(failed?.id, 'two');
  });

  it('begins no further step once it is stopped', async () => {
    const stop = new AbortController();
    const steps = [
      touch({
        id: 'one',
        apply: async (m) => {
          stop.abort();
          await m.writeFile('/done', '');
        },
      }),
      touch({ id: 'two' }),
    ];
    const { reports, interrupted } = await runSteps(steps, fakeMachine(), null, { signal: stop.signal });
    assert.deepEqual([reports.length, reports[0]?.outcome, interrupted], [1, 'changed', true]);
  });
});
