import assert from 'node:assert/strict';
import { stoppableMachine } from '../../src/engine/bounded-machine.ts';
import { type FailureClass, StepFailure } from '../../src/engine/failure.ts';
import { openJournal, readJournal } from '../../src/engine/journal.ts';
import { POLICY, retryDelay } from '../../src/engine/patience.ts';
import { type RunStepOptions, runStep, type StepEvent, type StepReport } from '../../src/engine/run-step.ts';
import { runSteps } from '../../src/engine/run-steps.ts';
import type { Step } from '../../src/engine/step.ts';
import { fakeMachine } from '../helpers/fake-machine.ts';

const HALF = { random: () => 0.5 };

/** A step whose check fails by `failures` in turn and is done after them. */
function stumbling(failures: readonly (readonly [FailureClass, string])[], timeoutSeconds = 300): Step<null> {
  let n = 0;
  return {
    id: 'stumble',
    title: 'Stumble',
    timeoutSeconds,
    async check() {
      const failure = failures[n];
      n += 1;
      if (failure !== undefined) throw new StepFailure(failure[0], failure[1], 'help');
      return { done: true, evidence: { attempts: n } };
    },
    async apply() {},
  };
}

const times = (
  count: number,
  failure: readonly [FailureClass, string],
): readonly (readonly [FailureClass, string])[] => Array.from({ length: count }, () => failure);

async function run(
  step: Step<null>,
  options: RunStepOptions = { patience: HALF },
): Promise<{ report: StepReport; waits: readonly string[]; ms: number }> {
  const waits: string[] = [];
  const machine = fakeMachine();
  const began = machine.clock;
  const report = await runStep(step, machine, null, {
    ...options,
    listener: (event: StepEvent) => {
      if (event.kind === 'waiting')
        waits.push(
          `${Math.floor(event.waitedMs / 1000)} ${event.problem.failureClass}: ${event.problem.message}`,
        );
    },
  });
  return { report, waits, ms: machine.clock - began };
}

describe('the delay before a further attempt', () => {
  it('doubles from 0.1 s to 5 s, and half of it is chance', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7, 50].map((attempt) => [retryDelay(attempt, 0), retryDelay(attempt, 1)]),
      [
        [50, 100],
        [100, 200],
        [200, 400],
        [400, 800],
        [800, 1600],
        [1600, 3200],
        [2500, 5000],
        [2500, 5000],
      ],
    );
  });
});

describe('a step that fails', () => {
  it('is tried again when the failure is transient, and ends well', async () => {
    const { report, waits, ms } = await run(stumbling(times(3, ['transient', 'busy'])));
    assert.equal(report.outcome, 'already-done');
    assert.deepEqual([waits, ms], [['0 transient: busy'], 75 + 150 + 300]);
  });

  it('is given up when what is transient lasts for all of its time, with the last reason', async () => {
    const { report, ms } = await run(stumbling(times(10_000, ['transient', 'busy']), 60));
    assert.equal(report.outcome, 'failed');
    assert.deepEqual(report.problem, {
      failureClass: 'timeout',
      message: 'not done within 60 s: busy',
      remedy: 'help',
    });
    assert.ok(ms >= 60_000 && ms < 65_000);
  });

  it('waits for a peer or an operator without a limit, and says so every minute', async () => {
    for (const failureClass of ['waiting-peer', 'waiting-operator'] as const) {
      // An hour and more, with a time of one minute.
      const { report, waits } = await run(stumbling(times(1000, [failureClass, 'nobody']), 60));
      assert.equal(report.outcome, 'already-done');
      assert.ok(report.durationMs > 3_600_000);
      const minutes = waits.map((line) => Math.floor(Number.parseInt(line, 10) / 60));
      assert.ok(minutes.length >= 55, `${minutes.length} reminders`);
      assert.deepEqual(minutes, [...new Set(minutes)]);
    }
  });

  it('gives what is transient its own time, however long it waited for a peer before', async () => {
    const busy = times(3, ['transient', 'busy']);
    const { report, ms } = await run(stumbling([...times(1000, ['waiting-peer', 'nobody']), ...busy], 60));
    const { ms: peerOnly } = await run(stumbling(times(1000, ['waiting-peer', 'nobody']), 60));
    assert.deepEqual([report.outcome, ms - peerOnly], ['already-done', 75 + 150 + 300]);
  });

  it('says at once when it waits for something else', async () => {
    const { waits } = await run(
      stumbling([
        ...times(2, ['waiting-peer', 'no peer']),
        ['waiting-peer', 'wrong rank'],
        ['transient', 'busy'],
      ]),
    );
    assert.deepEqual(waits, ['0 waiting-peer: no peer', '0 waiting-peer: wrong rank', '0 transient: busy']);
  });

  it('stops at once in every other class', async () => {
    const stopping: readonly FailureClass[] = [
      'config-invalid',
      'needs-reboot',
      'refused-foreign-data',
      'timeout',
      'verify-failed',
    ];
    assert.deepEqual(
      Object.entries(POLICY)
        .flatMap(([name, policy]) => (policy === 'stop' ? [name] : []))
        .sort(),
      stopping,
    );
    for (const failureClass of stopping) {
      const { report, ms } = await run(stumbling([[failureClass, 'no']]));
      assert.deepEqual(
        report.outcome === 'failed' && [report.problem.failureClass, report.problem.remedy, ms],
        [failureClass, 'help', 0],
      );
    }
  });

  it('is not tried again by a runner without patience', async () => {
    const { report } = await run(stumbling([['transient', 'busy']]), {});
    assert.equal(report.outcome === 'failed' && report.problem.failureClass, 'transient');
  });

  it('does not wait any longer once it is stopped', async () => {
    const stop = new AbortController();
    const machine = fakeMachine({
      onSleep: (m) => {
        if (m.clock - began < 90_000) return;
        stop.abort();
        throw new DOMException('stopped', 'AbortError');
      },
    });
    const began = machine.clock;
    const report = await runStep(stumbling(times(1000, ['waiting-peer', 'no peer'])), machine, null, {
      patience: { ...HALF, signal: stop.signal },
    });
    assert.equal(report.outcome === 'failed' && report.problem.failureClass, 'waiting-peer');
    assert.ok(machine.clock - began < 100_000);
  });

  it('leaves one intent and one word per obstacle in the journal, not one per attempt', async () => {
    const PATH = '/journal';
    const machine = fakeMachine();
    const states: (string | undefined)[] = [];
    const recorder = await openJournal(machine, PATH, { node: 'n', boot: 'b', pid: 1 });
    const watching = Object.assign(machine, {
      writeFile: async (path: string, text: string) => {
        machine.files.set(path, text);
        states.push((await readJournal(machine, PATH))?.steps['join']?.state);
      },
    });
    let left = 200;
    const joining: Step<null> = {
      id: 'join',
      title: 'Join',
      check: async () => (left > 0 ? { done: false, why: 'alone' } : { done: true, evidence: {} }),
      async apply() {
        left -= 1;
        if (left > 0) throw new StepFailure('waiting-peer', 'no answer');
      },
    };
    const report = await runStep(joining, watching, null, { patience: HALF, recorder });
    assert.equal(report.outcome, 'changed');
    const minutes = Math.ceil(report.durationMs / 60_000);
    assert.deepEqual([states[0], states.at(-2), states.at(-1)], ['intent', 'applied', 'verified']);
    assert.ok(states.length <= minutes + 4, `${states.length} writes in ${minutes} minutes`);
  });
});

describe('a stopped machine', () => {
  it('lets the running command end, begins no other, and still takes files', async () => {
    const stop = new AbortController();
    const inner = fakeMachine({
      commands: {
        first: () => {
          stop.abort();
          return 'whole';
        },
        second: () => '',
      },
    });
    const machine = stoppableMachine(inner, stop.signal);
    const ended: string[] = [];
    const step: Step<null> = {
      id: 'two-commands',
      title: 'Two commands',
      check: async () => ({ done: false, why: 'never' }),
      async apply(m) {
        try {
          ended.push((await m.exec({ file: 'first', args: [], effect: 'write' })).stdout);
          await m.exec({ file: 'second', args: [], effect: 'write' });
        } finally {
          await m.writeFile('/proc/restored', '1');
        }
      },
    };
    const { failed } = await runSteps([step], machine, null, {
      patience: { signal: stop.signal },
      signal: stop.signal,
    });
    assert.deepEqual(
      [ended, inner.ran.map(({ file }) => file), inner.written],
      [['whole'], ['first'], ['/proc/restored']],
    );
    assert.equal(failed?.problem.failureClass, 'transient');
  });
});
