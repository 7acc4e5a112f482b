import assert from 'node:assert/strict';
import { parseArguments } from '../../postinstall/arguments.ts';
import { explanation } from '../../postinstall/explain.ts';
import { allSteps } from '../../postinstall/run.ts';
import { JOURNAL_PATH, readStatus, statusTable } from '../../postinstall/status.ts';
import { openJournal, readJournal } from '../../src/engine/journal.ts';
import { recordedNode, runRecorded } from '../helpers/agent-run.ts';

describe('the status', () => {
  it('is waiting, and says for what, while a step waits', async () => {
    const machine = await recordedNode();
    const journal = await openJournal(machine, JOURNAL_PATH, {
      node: 'node-a',
      boot: 'boot-1',
      pid: process.pid,
    });
    const problem = {
      failureClass: 'waiting-peer',
      message: 'node-b does not answer',
      remedy: 'start it',
    } as const;
    await journal.waiting('set-time', problem);
    const steps = await allSteps(machine);
    const status = await readStatus(machine, 'node-a', steps);
    assert.deepEqual([status.state, status.problem?.class], ['waiting', 'waiting-peer']);
    assert.match(
      statusTable(status),
      /\nset-time waits \(waiting-peer\): node-b does not answer\nremedy: start it\n$/,
    );
    await journal.verified('set-time', 'changed', {});
    assert.equal((await readStatus(machine, 'node-a', steps)).state, 'running');
  });

  it('remembers when the node was complete for the first time', async () => {
    const machine = await recordedNode();
    await runRecorded(machine);
    const first = (await readJournal(machine, JOURNAL_PATH))?.formedAt;
    machine.clock += 1000;
    await runRecorded(machine);
    assert.equal((await readJournal(machine, JOURNAL_PATH))?.formedAt, first);
    assert.equal(first, '2026-01-02T03:04:05.000Z');
  });

  it('is that of this boot', async () => {
    const machine = await recordedNode();
    const steps = await allSteps(machine);
    assert.equal((await readStatus(machine, 'node-a', steps)).state, 'waiting');
    await runRecorded(machine);
    assert.equal((await readStatus(machine, 'node-a', steps)).state, 'complete');
    machine.files.set('/proc/sys/kernel/random/boot_id', 'boot-2\n');
    assert.equal((await readStatus(machine, 'node-a', steps)).state, 'waiting');
  });

  it('does not call running what has no process any more', async () => {
    const stop = new AbortController();
    stop.abort();
    const machine = await recordedNode();
    await runRecorded(machine, { stop });
    assert.equal((await readStatus(machine, 'node-a', [])).state, 'running');
    machine.files.delete(`/proc/${process.pid}/stat`);
    assert.equal((await readStatus(machine, 'node-a', [])).state, 'waiting');
  });

  it('is a table that says where it stopped, why, and what to do', async () => {
    const machine = await recordedNode();
    machine.pull('sda');
    await runRecorded(machine);
    const table = statusTable(await readStatus(machine, 'node-a', await allSteps(machine)));
    assert.match(
      table,
      /^node-a: failed\n\nSTEP {15}STATE {5}AT {8}DETAIL\nset-identity {7}verified {2}03:04:05 {2}already-done\n/,
    );
    assert.match(table, /\nprove-boot-loader {2}waiting\n/);
    assert.match(table, /\npass-md-gate failed \(verify-failed\): array boot is degraded.*\nremedy: see /);
  });
});

describe('explain', () => {
  it('says what a step checks, what it last saw and how to mend it', async () => {
    const machine = await recordedNode();
    const [step] = await allSteps(machine);
    assert.ok(step !== undefined);
    assert.match(
      explanation(step, undefined),
      /checks: {2}The host name.*\nafter: {3}nothing\nby hand: hostnamectl.*\n\nIt has not run yet\./,
    );
    await runRecorded(machine);
    const record = (await readJournal(machine, JOURNAL_PATH))?.steps[step.id];
    assert.match(
      explanation(step, record),
      /Last record, 2026-01-02T.*: verified \(already-done\)\n {2}hostname: node-a\n/,
    );
  });
});

describe('the command line', () => {
  it('takes what the usage says, and nothing else', () => {
    assert.deepEqual(parseArguments(['run']), { verb: 'run', check: false, mayRestart: false });
    assert.deepEqual(parseArguments(['run', '--check', '--may-restart', '--only', 'x']), {
      verb: 'run',
      check: true,
      mayRestart: true,
      only: 'x',
    });
    assert.deepEqual(parseArguments(['run', '--replacement', '/dev/sdb']), {
      verb: 'run',
      check: false,
      mayRestart: false,
      replacement: '/dev/sdb',
    });
    assert.deepEqual(parseArguments(['run', '--only=x']), {
      verb: 'run',
      check: false,
      mayRestart: false,
      only: 'x',
    });
    assert.deepEqual(parseArguments(['status', '--wait', '--json']), {
      verb: 'status',
      json: true,
      wait: true,
    });
    assert.deepEqual(parseArguments(['explain', 'x']), { verb: 'explain', step: 'x' });
    assert.deepEqual(parseArguments(['record-layout']), { verb: 'record-layout' });
    assert.deepEqual(parseArguments(['--help']), { verb: 'help' });
    const wrong = [
      [],
      ['fly'],
      ['run', '--only'],
      ['run', '--only', '--check'],
      ['run', '--replacement'],
      ['run', '--replacement', 'sdb'],
      ['run', 'x'],
      ['status', '-x'],
      ['explain'],
      ['explain', 'a', 'b'],
      ['record-layout', 'x'],
    ];
    for (const args of wrong) assert.equal(typeof parseArguments(args), 'string', args.join(' '));
  });
});
