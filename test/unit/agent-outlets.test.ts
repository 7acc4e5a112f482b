import assert from 'node:assert/strict';
import { duration, eventLine, liveView } from '../../postinstall/live-view.ts';
import { journalEntry, systemLog } from '../../postinstall/system-log.ts';
import type { StepEvent } from '../../src/engine/run-step.ts';
import { fakeMachine } from '../helpers/fake-machine.ts';

const waiting: StepEvent = {
  kind: 'waiting',
  id: 'join',
  title: 'Join',
  problem: { failureClass: 'waiting-operator', message: 'no key medium', remedy: 'plug it in' },
  waitedMs: 250_000,
};
const failed: StepEvent = {
  kind: 'ended',
  id: 'join',
  report: {
    id: 'join',
    title: 'Join',
    durationMs: 1234.5,
    outcome: 'failed',
    problem: { failureClass: 'timeout', message: 'too\nlate' },
  },
};

describe('the live view', () => {
  it('says for whom a step waits, since when, and what would help', () => {
    assert.equal(
      eventLine(waiting, '2/6'),
      'slipway: [2/6] Join: waits for you since 4 min 10 s: no key medium (plug it in)',
    );
  });

  it('counts in the units people count in', () => {
    assert.deepEqual([0, 59_900, 60_000, 250_000, 7_500_000].map(duration), [
      '0 s',
      '59 s',
      '1 min 0 s',
      '4 min 10 s',
      '2 h 5 min',
    ]);
  });

  it('says again what a silent step is doing, and for how long, and nothing between steps', () => {
    const said: string[] = [];
    let clock = 0;
    const view = liveView({ ids: ['join'], say: (line) => said.push(line), now: () => clock });
    view.remind();
    view.listener({ kind: 'checking', id: 'join', title: 'Join' });
    view.listener({ kind: 'applying', id: 'join', title: 'Join', why: 'alone' });
    clock = 30_000;
    view.listener({ kind: 'said', id: 'join', line: 'knocking' });
    clock = 60_000;
    view.remind();
    clock = 120_000;
    view.remind();
    view.listener(failed);
    clock = 400_000;
    view.remind();
    assert.deepEqual(said, [
      'slipway: [1/1] Join: alone',
      'slipway: [1/1] join: knocking',
      'slipway: [1/1] join: 2 min 0 s so far: knocking',
      'slipway: [1/1] Join: failed (timeout): too\nlate',
    ]);
  });
});

describe('the live view of a step that waits', () => {
  it('leaves the reminders to the engine', () => {
    const said: string[] = [];
    let clock = 0;
    const view = liveView({ ids: ['join'], say: (line) => said.push(line), now: () => clock });
    view.listener(waiting);
    for (clock = 1_000; clock < 300_000; clock += 5_000) {
      view.listener({ kind: 'checking', id: 'join', title: 'Join' });
      view.remind();
    }
    assert.equal(said.length, 1);
  });
});

describe('the system journal', () => {
  it('gets a line with the step, the event and the outcome as fields', () => {
    assert.equal(
      journalEntry('a line', failed),
      [
        'MESSAGE=a line',
        'PRIORITY=3',
        'SYSLOG_IDENTIFIER=slipway-agent',
        'OBJECT_SYSTEMD_UNIT=slipway-agent.service',
        'SLIPWAY_STEP=join',
        'SLIPWAY_EVENT=ended',
        'SLIPWAY_OUTCOME=failed',
        'SLIPWAY_DURATION_MS=1235',
        'SLIPWAY_CLASS=timeout',
        '',
      ].join('\n'),
    );
    assert.match(
      journalEntry('x', waiting),
      /\nPRIORITY=4\n(?:.*\n)*SLIPWAY_CLASS=waiting-operator\nSLIPWAY_WAITED_MS=250000\n$/,
    );
  });

  it('takes no field from a message that has lines of its own', () => {
    assert.match(journalEntry('one\nPRIORITY=0\r\ntwo'), /^MESSAGE=one PRIORITY=0 two\nPRIORITY=6\n/);
  });

  it('is written in order, and given up for plain lines where it does not work', async () => {
    const machine = fakeMachine({ commands: { logger: () => '' } });
    const plain: string[] = [];
    const log = systemLog(machine.exec, (line) => plain.push(line));
    log.write('one', waiting);
    log.write('two');
    await log.flush();
    assert.deepEqual(
      [machine.ran.map(({ args, stdin }) => [args, stdin?.split('\n')[0]]), plain],
      [
        [
          [['--journald'], 'MESSAGE=one'],
          [['--journald'], 'MESSAGE=two'],
        ],
        [],
      ],
    );
    const without = systemLog(fakeMachine().exec, (line) => plain.push(line));
    without.write('three');
    without.write('four');
    await without.flush();
    assert.deepEqual(plain, ['three', 'four']);
  });
});
