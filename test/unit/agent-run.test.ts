import assert from 'node:assert/strict';
import { restartOnce } from '../../postinstall/restart.ts';
import { allSteps, checkAgent } from '../../postinstall/run.ts';
import { JOURNAL_PATH, readStatus, STATUS_PATH } from '../../postinstall/status.ts';
import { stoppableMachine } from '../../src/engine/bounded-machine.ts';
import type { Command } from '../../src/engine/command.ts';
import { readJournal } from '../../src/engine/journal.ts';
import { type AgentRun, BUILT_AT, recordedNode, runRecorded } from '../helpers/agent-run.ts';
import type { InstalledNode } from '../helpers/installed-node.ts';

const writes = ({ effect }: Command): boolean => effect === 'write';

describe('a run of the agent', () => {
  it('ends complete when every step is verified, and says so', async () => {
    const machine = await recordedNode();
    const { verdict, said, progress } = await runRecorded(machine);
    assert.deepEqual([verdict, said], ['complete', ['slipway: complete node-a']]);
    assert.equal(machine.files.get(STATUS_PATH), 'slipway: complete node-a\n');
    assert.match(progress.join('\n'), /^slipway: \[1\/\d+\] Identity: already-done \(0\.0 s\)$/m);
    assert.match(progress.join('\n'), /^slipway: \[\d+\/\d+\] Host names: changed/m);
    const journal = await readJournal(machine, JOURNAL_PATH);
    assert.deepEqual(journal?.verdict, { state: 'complete' });
    assert.equal(
      Object.values(journal?.steps ?? {}).every(({ state }) => state === 'verified'),
      true,
    );
  });

  it('changes nothing but its own records the second time', async () => {
    const machine = await recordedNode();
    await runRecorded(machine);
    machine.written.length = 0;
    machine.ran.length = 0;
    const { verdict } = await runRecorded(machine);
    assert.deepEqual([verdict, machine.ran.filter(writes)], ['complete', []]);
    assert.deepEqual([...new Set(machine.written)].sort(), [JOURNAL_PATH, STATUS_PATH]);
  });

  it('fails on one disk alone, says that arrays are degraded, and does not go on', async () => {
    const machine = await recordedNode();
    machine.pull('sda');
    const { verdict, said } = await runRecorded(machine);
    assert.equal(verdict, 'failed');
    assert.match(
      said.join('\n'),
      /^slipway: failed node-a: verify-failed: pass-md-gate: array boot is degraded: 1 of 2 members; .*$/,
    );
    const journal = await readJournal(machine, JOURNAL_PATH);
    assert.deepEqual([journal?.verdict.state, journal?.steps['prove-boot-loader']], ['failed', undefined]);
  });

  it('says its verdict and the way out also when the disk is full', async () => {
    const machine = await recordedNode();
    const full = Object.assign(machine, {
      writeFile: () => Promise.reject(new Error('ENOSPC: no space left on device, write')),
    });
    const { verdict, said, progress } = await runRecorded(full);
    assert.match(progress.join('\n'), /^slipway: remedy: make room/m);
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
      const { said } = await runRecorded(machine);
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
    const { verdict, said } = await runRecorded(machine, { stop });
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
    const { verdict, said } = await runRecorded(stoppable, { stop });
    const journal = await readJournal(machine, JOURNAL_PATH);
    assert.deepEqual([verdict, said, ended], ['interrupted', [], ['ln']]);
    assert.deepEqual(journal?.verdict, { state: 'running' });
    const record = journal?.steps['set-time'];
    assert.equal(record?.state === 'failed' && record.problem.failureClass, 'transient');
  });

  it('runs one step alone, but only on ground that holds', async () => {
    const machine = await recordedNode();
    const { verdict, said, progress } = await runRecorded(machine, { only: 'write-hosts' });
    assert.deepEqual([verdict, said, progress.length], ['partial', [], 2]);
    machine.pull('sda');
    assert.match(
      (await runRecorded(machine, { only: 'prove-boot-loader' })).said.join(),
      /prove-boot-loader: pass-md-gate has to be verified first: array boot is degraded/,
    );
    assert.match(
      (await runRecorded(machine, { only: 'nonsense' })).said.join(),
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

describe('a node that has to be restarted', () => {
  const CONFIG = { '/etc/selinux/config': 'SELINUX=enforcing\n' };
  const attempt = (machine: InstalledNode): Promise<AgentRun> => runRecorded(machine, { mayRestart: true });
  const boot = (machine: InstalledNode, id: string): void =>
    void machine.files.set('/proc/sys/kernel/random/boot_id', `${id}\n`);

  it('says why, is waiting meanwhile, and goes on after it', async () => {
    const machine = await recordedNode({ files: CONFIG });
    const { verdict, said, progress } = await attempt(machine);
    assert.deepEqual([verdict, said], ['restarting', []]);
    assert.match(
      progress.at(-1) ?? '',
      /^slipway: restarting node-a: match-selinux: SELinux is disabled until/,
    );
    const status = await readStatus(machine, 'node-a', await allSteps(machine));
    assert.deepEqual([status.state, status.problem?.class], ['waiting', 'needs-reboot']);
    boot(machine, 'boot-2');
    machine.files.set('/sys/fs/selinux/enforce', '1');
    assert.equal((await attempt(machine)).verdict, 'complete');
  });

  it('is not restarted a second time for the same step, nor when it was complete once', async () => {
    const stuck = await recordedNode({ files: CONFIG });
    await attempt(stuck);
    boot(stuck, 'boot-2');
    assert.match(
      (await attempt(stuck)).said.join(),
      /^slipway: failed node-a: verify-failed: match-selinux: the node was restarted for this, and still: SELinux/,
    );
    const serving = await recordedNode();
    assert.equal((await attempt(serving)).verdict, 'complete');
    serving.files.set('/etc/selinux/config', 'SELINUX=enforcing\n');
    const { verdict, said, progress } = await attempt(serving);
    assert.deepEqual([verdict, said.length], ['failed', 1]);
    assert.match(progress.at(-1) ?? '', /^slipway: remedy: restart the node when it suits you/);
  });
});
