import assert from 'node:assert/strict';
import { parseArguments } from '../../postinstall/arguments.ts';
import { explanation } from '../../postinstall/explain.ts';
import { restartOnce } from '../../postinstall/restart.ts';
import { allSteps, checkAgent, type RunVerdict, runAgent } from '../../postinstall/run.ts';
import { readStatus, STATUS_PATH, statusTable } from '../../postinstall/status.ts';
import { stoppableMachine } from '../../src/engine/bounded-machine.ts';
import type { Command } from '../../src/engine/command.ts';
import { openJournal, readJournal } from '../../src/engine/journal.ts';
import { LAYOUT_RECORD_PATH } from '../../src/storage/layout-record.ts';
import { recordLayout } from '../../src/storage/record-layout.ts';
import { type InstalledNode, installedNode, PLAN } from '../helpers/installed-node.ts';

const JOURNAL = '/var/lib/slipway/journal.json';
const BUILT_AT = Date.parse('2026-01-01');

async function recordedNode(options: Parameters<typeof installedNode>[0] = {}): Promise<InstalledNode> {
  const machine = installedNode(options);
  machine.files.set(LAYOUT_RECORD_PATH, JSON.stringify(await recordLayout(machine, PLAN)));
  // The process that runs is there.
  machine.files.set(`/proc/${process.pid}/stat`, '');
  return machine;
}

const writes = ({ effect }: Command): boolean => effect === 'write';

interface Run {
  readonly verdict: RunVerdict;
  readonly progress: readonly string[];
  readonly said: readonly string[];
}

async function run(machine: InstalledNode, only?: string, stop = new AbortController()): Promise<Run> {
  const progress: string[] = [];
  const said: string[] = [];
  const verdict = await runAgent({
    machine,
    given: { builtAt: BUILT_AT },
    signal: stop.signal,
    outlets: { progress: (line) => void progress.push(line), verdict: async (line) => void said.push(line) },
    ...(only === undefined ? {} : { only }),
  });
  return { verdict, progress, said };
}

describe('a run of the agent', () => {
  it('ends complete when every step is verified, and says so', async () => {
    const machine = await recordedNode();
    const { verdict, said, progress } = await run(machine);
    assert.deepEqual([verdict, said], ['complete', ['slipway: complete node-a']]);
    assert.equal(machine.files.get(STATUS_PATH), 'slipway: complete node-a\n');
    assert.match(progress.join('\n'), /^slipway: \[1\/\d+\] Identity: already-done \(0\.0 s\)$/m);
    assert.match(progress.join('\n'), /^slipway: \[\d+\/\d+\] Host names: changed/m);
    const journal = await readJournal(machine, JOURNAL);
    assert.deepEqual(journal?.verdict, { state: 'complete' });
    assert.equal(
      Object.values(journal?.steps ?? {}).every(({ state }) => state === 'verified'),
      true,
    );
  });

  it('changes nothing but its own records the second time', async () => {
    const machine = await recordedNode();
    await run(machine);
    machine.written.length = 0;
    machine.ran.length = 0;
    const { verdict } = await run(machine);
    assert.deepEqual([verdict, machine.ran.filter(writes)], ['complete', []]);
    assert.deepEqual([...new Set(machine.written)].sort(), [JOURNAL, STATUS_PATH]);
  });

  it('fails on one disk alone, says that arrays are degraded, and does not go on', async () => {
    const machine = await recordedNode();
    machine.pull('sda');
    const { verdict, said } = await run(machine);
    assert.equal(verdict, 'failed');
    assert.match(
      said.join('\n'),
      /^slipway: failed node-a: verify-failed: pass-md-gate: array boot is degraded: 1 of 2 members; .*$/,
    );
    const journal = await readJournal(machine, JOURNAL);
    assert.deepEqual([journal?.verdict.state, journal?.steps['prove-boot-loader']], ['failed', undefined]);
  });

  it('says its verdict also when the disk is full', async () => {
    const machine = await recordedNode();
    const full = Object.assign(machine, {
      writeFile: () => Promise.reject(new Error('ENOSPC: no space left on device, write')),
    });
    const { verdict, said } = await run(full);
    assert.deepEqual(
      [verdict, said],
      [
        'failed',
        ['slipway: failed node-a: verify-failed: write-journal: ENOSPC: no space left on device, write'],
      ],
    );
  });

  it('says its verdict also when nothing tells who it is', async () => {
    for (const text of [undefined, '{', '{"version":2}', '[]']) {
      const machine = await recordedNode();
      if (text === undefined) machine.files.delete('/etc/slipway/node.json');
      else machine.files.set('/etc/slipway/node.json', text);
      const { said } = await run(machine);
      assert.match(
        said.join(),
        /^slipway: failed node-a: config-invalid: read-facts: \/etc\/slipway\/node\.json: /,
      );
    }
  });

  it('gives no verdict when it is stopped: the next start takes it up', async () => {
    const stop = new AbortController();
    const machine = await recordedNode();
    stop.abort();
    const { verdict, said } = await run(machine, undefined, stop);
    assert.deepEqual([verdict, said, machine.files.get(STATUS_PATH)], ['interrupted', [], 'running\n']);
  });

  it('lets the command end that runs when it is stopped, records that, and begins no other', async () => {
    const stop = new AbortController();
    const ended: string[] = [];
    const machine = await recordedNode({
      links: { '/etc/localtime': '/usr/share/zoneinfo/Etc/UTC' },
      files: { '/usr/share/zoneinfo/Etc/UTC': 'TZif2' },
      commands: {
        ln: ({ file }) => {
          stop.abort();
          ended.push(file);
          return '';
        },
        systemctl: ({ args, effect }) => {
          if (effect === 'write') ended.push(args.join(' '));
          return '';
        },
      },
    });
    const stoppable = Object.assign(machine, { exec: stoppableMachine({ ...machine }, stop.signal).exec });
    const { verdict, said } = await run(stoppable, undefined, stop);
    const journal = await readJournal(machine, JOURNAL);
    assert.deepEqual([verdict, said, ended], ['interrupted', [], ['ln']]);
    assert.deepEqual(journal?.verdict, { state: 'running' });
    const record = journal?.steps['set-time'];
    assert.equal(record?.state === 'failed' && record.problem.failureClass, 'transient');
  });

  it('runs one step alone, but only on ground that holds', async () => {
    const machine = await recordedNode();
    const { verdict, said, progress } = await run(machine, 'write-hosts');
    assert.deepEqual([verdict, said, progress.length], ['partial', [], 2]);
    machine.pull('sda');
    assert.match(
      (await run(machine, 'prove-boot-loader')).said.join(),
      /prove-boot-loader: pass-md-gate has to be verified first: array boot is degraded/,
    );
    assert.match(
      (await run(machine, 'nonsense')).said.join(),
      /config-invalid: nonsense: there is no step 'nonsense'; there are set-identity, /,
    );
  });

  it('only looks when it is asked to check', async () => {
    const machine = await recordedNode();
    const lines: string[] = [];
    assert.equal(await checkAgent(machine, { builtAt: BUILT_AT }, (line) => lines.push(line)), false);
    assert.deepEqual([machine.written, machine.ran.filter(writes)], [[], []]);
    assert.deepEqual(
      lines.filter((line) => !line.endsWith(': verified')),
      [
        'write-hosts: not verified: /etc/hosts does not name the nodes of the cluster',
        'set-time: not verified: systemd-timesyncd does not know the time servers',
      ],
    );
    lines.length = 0;
    assert.equal(
      await checkAgent(machine, { builtAt: BUILT_AT }, (line) => lines.push(line), 'set-identity'),
      true,
    );
    assert.deepEqual(lines, ['set-identity: verified']);
  });
});

describe('a step that needs a restart', () => {
  const problem = { failureClass: 'needs-reboot', message: 'relabel' } as const;
  const ending = { state: 'failed', step: 'set-labels', problem } as const;
  const fresh = { mayRestart: true, boot: 'boot-1', earlier: { steps: {} } };
  const asked = { 'set-labels': { at: '', state: 'failed', problem } } as const;

  it('gets it while the node is set up', () => {
    assert.equal(restartOnce(ending, fresh).state, 'restarting');
  });

  it('leaves it to a person on a node that was complete before, or where nobody allowed it', () => {
    for (const facts of [
      { ...fresh, mayRestart: false },
      { ...fresh, earlier: { steps: {}, formedAt: '2026-01-01T00:00:00Z' } },
    ]) {
      const { state, problem: told } = restartOnce(ending, facts);
      assert.deepEqual([state, told.failureClass], ['failed', 'needs-reboot']);
      assert.match(told.remedy ?? '', /^restart the node when it suits you/);
    }
  });

  it('gets it once: asking again after a restart is a failure, asking again before it is not', () => {
    assert.deepEqual(restartOnce(ending, { ...fresh, earlier: { steps: asked, boot: 'boot-0' } }), {
      ...ending,
      problem: {
        failureClass: 'verify-failed',
        message: 'the node was restarted for this, and still: relabel',
      },
    });
    assert.equal(
      restartOnce(ending, { ...fresh, earlier: { steps: asked, boot: 'boot-1' } }).state,
      'restarting',
    );
  });

  it('is the only kind that gets one', () => {
    const other = { ...ending, problem: { failureClass: 'verify-failed', message: 'no' } } as const;
    assert.deepEqual(restartOnce(other, fresh), other);
  });
});

describe('the status', () => {
  it('is waiting, and says for what, while a step waits', async () => {
    const machine = await recordedNode();
    const journal = await openJournal(machine, JOURNAL, { node: 'node-a', boot: 'boot-1', pid: process.pid });
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
    await run(machine);
    const first = (await readJournal(machine, JOURNAL))?.formedAt;
    machine.clock += 1000;
    await run(machine);
    assert.equal((await readJournal(machine, JOURNAL))?.formedAt, first);
    assert.equal(first, '2026-01-02T03:04:05.000Z');
  });

  it('is that of this boot', async () => {
    const machine = await recordedNode();
    const steps = await allSteps(machine);
    assert.equal((await readStatus(machine, 'node-a', steps)).state, 'waiting');
    await run(machine);
    assert.equal((await readStatus(machine, 'node-a', steps)).state, 'complete');
    machine.files.set('/proc/sys/kernel/random/boot_id', 'boot-2\n');
    assert.equal((await readStatus(machine, 'node-a', steps)).state, 'waiting');
  });

  it('does not call running what has no process any more', async () => {
    const stop = new AbortController();
    stop.abort();
    const machine = await recordedNode();
    await run(machine, undefined, stop);
    assert.equal((await readStatus(machine, 'node-a', [])).state, 'running');
    machine.files.delete(`/proc/${process.pid}/stat`);
    assert.equal((await readStatus(machine, 'node-a', [])).state, 'waiting');
  });

  it('is a table that says where it stopped, why, and what to do', async () => {
    const machine = await recordedNode();
    machine.pull('sda');
    await run(machine);
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
    await run(machine);
    const record = (await readJournal(machine, JOURNAL))?.steps[step.id];
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
      ['run', 'x'],
      ['status', '-x'],
      ['explain'],
      ['explain', 'a', 'b'],
      ['record-layout', 'x'],
    ];
    for (const args of wrong) assert.equal(typeof parseArguments(args), 'string', args.join(' '));
  });
});
