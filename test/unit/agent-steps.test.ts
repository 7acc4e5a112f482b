import assert from 'node:assert/strict';
import type { AgentStep, NodeFacts } from '../../postinstall/agent-step.ts';
import { COMPARE_DUE_PATH } from '../../postinstall/comparisons-due.ts';
import { matchLayout } from '../../postinstall/steps/match-layout.ts';
import { passMdGate } from '../../postinstall/steps/pass-md-gate.ts';
import { proveBootLoader } from '../../postinstall/steps/prove-boot-loader.ts';
import { setIdentity } from '../../postinstall/steps/set-identity.ts';
import { setTime } from '../../postinstall/steps/set-time.ts';
import { withHosts, writeHosts } from '../../postinstall/steps/write-hosts.ts';
import { findTimeDaemon } from '../../postinstall/time-daemons.ts';
import { runStep, type StepReport } from '../../src/engine/run-step.ts';
import { recordLayout } from '../../src/storage/record-layout.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { type InstalledNode, installedNode, PLAN } from '../helpers/installed-node.ts';

const facts: NodeFacts = {
  plan: PLAN,
  layout: await recordLayout(installedNode(), PLAN),
  builtAt: Date.parse('2026-01-01'),
};

const run = (step: AgentStep, machine: FakeMachine, given: NodeFacts = facts): Promise<StepReport> =>
  runStep(step, machine, given);

/** `class: message` of a failure. */
function failure(report: StepReport): string {
  assert.equal(report.outcome, 'failed');
  return `${report.problem.failureClass}: ${report.problem.message}`;
}

describe('set-identity', () => {
  it('gives the node its name, once', async () => {
    const machine = installedNode({
      files: { '/etc/hostname': 'localhost\n', '/proc/sys/kernel/hostname': '(none)' },
    });
    assert.equal((await run(setIdentity, machine)).outcome, 'changed');
    assert.equal((await run(setIdentity, machine)).outcome, 'already-done');
    assert.deepEqual(machine.written, ['/etc/hostname', '/proc/sys/kernel/hostname']);
  });

  it('makes a machine id where there is none of its own', async () => {
    for (const id of ['', 'uninitialized\n', `${'0'.repeat(32)}\n`]) {
      const machine = installedNode({
        files: { '/etc/machine-id': id },
        commands: {
          'systemd-machine-id-setup': (_, m) => void m.files.set('/etc/machine-id', `${'ab'.repeat(16)}\n`),
        },
      });
      assert.equal((await run(setIdentity, machine)).outcome, 'changed', id);
    }
    const stubborn = installedNode({
      files: { '/etc/machine-id': '' },
      commands: { 'systemd-machine-id-setup': () => '' },
    });
    assert.match(
      failure(await run(setIdentity, stubborn)),
      /^verify-failed: applied, but still: \/etc\/machine-id holds no id/,
    );
  });
});

describe('match-layout', () => {
  it('is content with the disks it was installed on', async () => {
    assert.equal((await run(matchLayout, installedNode())).outcome, 'already-done');
  });

  it('says which disk is absent, and leaves the verdict to the md gate', async () => {
    const machine = installedNode();
    machine.pull('sdb');
    const report = await run(matchLayout, machine);
    assert.equal(report.outcome, 'already-done');
    assert.deepEqual(
      report.outcome === 'already-done' &&
        Array.isArray(report.evidence['absent']) &&
        report.evidence['absent'][0],
      'disk SERIAL-sdb',
    );
  });

  it('refuses disks that are not what was recorded, and writes nothing', async () => {
    const machine = installedNode();
    machine.disk('sdb').fill(0);
    assert.match(
      failure(await run(matchLayout, machine)),
      /^refused-foreign-data: sdb: partition table none, recorded/,
    );
    assert.deepEqual([machine.written, machine.ran], [[], []]);
  });

  it('refuses the record of another node, and a node without one', async () => {
    const { layout, ...without } = facts;
    assert.ok(layout !== undefined);
    assert.match(
      failure(await run(matchLayout, installedNode(), { ...facts, layout: { ...layout, node: 'node-b' } })),
      /^refused-foreign-data: .*node-b/,
    );
    assert.match(
      failure(await run(matchLayout, installedNode(), without)),
      /^config-invalid: .*layout\.json: there is no such file/,
    );
  });
});

describe('pass-md-gate', () => {
  it('passes whole arrays without touching them', async () => {
    const machine = installedNode();
    assert.equal((await run(passMdGate, machine)).outcome, 'already-done');
    assert.deepEqual(machine.written, []);
  });

  it('fails for a degraded array', async () => {
    const machine = installedNode();
    machine.pull('sda');
    assert.match(
      failure(await run(passMdGate, machine)),
      /^verify-failed: array boot is degraded: 1 of 2 members; array esp is degraded/,
    );
  });

  /** A node whose array `device` resyncs until `ticks` sleeps are over; a comparison takes one more and finds `differ`. */
  const resyncing = (ticks: number, differ = '0', device: 'md126' | 'md125' = 'md126'): InstalledNode => {
    const folder = `/sys/block/${device}/md`;
    let left = ticks;
    const machine = installedNode({
      commands: { 'systemd-inhibit': () => 'held' },
      onSleep: (m) => {
        left -= 1;
        held.push(m.held.map(({ file }) => file).join());
        if (m.files.get(`${folder}/sync_action`) === 'check\n')
          m.files.set(`${folder}/mismatch_cnt`, `${differ}\n`);
        if (left > 0) return;
        m.files.set(`${folder}/sync_action`, 'idle\n');
        m.files.set(`${folder}/sync_completed`, 'none\n');
      },
    });
    machine.files.set(`${folder}/sync_action`, 'resync\n');
    machine.files.set(`${folder}/sync_completed`, '1 / 4\n');
    return machine;
  };
  let held: string[] = [];
  beforeEach(() => {
    held = [];
  });
  const said = async (machine: InstalledNode): Promise<{ report: StepReport; lines: readonly string[] }> => {
    const lines: string[] = [];
    const report = await runStep(passMdGate, machine, facts, {
      listener: (event) => event.kind === 'said' && lines.push(event.line),
    });
    return { report, lines };
  };

  it('waits for a resync, says how far it is, and has the members of /boot compared', async () => {
    const machine = resyncing(1);
    const { report, lines } = await said(machine);
    assert.deepEqual(
      [report.outcome, lines],
      ['changed', ['array boot: resync 25 %', 'comparing the members of array boot']],
    );
    assert.equal(machine.files.get(COMPARE_DUE_PATH), '');
  });

  it('holds a shutdown back as long as /boot is resynced, and no longer', async () => {
    const machine = resyncing(2);
    await said(machine);
    assert.deepEqual([held, machine.held], [['systemd-inhibit', 'systemd-inhibit', ''], []]);
    assert.deepEqual(machine.ran[0]?.args.slice(0, 3), [
      '--what=shutdown',
      '--mode=block',
      '--who=slipway-agent',
    ]);
  });

  it('lets the machine go down while another array is resynced, and compares nothing', async () => {
    const machine = resyncing(3, '0', 'md125');
    const { report, lines } = await said(machine);
    assert.deepEqual([report.outcome, machine.ran, lines], ['changed', [], ['array root: resync 25 %']]);
  });

  it('goes on where nobody holds a shutdown back, and says so', async () => {
    const machine = resyncing(1);
    machine.exec = () => Promise.reject(new Error('no logind'));
    const { report, lines } = await said(machine);
    assert.deepEqual([report.outcome, lines[0]], ['changed', 'a shutdown is not held back: no logind']);
  });

  it('fails for members that differ, again after a restart, until they were made equal', async () => {
    const machine = resyncing(1, '128');
    assert.match(
      failure(await run(passMdGate, machine)),
      /^verify-failed: the members of array boot differ in 128 sectors$/,
    );
    // The kernel forgets its count when an array is assembled.
    machine.files.delete('/sys/block/md126/md/mismatch_cnt');
    assert.match(failure(await run(passMdGate, machine)), /differ in 128 sectors/);
    const mended = resyncing(1);
    mended.files.set(COMPARE_DUE_PATH, String(machine.files.get(COMPARE_DUE_PATH)));
    assert.equal((await run(passMdGate, mended)).outcome, 'changed');
    assert.equal((await run(passMdGate, mended)).outcome, 'already-done');
  });

  it('has the members compared at the first start, whatever came before it', async () => {
    const machine = installedNode({
      commands: { 'systemd-inhibit': () => '' },
      onSleep(m) {
        for (const device of ['md126', 'md127']) m.files.set(`/sys/block/${device}/md/sync_action`, 'idle\n');
      },
    });
    machine.files.delete(COMPARE_DUE_PATH);
    const { report, lines } = await said(machine);
    assert.deepEqual(
      [report.outcome, lines.toSorted()],
      ['changed', ['comparing the members of array boot', 'comparing the members of array esp']],
    );
    assert.equal((await run(passMdGate, machine)).outcome, 'already-done');
  });

  it('does not forget a comparison that a power cut came before', async () => {
    const machine = installedNode({
      files: { [COMPARE_DUE_PATH]: 'esp\n' },
      commands: { 'systemd-inhibit': () => '' },
    });
    machine.files.set('/sys/block/md127/md/mismatch_cnt', '0\n');
    const stuck = await passMdGate.check(machine, facts);
    assert.match(stuck.done ? '' : stuck.why, /the members of array esp are still to be compared/);
  });

  it('has nothing to wait for on a single disk', async () => {
    const plan = { ...PLAN, layout: { ...PLAN.layout, kind: 'single', arrays: [], diskCount: 1 } } as const;
    assert.equal((await run(passMdGate, fakeMachine(), { plan, builtAt: 0 })).outcome, 'already-done');
  });
});

describe('prove-boot-loader', () => {
  it('proves both disks', async () => {
    assert.equal((await run(proveBootLoader, installedNode())).outcome, 'already-done');
  });

  it('fails for a disk that could not start the machine', async () => {
    const machine = installedNode();
    machine.disk('sdb').fill(0, 0, 440);
    assert.match(
      failure(await run(proveBootLoader, machine)),
      /^verify-failed: sdb: the boot code in the MBR is not boot\.img/,
    );
  });

  it('gives the firmware back the entries it lost', async () => {
    const variable = '/sys/firmware/efi/efivars/BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c';
    const machine = installedNode({
      files: { [variable]: Buffer.alloc(4) },
      commands: { efibootmgr: () => '' },
    });
    assert.match(failure(await run(proveBootLoader, machine)), /applied, but still: no entry/);
    assert.deepEqual(
      machine.ran.map(({ args }) => args),
      [
        [
          '--create',
          '--disk',
          '/dev/sda',
          '--part',
          '2',
          '--label',
          'node-a sda',
          '--loader',
          '\\EFI\\BOOT\\BOOTX64.EFI',
        ],
        [
          '--create',
          '--disk',
          '/dev/sdb',
          '--part',
          '2',
          '--label',
          'node-a sdb',
          '--loader',
          '\\EFI\\BOOT\\BOOTX64.EFI',
        ],
      ],
    );
  });
});

describe('write-hosts', () => {
  const hosts = PLAN.hosts;
  const block =
    '# BEGIN slipway: nodes of this cluster, written by slipway-agent\n10.0.0.11 node-a\n10.0.0.12 node-b\n# END slipway\n';

  it('adds the nodes, and a second time changes nothing', async () => {
    const machine = installedNode();
    assert.equal((await run(writeHosts, machine)).outcome, 'changed');
    assert.equal(machine.files.get('/etc/hosts'), `127.0.0.1 localhost\n${block}`);
    assert.equal((await run(writeHosts, machine)).outcome, 'already-done');
  });

  it('keeps what is not ours, and takes nodes off loopback addresses', () => {
    const text = `# mine\n127.0.0.1\tlocalhost\n127.0.1.1 node-a\n127.0.1.1 node-a.example node-a # alias\n${block}10.9.9.9 printer\n`;
    const once = withHosts(text, hosts);
    assert.equal(
      once,
      `# mine\n127.0.0.1\tlocalhost\n127.0.1.1 node-a.example # alias\n10.9.9.9 printer\n${block}`,
    );
    assert.equal(withHosts(once, hosts), once);
  });

  it('loses nothing when its block was cut off, and replaces an old address', () => {
    assert.equal(
      withHosts(`${block.split('\n')[0]}\n10.9.9.9 printer\n`, hosts),
      `10.9.9.9 printer\n${block}`,
    );
    const moved = [{ name: 'node-a', address: '10.0.0.99' }];
    assert.match(withHosts(block, moved), /\n10\.0\.0\.99 node-a\n# END/);
    assert.equal(withHosts('', hosts), block);
  });

  it('asks the resolver, which may know a name from elsewhere', async () => {
    for (const [answer, says] of [
      ['127.0.0.2 STREAM node-a', '127.0.0.2'],
      ['10.0.0.11 STREAM node-a\n127.0.0.2 STREAM node-a', '10.0.0.11, 127.0.0.2'],
      ['', 'nothing'],
    ] as const) {
      const machine = installedNode({
        commands: { getent: ({ args }) => (args[1] === 'node-a' ? answer : '10.0.0.12 STREAM node-b') },
      });
      assert.equal(
        failure(await run(writeHosts, machine)),
        `verify-failed: applied, but still: node-a is resolved to ${says}, not to 10.0.0.11`,
      );
    }
  });

  it('resolves the own name where the address is not fixed', async () => {
    const machine = installedNode();
    await run(writeHosts, machine, { ...facts, plan: { ...PLAN, hosts: [] } });
    assert.match(String(machine.files.get('/etc/hosts')), /\n127\.0\.1\.1 node-a\n/);
  });
});

describe('set-time', () => {
  const TIMESYNCD = '/etc/systemd/timesyncd.conf.d/slipway.conf';

  it('sets zone, hardware clock and servers, and a second time nothing', async () => {
    const machine = installedNode({
      links: { '/etc/localtime': '/usr/share/zoneinfo/Etc/UTC' },
      files: { '/etc/adjtime': '0.1 2 0.0\n3\nLOCAL\n', '/usr/share/zoneinfo/Etc/UTC': 'TZif2' },
    });
    assert.equal((await run(setTime, machine)).outcome, 'changed');
    assert.equal(machine.files.get('/etc/adjtime'), '0.1 2 0.0\n3\nUTC\n');
    assert.equal(machine.files.get(TIMESYNCD), '# Written by slipway-agent.\n[Time]\nNTP=10.0.0.1\n');
    assert.deepEqual(
      machine.ran.map(({ file }) => file),
      ['ln', 'systemctl'],
    );
    assert.equal((await run(setTime, machine)).outcome, 'already-done');
  });

  it('does not accept a clock that is before its own build', async () => {
    const machine = installedNode({ clock: Date.parse('2000-01-01') });
    assert.match(
      failure(await run(setTime, machine)),
      /^verify-failed: the clock says 2000-01-01T.*before this agent was built/,
    );
  });

  it('names a zone that does not exist, and servers that nobody would ask', async () => {
    const machine = installedNode();
    assert.match(
      failure(await run(setTime, machine, { ...facts, plan: { ...PLAN, timezone: 'Europe/Nowhere' } })),
      /^config-invalid: there is no time zone Europe\/Nowhere/,
    );
    machine.files.delete('/usr/lib/systemd/system/systemd-timesyncd.service');
    assert.match(failure(await run(setTime, machine)), /^config-invalid: .*no time daemon is installed/);
  });

  it('leaves the time daemon alone where the plan names no servers', async () => {
    const machine = installedNode();
    assert.equal(
      (await run(setTime, machine, { ...facts, plan: { ...PLAN, timeServers: [] } })).outcome,
      'already-done',
    );
  });

  it('adds to chrony only what it does not know', async () => {
    const machine = fakeMachine({ files: { '/usr/lib/systemd/system/chronyd.service': '' } });
    const chrony = await findTimeDaemon(machine);
    assert.equal(chrony?.file, '/etc/chrony.conf');
    const text = 'pool 10.0.0.1 iburst\ndriftfile /var/lib/chrony/drift\n';
    assert.equal(chrony?.withServers(text, ['10.0.0.1']), text);
    assert.equal(chrony?.withServers(text, ['10.0.0.1', '10.0.0.2']), `${text}server 10.0.0.2 iburst\n`);
  });
});
