import assert from 'node:assert/strict';
import type { Machine } from '../../src/engine/machine.ts';
import type { StepProblem, StepReport } from '../../src/engine/run-step.ts';
import type { RunReport } from '../../src/engine/run-steps.ts';
import type { HaPlan } from '../../src/plan/types.ts';
import { HA } from '../helpers/cluster-plan.ts';
import { endWaiting, runNode, stopWaiting } from '../helpers/cluster-run.ts';
import { DISK } from '../helpers/fake-drbd.ts';
import type { FakeNode, FakePair } from '../helpers/fake-nodes.ts';
import { fakePair } from '../helpers/fake-pair.ts';
import { PowerCut } from '../helpers/power-cut.ts';

const form = ({ nodes }: FakePair): Promise<readonly RunReport[]> =>
  Promise.all(nodes.map((node) => runNode(node)));

const outcomes = ({ reports }: RunReport): readonly string[] =>
  reports.map((report: StepReport) =>
    report.outcome === 'failed'
      ? `${report.id}: ${report.problem.message}`
      : `${report.id}: ${report.outcome}`,
  );

/** Runs one node until it waits for somebody, or fails, and resolves with what it then says. */
async function obstacleOf(node: FakeNode): Promise<StepProblem> {
  const report = await runNode(node, { onWait: stopWaiting });
  const problem = report.failed?.problem;
  assert.ok(problem, outcomes(report).join('\n'));
  return problem;
}

/** One power for the machines of `victims`: it goes off before write number `at` (from 0) of the first one. */
function losingPower(pair: FakePair, victims: readonly FakeNode[], at: number) {
  const [first] = victims;
  let count = 0;
  let off = false;
  const alive = (node: FakeNode, isWrite: boolean): void => {
    const counts = isWrite && node === first;
    if (!off && counts && count === at) {
      off = true;
      for (const victim of victims) pair.cut(victim);
    }
    if (off) throw new PowerCut('the power is off');
    if (counts) count += 1;
  };
  return {
    /** Of the first one. */
    writes: () => count,
    isOff: () => off,
    machineOf(node: FakeNode): Machine {
      const { machine } = node;
      if (!victims.includes(node)) return machine;
      return {
        ...machine,
        now: () => machine.now(),
        async exec(command, onLine) {
          alive(node, command.effect === 'write');
          return machine.exec(command, onLine);
        },
        async writeFile(path, content, mode) {
          alive(node, true);
          return machine.writeFile(path, content, mode);
        },
        async sleep(ms) {
          alive(node, false);
          return machine.sleep(ms);
        },
        async readFile(path) {
          alive(node, false);
          return machine.readFile(path);
        },
      };
    },
  };
}

describe('a pair that forms itself', () => {
  endWaiting();

  it('goes through every step on both nodes, and only the first node acts for both', async () => {
    const pair = fakePair();
    const [one, two] = await form(pair);
    assert.deepEqual(outcomes(one ?? { reports: [] }), [
      'check-members: already-done',
      'take-join-secret: changed',
      'enrol-peers: changed',
      'start-corosync: changed',
      'start-pacemaker: changed',
      'write-replication: changed',
      'create-metadata: changed',
      'connect-replication: changed',
      'synchronise-data: changed',
      'make-file-system: changed',
      'register-fencing: changed',
      'write-resources: changed',
      'start-at-boot: changed',
      'prove-failover: changed',
    ]);
    assert.equal(two?.failed, undefined, JSON.stringify(two?.failed));
    assert.deepEqual([...pair.dangerous].sort(), ['n1 create-md', 'n1 primary --force', 'n2 create-md']);
    const acts = pair.nodes[1].machine.ran.filter(
      ({ file, args }) => ['mkfs.ext4', 'crm_resource'].includes(file) || args.includes('--patch'),
    );
    assert.deepEqual(acts, [], 'the second node does nothing for both');
  });

  it('moves the service only when all of it runs again, and not to where it is', async () => {
    const pair = fakePair();
    const [first, second] = pair.nodes;
    // As the other node comes back after a power cut: its half of the data is missing for five looks.
    let looks = Number.POSITIVE_INFINITY;
    const machine: Machine = {
      ...first.machine,
      async exec(command, onLine) {
        const result = await first.machine.exec(command, onLine);
        if (command.args.includes('--clear')) looks = Math.min(looks, 5);
        if (command.file !== 'crm_mon' || looks > 5 || looks-- <= 0) return result;
        return {
          ...result,
          stdout: result.stdout.replace(/<resource id="slipway-data" role="Unpromoted".*?<\/resource>/, ''),
        };
      },
    };
    const reports = await Promise.all([runNode(first, { machine }), runNode(second)]);
    assert.deepEqual(
      reports.map(({ failed }) => failed),
      [undefined, undefined],
    );
    assert.ok(looks <= 0, `${looks} looks are left`);
    const moves = first.machine.ran.filter(({ args }) => args.includes('--move'));
    assert.deepEqual(
      moves.map(({ args }) => args.at(-1)),
      ['n2', 'n1'],
    );
  });

  it('gives Pacemaker’s configuration to its own user before it starts, also after a power cut between the two', async () => {
    const CIB = '/var/lib/pacemaker/cib/cib.xml';
    const pair = fakePair();
    const [first] = pair.nodes;
    first.machine.files.set(CIB, 'left behind');
    await form(pair);
    for (const { machine } of pair.nodes) {
      const words = machine.ran.map(({ file, args }) => `${file} ${args.join(' ')}`);
      const given = words.indexOf(`chown hacluster:haclient ${CIB}`);
      assert.ok(given !== -1 && given < words.indexOf('systemctl start pacemaker.service'));
    }
    assert.equal(first.machine.files.get(CIB), 'left behind');
    assert.match(String(pair.nodes[1].machine.files.get(CIB)), /name="dc-deadtime" value="5s"/);
  });

  it('finds nothing to do the second time, and writes nothing', async () => {
    const pair = fakePair();
    await form(pair);
    for (const { machine } of pair.nodes) {
      machine.ran.length = 0;
      machine.written.length = 0;
    }
    for (const report of await form(pair))
      assert.ok(
        report.reports.every(({ outcome }) => outcome === 'already-done'),
        outcomes(report).join('\n'),
      );
    for (const { machine } of pair.nodes) {
      assert.deepEqual(machine.written, []);
      assert.deepEqual(
        machine.ran.filter(({ effect }) => effect === 'write'),
        [],
      );
    }
  });
});

describe('a node that loses its power while the pair is formed', () => {
  endWaiting();

  /** Waits of one run: two nodes that wait for each other do so for ever. */
  const ENOUGH = 300;
  const run = (node: FakeNode, machine: Machine = node.machine): Promise<RunReport> => {
    let waits = 0;
    return runNode(node, { machine, onWait: () => ++waits > ENOUGH && stopWaiting() });
  };

  for (const [index, who] of [
    [0, 'it'],
    [1, 'it'],
    [0, 'both'],
    [1, 'both'],
  ] as const) {
    it(`can be cut off before any of its writes: node ${index + 1}, ${who} without power`, async function () {
      this.timeout(60_000);
      for (let at = 0; ; at += 1) {
        const pair = fakePair();
        const node = pair.nodes[index];
        const other = pair.nodes[1 - index] ?? node;
        const victims = who === 'both' ? [node, other] : [node];
        const power = losingPower(pair, victims, at);
        const started = [node, other].map((one) => run(one, power.machineOf(one)));
        const ended = Promise.all(started.slice(0, victims.length));
        const reports = await Promise.all(
          [node, other].map(async (one, i) => {
            if (victims.includes(one) && (await ended) && power.isOff()) return run(one);
            return started[i] ?? run(one);
          }),
        );
        const when = `cut before write ${at}`;
        for (const report of reports)
          assert.equal(report.failed, undefined, `${when}: ${outcomes(report).join('; ')}`);
        assert.equal(pair.dangerous.filter((words) => words.includes('--force')).length, 1, when);
        assert.ok(
          pair.dangerous.every((words) => words !== 'n2 primary --force'),
          when,
        );
        assert.equal(pair.nodes[0].disk.generation, pair.nodes[1].disk.generation, when);
        for (const report of await form(pair))
          assert.ok(
            report.reports.every(({ outcome }) => outcome === 'already-done'),
            `${when}: ${outcomes(report).join('; ')}`,
          );
        if (power.writes() < at) {
          assert.ok(at > 15, `a node writes more than ${at} times`);
          return;
        }
      }
    });
  }
});

describe('a step that cannot go on', () => {
  endWaiting();

  it('waits for a peer that is absent', async () => {
    const [one] = fakePair().nodes;
    const { failureClass, message } = await obstacleOf(one);
    assert.equal(failureClass, 'waiting-peer');
    assert.match(message, /^n2 does not answer at 10\.77\.0\.12/);
  });

  it('waits for a person to bring the join secret, and shows the host key to be pinned', async () => {
    const [one] = fakePair().nodes;
    one.machine.files.delete('/dev/disk/by-label/SLIPWAYKEY');
    one.machine.files.set('/etc/ssh/ssh_host_ed25519_key.pub', 'ssh-ed25519 AAAA');
    assert.deepEqual(await obstacleOf(one), {
      failureClass: 'waiting-operator',
      message: 'there is no key medium and no secret was pushed',
      remedy: 'insert the key medium, or push the secret: slipway enrol --ssh NODE=SHA256:abc',
    });
  });

  it('refuses the secret of another cluster by name', async () => {
    const [one] = fakePair().nodes;
    const secret = JSON.stringify({ version: 1, cluster: 'blue', secret: 'ab'.repeat(32), fencing: {} });
    one.machine.files.set('/var/lib/slipway/join-secret.json', secret);
    const { failureClass, message } = await obstacleOf(one);
    assert.equal(failureClass, 'waiting-operator');
    assert.match(message, /holds the join secret of cluster 'blue', and this node belongs to 'pair'$/);
    assert.ok(!one.machine.files.has('/etc/corosync/authkey'));
  });

  it('refuses a peer that holds another secret, before anything of the cluster is started', async () => {
    const pair = fakePair(HA, ['test', 'other']);
    const reports = await form(pair);
    const problems = reports.map(
      ({ failed }) => `${failed?.id} ${failed?.problem.failureClass} ${failed?.problem.message}`,
    );
    assert.match(
      problems[0] ?? '',
      /^enrol-peers refused-foreign-data n2 holds another join secret of cluster 'pair'/,
    );
    for (const { run: running, machine } of pair.nodes) {
      assert.deepEqual(running.units, []);
      assert.ok(!machine.files.has('/etc/drbd.d/slipway.res'));
    }
  });

  it('refuses a peer that was installed from another plan', async () => {
    const pair = fakePair();
    const other = fakePair({ ...HA, services: ['web.service'] }).nodes[1];
    Object.assign(pair.nodes[1].facts, { plan: other.facts.plan });
    const [report] = await form(pair);
    assert.match(report?.failed?.problem.message ?? '', /another plan of cluster 'pair'/);
    assert.equal(report?.failed?.problem.failureClass, 'refused-foreign-data');
  });

  it('takes the first node’s time where no servers tell it', async () => {
    const pair = fakePair();
    pair.nodes[1].skew = 3_600_000;
    for (const report of await form(pair))
      assert.equal(report.failed, undefined, outcomes(report).join('; '));
    assert.deepEqual(
      pair.nodes.map(({ skew }) => skew),
      [0, 0],
    );
  });

  it('leaves clocks that servers keep to a person, and those of a cluster that runs', async () => {
    const pair = fakePair();
    for (const { facts } of pair.nodes)
      Object.assign(facts, { plan: { ...facts.plan, timeServers: ['10.77.0.1'] } });
    pair.nodes[1].skew = 3_600_000;
    void runNode(pair.nodes[0]).catch(() => {});
    const kept = await obstacleOf(pair.nodes[1]);
    assert.equal(kept.failureClass, 'waiting-operator');
    assert.match(kept.message, /^the clock of n1 is 3600.0 s behind this node's$/);

    const formed = fakePair();
    await form(formed);
    formed.nodes[1].machine.files.delete('/etc/slipway/peers.json');
    formed.nodes[1].skew = 3_600_000;
    const runs = await obstacleOf(formed.nodes[1]);
    assert.equal(runs.failureClass, 'waiting-operator');
    assert.match(runs.message, /Pacemaker runs here already$/);
    assert.equal(formed.nodes[1].skew, 3_600_000);
  });

  it('refuses a file system on the clustered volume, and data it does not know', async () => {
    const known = fakePair();
    const bytes = Buffer.alloc(8192);
    bytes.write('XFSB', 0);
    bytes.write('photos', 108);
    known.nodes[0].machine.files.set(DISK, bytes);
    const [first] = await Promise.all([runNode(known.nodes[0]), obstacleOf(known.nodes[1])]);
    assert.deepEqual(
      [first.failed?.id, first.failed?.problem.failureClass],
      ['create-metadata', 'refused-foreign-data'],
    );
    assert.match(first.failed?.problem.message ?? '', /holds xfs 'photos'$/);
    assert.ok(!known.dangerous.includes('n1 create-md'));

    const strange = fakePair();
    strange.nodes[0].disk.strangeData = true;
    const [second] = await Promise.all([runNode(strange.nodes[0]), obstacleOf(strange.nodes[1])]);
    assert.equal(second.failed?.problem.failureClass, 'refused-foreign-data');
    assert.match(second.failed?.problem.message ?? '', /Found some data$/);
    assert.equal(strange.nodes[0].disk.generation, undefined);
  });

  it('never declares data the data of both when either side has a past', async () => {
    const pair = fakePair();
    await form(pair);
    for (const node of pair.nodes) {
      node.enabled = [];
      pair.cut(node);
    }
    pair.dangerous.length = 0;
    // A replaced second node: its empty half takes the data of the first.
    pair.nodes[1].disk.generation = '0000000000000004';
    for (const report of await form(pair))
      assert.equal(report.failed, undefined, outcomes(report).join('; '));
    assert.deepEqual(pair.dangerous, []);
    assert.equal(pair.nodes[1].disk.generation, pair.nodes[0].disk.generation);
  });

  it('leaves a split brain to a person', async () => {
    const pair = fakePair();
    await form(pair);
    for (const node of pair.nodes) {
      node.enabled = [];
      pair.cut(node);
    }
    pair.nodes[1].disk.generation = '1234567890ABCDEF';
    const problems = await Promise.all(pair.nodes.map(obstacleOf));
    assert.ok(
      problems.some(({ message }) => message.includes('broken off')),
      JSON.stringify(problems),
    );
    assert.ok(problems.every(({ failureClass }) => failureClass.startsWith('waiting-')));
    assert.equal(pair.nodes[1].disk.generation, '1234567890ABCDEF', 'nothing is discarded');
  });

  it('does not take a disk back that DRBD let go of', async () => {
    const pair = fakePair();
    await form(pair);
    pair.override(
      'n1',
      'drbdsetup',
      () =>
        'slipway role:Primary suspended:no\n  volume:0 minor:0 disk:Diskless blocked:no\n' +
        '  peer connection:Connected role:Secondary congested:no\n    volume:0 replication:Established peer-disk:UpToDate\n',
    );
    pair.nodes[0].machine.ran.length = 0;
    const { failed } = await runNode(pair.nodes[0]);
    assert.deepEqual([failed?.id, failed?.problem.failureClass], ['connect-replication', 'verify-failed']);
    assert.deepEqual(
      pair.nodes[0].machine.ran.filter(({ effect }) => effect === 'write'),
      [],
    );
  });

  it('looks again for metadata that Pacemaker began to use between two questions', async () => {
    const pair = fakePair();
    await form(pair);
    const [one] = pair.nodes;
    let asked = 0;
    const status =
      'slipway role:Secondary suspended:no\n  volume:0 minor:0 disk:UpToDate blocked:no\n' +
      '  peer connection:Connected role:Primary congested:no\n    volume:0 replication:Established peer-disk:UpToDate\n';
    pair.override('n1', 'drbdsetup', () => (++asked === 1 ? { exitCode: 10 } : status));
    const report = await runNode(one);
    assert.equal(report.failed, undefined, outcomes(report).join('\n'));
    assert.ok(asked > 1);
    assert.ok(!pair.dangerous.slice(3).some((words) => words.includes('create-md')));
  });

  const LOOSE = 'slipway role:Secondary suspended:no\n  volume:0 minor:0 disk:UpToDate blocked:no\n';
  const CONNECTED = `${LOOSE}  peer connection:Connected role:Primary congested:no\n    volume:0 replication:Established peer-disk:UpToDate\n`;
  const written = ({ machine }: FakeNode) => machine.ran.filter(({ effect }) => effect === 'write');

  it('leaves DRBD to Pacemaker while that is about to connect it', async () => {
    const pair = fakePair();
    await form(pair);
    const [one] = pair.nodes;
    let asked = 0;
    pair.override('n1', 'drbdsetup', () => (++asked < 4 ? LOOSE : CONNECTED));
    one.machine.ran.length = 0;
    const report = await runNode(one);
    assert.equal(report.failed, undefined, outcomes(report).join('\n'));
    assert.ok(asked > 4);
    assert.deepEqual(written(one), []);
  });

  it('takes a connection that stays away for a split brain, of which DRBD 8.4 says no more', async () => {
    const pair = fakePair();
    await form(pair);
    const [one] = pair.nodes;
    pair.override('n1', 'drbdsetup', () => LOOSE);
    one.machine.ran.length = 0;
    const { failureClass, message, remedy } = await obstacleOf(one);
    assert.equal(failureClass, 'waiting-operator');
    assert.match(message, /^DRBD has broken off with n2: both wrote/);
    assert.match(remedy ?? '', /nothing is lost/);
    assert.deepEqual(written(one), []);
  });

  it('tells a split brain that it finds while it waits for Pacemaker', async () => {
    const pair = fakePair();
    await form(pair);
    let asked = 0;
    pair.override('n1', 'drbdsetup', () => (++asked < 6 ? { exitCode: 10 } : LOOSE));
    pair.override('n1', 'drbdadm', ({ args }) =>
      args[0] === 'sh-resources' ? 'slipway\n' : 'version "v08";\n',
    );
    const { message } = await obstacleOf(pair.nodes[0]);
    assert.match(message, /^DRBD has broken off with n2/);
  });

  it('says so when Pacemaker does not start DRBD', async () => {
    const pair = fakePair();
    await form(pair);
    const [one] = pair.nodes;
    pair.override('n1', 'drbdsetup', () => ({ exitCode: 10 }));
    pair.override('n1', 'drbdadm', ({ args }) =>
      args[0] === 'sh-resources' ? 'slipway\n' : 'version "v08";\n',
    );
    one.machine.ran.length = 0;
    const { failureClass, message } = await obstacleOf(one);
    assert.deepEqual([failureClass, message], ['waiting-operator', 'Pacemaker has not started DRBD']);
    assert.deepEqual(written(one), []);
  });

  it('stops at once when corosync has failed', async () => {
    const pair = fakePair();
    pair.override('n1', 'corosync-quorumtool', () => ({ exitCode: 1 }));
    pair.nodes[0].run.failed.push('corosync.service');
    const [report] = await Promise.all([runNode(pair.nodes[0]), obstacleOf(pair.nodes[1])]);
    assert.deepEqual(
      [report.failed?.id, report.failed?.problem.failureClass, report.failed?.problem.message],
      ['start-corosync', 'verify-failed', 'corosync.service has failed: the reason'],
    );
  });

  it('does not take an address that somebody else answers at', async () => {
    const pair = fakePair();
    pair.strangers.push('10.77.0.100');
    const [problem] = await Promise.all([obstacleOf(pair.nodes[0]), obstacleOf(pair.nodes[1])]);
    assert.equal(problem.failureClass, 'waiting-operator');
    assert.match(problem.message, /^somebody answers at 10\.77\.0\.100 already/);
    assert.ok(!pair.cib.includes('slipway-vip'));
  });

  it('refuses a plan that leaves a node unfenced without the words for it', async () => {
    const without = { ...HA, fencing: { kind: 'devices', devices: [] } } satisfies HaPlan;
    const { failed } = await runNode(fakePair(without).nodes[0]);
    assert.equal(failed?.problem.failureClass, 'config-invalid');
    assert.match(failed?.problem.message ?? '', /nothing switches n1 and n2 off/);
  });
});
