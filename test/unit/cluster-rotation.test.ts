import assert from 'node:assert/strict';
import { deriveKeys } from '../../postinstall/cluster/keys.ts';
import { type RotationAct, type RotationReport, rotate } from '../../postinstall/cluster/rotate.ts';
import { JOURNAL_PATH } from '../../postinstall/status.ts';
import { type Media, type RotationRequest, rotateCluster } from '../../src/commands/rotation.ts';
import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import type { StepProblem } from '../../src/engine/run-step.ts';
import type { RunReport } from '../../src/engine/run-steps.ts';
import { FailedError } from '../../src/errors/exit.ts';
import type { HaPlan, JoinSecret } from '../../src/plan/types.ts';
import { HA, joinSecret } from '../helpers/cluster-plan.ts';
import { endWaiting, runNode, stopWaiting } from '../helpers/cluster-run.ts';
import type { FakeNode, FakePair } from '../helpers/fake-nodes.ts';
import { fakePair } from '../helpers/fake-pair.ts';
import { PowerCut } from '../helpers/power-cut.ts';

const OLD = deriveKeys(joinSecret()).id;
const ROTATION = '/var/lib/slipway/rotation.json';
const AUTHKEY = '/etc/corosync/authkey';

/** Runs both agents to their end, after which nobody answers and their journals say so. */
async function complete({ nodes }: FakePair): Promise<readonly RunReport[]> {
  const reports = await Promise.all(nodes.map((node) => runNode(node)));
  for (const [i, node] of nodes.entries()) {
    const { failed } = reports[i] ?? {};
    assert.equal(failed, undefined, JSON.stringify(failed));
    endRun(node);
  }
  return reports;
}

function endRun(node: FakeNode, verdict: object = { state: 'complete' }): void {
  delete node.run.listens;
  const run = { boot: '', pid: 1, startedAt: '2026-01-01T00:00:00Z' };
  node.machine.files.set(
    JOURNAL_PATH,
    JSON.stringify({ version: 1, node: node.name, run, verdict, steps: {} }),
  );
}

interface Shelf extends Media {
  now?: JoinSecret;
  after?: JoinSecret;
}

/** The administrator's folder. */
function shelf(secret: JoinSecret | undefined = joinSecret()): Shelf {
  const media: Shelf = {
    path: 'dist/pair.key.iso',
    nextPath: 'dist/pair.key.next.iso',
    current: async () => media.now,
    next: async () => media.after,
    async prepare(next) {
      media.after = next;
    },
    async publish() {
      if (media.after !== undefined) media.now = media.after;
      delete media.after;
    },
  };
  if (secret !== undefined) media.now = secret;
  return media;
}

interface Desk {
  readonly pair: FakePair;
  readonly media: Shelf;
  readonly said: string[];
  /** The machines as the acts of a rotation see them. */
  machineOf(node: FakeNode): Machine;
  /** Called before whatever the administrator's computer does. */
  before(): void;
}

const desk = (pair: FakePair, more: Partial<Desk> = {}): Desk => ({
  pair,
  media: shelf(),
  said: [],
  machineOf: ({ machine }) => machine,
  before: () => {},
  ...more,
});

/** `slipway rotate` with nodes in memory at the ends of its wires. */
function rotateAll(at: Desk, options: Partial<RotationRequest> = {}): Promise<JoinSecret | undefined> {
  const { pair, media, said, before } = at;
  return rotateCluster({
    cluster: 'pair',
    nodes: pair.nodes.map(({ name }) => name),
    media: {
      ...media,
      async prepare(secret) {
        before();
        await media.prepare(secret);
      },
      async publish() {
        before();
        await media.publish();
      },
    },
    async ask(name, act, secret) {
      before();
      const node = pair.nodes.find((one) => one.name === name);
      if (node === undefined) throw new Error(`no node ${name}`);
      const listened = node.run.listens;
      try {
        const input = secret === undefined ? undefined : JSON.stringify(secret);
        return await rotate(act, at.machineOf(node), node.facts, input);
      } catch (error) {
        throw error instanceof StepFailure || error instanceof PowerCut
          ? new FailedError(`${name} did not ${act}: ${error.message}`)
          : error;
      } finally {
        // Its process has ended; an agent that ran before it goes on.
        if (act === 'prove' && node.run.listens !== undefined) {
          if (listened === undefined) delete node.run.listens;
          else node.run.listens = listened;
        }
      }
    },
    say: (line) => void said.push(line),
    ...options,
  });
}

async function formed(ha: HaPlan = HA): Promise<FakePair> {
  const pair = fakePair(ha);
  await complete(pair);
  return pair;
}

const reportsOf = ({ nodes }: FakePair, act: RotationAct = 'look'): Promise<readonly RotationReport[]> =>
  Promise.all(nodes.map((node) => rotate(act, node.machine, node.facts)));

/** Everything a finished rotation has to have come to, however it went. */
async function assertRenewed(pair: FakePair, media: Shelf, when: string): Promise<void> {
  assert.equal(media.after, undefined, when);
  const keys = deriveKeys(media.now ?? joinSecret());
  assert.notEqual(keys.id, OLD, when);
  for (const { machine, run, name } of pair.nodes) {
    const words = `${when}: ${name}`;
    assert.deepEqual(machine.files.get(AUTHKEY), keys.corosync, words);
    assert.equal(run.key, Buffer.from(keys.corosync).toString('hex'), words);
    assert.deepEqual(
      { ...run.drbd, primary: false },
      { attached: true, connected: true, standAlone: false, primary: false, secret: keys.replication },
      words,
    );
    assert.ok(!machine.files.has(ROTATION), words);
    const all = [...machine.files]
      .filter(([path]) => path !== '/key')
      .map(([, text]) => Buffer.from(text).toString());
    assert.ok(!all.some((text) => text.includes(media.now?.secret ?? '-')), `${words} keeps the join secret`);
    for (const old of [deriveKeys(joinSecret()).replication, OLD])
      assert.ok(!all.some((text) => text.includes(old)), `${words} keeps what is old`);
    machine.written.length = 0;
  }
  for (const report of await complete(pair))
    assert.ok(
      report.reports.every(({ outcome }) => outcome === 'already-done'),
      `${when}: ${JSON.stringify(report.reports.filter(({ outcome }) => outcome !== 'already-done'))}`,
    );
  for (const { machine } of pair.nodes) assert.deepEqual(machine.written, [], when);
}

describe('a rotation of a cluster’s secrets', () => {
  endWaiting();

  it('ends with new keys in use on every node, and nobody was gone for it', async () => {
    const pair = await formed();
    const at = desk(pair);
    const [before] = await reportsOf(pair);
    const secret = await rotateAll(at);
    assert.deepEqual(at.media.now, secret);
    assert.equal(at.said.at(-1), 'the membership and the place of every resource are as before');
    const [after] = await reportsOf(pair);
    assert.deepEqual(
      [after?.health?.ring, after?.health?.placement],
      [before?.health?.ring, before?.health?.placement],
    );
    const files = pair.nodes[0].machine;
    assert.equal(files.ran.filter(({ file }) => file === 'shred').length, 1);
    assert.equal(pair.nodes[0].machine.modes.get(ROTATION), 0o600);
    const acts = pair.nodes.flatMap(({ machine }) =>
      machine.ran.map(({ file, args }) => `${file} ${args.join(' ')}`),
    );
    assert.ok(
      !acts.some((words) => /drbdadm (disconnect|down)|systemctl (re)?stop|systemctl restart/.test(words)),
    );
    await assertRenewed(pair, at.media, 'uninterrupted');
  });

  it('keeps the passwords of fence devices, on the nodes and on the medium', async () => {
    const ha: HaPlan = {
      ...HA,
      fencing: {
        kind: 'devices',
        devices: HA.members.map(({ name }) => ({ node: name, kind: 'ipmi', address: '10.0.0.9', user: 'f' })),
      },
    };
    const pair = await formed(ha);
    const fencing = { n1: 'word-of-the-device', n2: 'word-of-the-device' };
    const at = desk(pair, { media: shelf(joinSecret('pair', 'test', fencing)) });
    await rotateAll(at);
    assert.deepEqual(at.media.now?.fencing, fencing);
    for (const { machine } of pair.nodes) {
      assert.equal(machine.files.get('/etc/slipway/fencing/n2'), 'word-of-the-device\n');
      // One that was not told anew cannot be lost on the way.
      assert.equal(machine.written.filter((path) => path === '/etc/slipway/fencing/n2').length, 1);
    }
    await assertRenewed(pair, at.media, 'with fence devices');
  });

  it('says what it would do, and does nothing of it', async () => {
    const pair = await formed();
    const at = desk(pair);
    for (const { machine } of pair.nodes) {
      machine.ran.length = 0;
      machine.written.length = 0;
    }
    assert.equal(await rotateAll(at, { dryRun: true }), undefined);
    for (const { machine } of pair.nodes) {
      assert.deepEqual(machine.written, []);
      assert.deepEqual(
        machine.ran.filter(({ effect }) => effect === 'write'),
        [],
      );
    }
    assert.equal(at.media.after, undefined);
    assert.equal(at.said[0], "cluster 'pair': a new join secret");
    assert.ok(at.said.includes(`  n1 uses ${OLD}`));
    assert.ok(at.said.some((line) => line.endsWith('dist/pair.key.next.iso becomes dist/pair.key.iso')));
  });

  it('goes on without a medium that is lost only where that was said', async () => {
    const pair = await formed();
    const media = shelf();
    delete media.now;
    await assert.rejects(rotateAll(desk(pair, { media })), /there is no key medium dist\/pair\.key\.iso/);
    await rotateAll(desk(pair, { media }), { lost: true });
    await assertRenewed(pair, media, 'without a medium');
  });
});

describe('a rotation that is interrupted', () => {
  endWaiting();

  it('on the administrator’s computer, before whatever it does: the next one finishes it with the same secret', async function () {
    this.timeout(60_000);
    for (let at = 0; ; at += 1) {
      const pair = await formed();
      const media = shelf();
      let count = 0;
      const first = desk(pair, {
        media,
        before: () => {
          if (count >= at) throw new PowerCut('the power is off');
          count += 1;
        },
      });
      const isWhole = await rotateAll(first).then(
        () => true,
        () => false,
      );
      if (isWhole) {
        assert.ok(at > 14, `${at} things are done`);
        return;
      }
      const begun = media.after;
      await rotateAll(desk(pair, { media }));
      if (begun !== undefined) assert.equal(media.now?.secret, begun.secret, `cut before ${at}`);
      await assertRenewed(pair, media, `cut before ${at}`);
    }
  });

  for (const who of [['n1'], ['n2'], ['n1', 'n2']] as const) {
    it(`by a power cut before any write of a node, of ${who.join(' and ')}: the next one finishes it`, async function () {
      this.timeout(120_000);
      for (let at = 0; ; at += 1) {
        const pair = await formed();
        const media = shelf();
        const counted = pair.nodes.find(({ name }) => name === who[0]) ?? pair.nodes[0];
        const hit = pair.nodes.filter(({ name }) => who.some((one) => one === name));
        const service = pair.service;
        let count = 0;
        let isOff = false;
        const machineOf = (node: FakeNode): Machine => {
          const { machine } = node;
          const alive = (isWrite: boolean): void => {
            if (isWrite && node === counted && !isOff) {
              isOff = count === at;
              count += 1;
              if (isOff) for (const one of hit) pair.cut(one);
            }
            if (isOff && hit.includes(node)) throw new PowerCut('the power is off');
          };
          return {
            ...machine,
            now: () => machine.now(),
            async exec(command, onLine) {
              alive(command.effect === 'write');
              return machine.exec(command, onLine);
            },
            async writeFile(path, content, mode) {
              alive(true);
              await machine.writeFile(path, content, mode);
            },
            async readFile(path) {
              alive(false);
              return machine.readFile(path);
            },
            async sleep(ms) {
              alive(false);
              await machine.sleep(ms);
            },
          };
        };
        const when = `${who.join(' and ')} cut before write ${at} of ${counted.name}`;
        const isWhole = await rotateAll(desk(pair, { media, machineOf })).then(
          () => true,
          () => false,
        );
        if (isWhole) {
          assert.ok(at > 8, `a node writes ${at} times`);
          break;
        }
        if (!hit.some(({ name }) => name === service))
          assert.equal(pair.service, service, `${when}: the service stays where it was`);
        const begun = media.after;
        const problems: string[] = [];
        const agents = hit.map((node) =>
          runNode(node, { onWait: (problem) => problems.push(problem.message) }).then((report) => {
            assert.equal(report.failed, undefined, `${when}: ${JSON.stringify(report.failed)}`);
            endRun(node);
          }),
        );
        // Until the agents have come as far as they do without anybody's help.
        for (let i = 0; i < 400; i += 1) await new Promise((resolve) => setImmediate(resolve));
        const half = hit.filter(({ machine }) =>
          String(machine.files.get(ROTATION)).includes('"committing"'),
        );
        if (half.length > 0)
          assert.match(problems.join(), /the secrets of the cluster are being renewed/, when);
        await rotateAll(desk(pair, { media }));
        await Promise.all(agents);
        assert.equal(media.now?.secret, begun?.secret, when);
        await assertRenewed(pair, media, when);
      }
    });
  }
});

describe('a node in a rotation', () => {
  endWaiting();

  const next = JSON.stringify(joinSecret('pair', 'next'));
  const failureOf = (work: Promise<unknown>): Promise<StepFailure> =>
    work.then(
      () => assert.fail('it was not refused'),
      (error: unknown) => (error instanceof StepFailure ? error : assert.fail(String(error))),
    );
  const ask = ({ machine, facts }: FakeNode, act: RotationAct, input?: string): Promise<RotationReport> =>
    rotate(act, machine, facts, input);
  const prepared = async (pair: FakePair, words: readonly [string, string] = [next, next]): Promise<void> => {
    for (const [i, node] of pair.nodes.entries()) await ask(node, 'stage', words[i]);
  };

  it('keeps derived keys beside those in use, for root alone, and never the secret', async () => {
    const [node] = (await formed()).nodes;
    const report = await ask(node, 'stage', next);
    const { id } = deriveKeys(joinSecret('pair', 'next'));
    assert.deepEqual(report, { node: 'n1', cluster: 'pair', keyId: OLD, next: { id, phase: 'staged' } });
    const kept = String(node.machine.files.get(ROTATION));
    assert.ok(!kept.includes(joinSecret('pair', 'next').secret));
    assert.equal(node.machine.modes.get(ROTATION), 0o600);
    node.machine.written.length = 0;
    await ask(node, 'stage', next);
    assert.deepEqual(node.machine.written, [], 'once is enough');
  });

  it('takes no secret of another cluster, nothing else, and no second one', async () => {
    const [node] = (await formed()).nodes;
    const other = await failureOf(ask(node, 'stage', JSON.stringify(joinSecret('blue'))));
    assert.equal(other.failureClass, 'refused-foreign-data');
    assert.match(other.message, /of cluster 'blue', and this node belongs to 'pair'$/);
    for (const text of ['', '{}', 'secret'])
      assert.equal((await failureOf(ask(node, 'stage', text))).failureClass, 'config-invalid');
    await ask(node, 'stage', next);
    const second = await failureOf(ask(node, 'stage', JSON.stringify(joinSecret('pair', 'third'))));
    assert.match(
      second.message,
      /^another rotation is half-way here, to the secret [0-9a-f]{16} \(staged\)$/,
    );
    assert.match(second.remedy ?? '', /slipway-agent rotate forget$/);
    const [bare] = fakePair().nodes;
    assert.match((await failureOf(ask(bare, 'stage', next))).message, /has no keys/);
  });

  it('changes nothing until every peer has proved that it holds the same', async () => {
    const pair = await formed();
    const [one, two] = pair.nodes;
    await prepared(pair, [next, JSON.stringify(joinSecret('pair', 'third'))]);
    assert.match((await failureOf(ask(one, 'commit'))).message, /did not prove/);
    const proofs = await Promise.all(pair.nodes.map((node) => failureOf(ask(node, 'prove'))));
    assert.ok(proofs.some(({ message }) => /holds another join secret of cluster 'pair'/.test(message)));
    for (const node of pair.nodes) {
      assert.match(String(node.machine.files.get(ROTATION)), /"staged"/);
      assert.equal((await ask(node, 'forget')).next, undefined);
      delete node.run.listens;
    }
    await prepared(pair);
    const alone = await failureOf(ask(two, 'prove'));
    assert.equal(alone.failureClass, 'waiting-peer');
    assert.match(alone.message, /^n1 does not answer/);
    assert.match((await failureOf(ask(two, 'activate'))).message, /not the new ones$/);
    assert.equal((await ask(two, 'look')).keyId, OLD);
  });

  it('gives up what is not carried out, and nothing else', async () => {
    const pair = await formed();
    await prepared(pair);
    await Promise.all(pair.nodes.map((node) => ask(node, 'prove')));
    const [one] = pair.nodes;
    await ask(one, 'commit');
    const refused = await failureOf(ask(one, 'forget'));
    assert.match(refused.message, /\(committing\)$/);
    assert.equal(refused.remedy, 'finish it where it was begun: slipway rotate');
    assert.ok(one.machine.files.has(ROTATION));
    assert.equal((await ask(pair.nodes[1], 'forget')).next, undefined);
    assert.ok(
      pair.nodes[1].machine.ran.some(({ file, args }) => file === 'shred' && args.includes(ROTATION)),
    );
  });

  it('can be taken to the end by hand, where the successor of the medium is lost', async () => {
    const pair = await formed();
    await prepared(pair);
    await Promise.all(pair.nodes.map((node) => ask(node, 'prove')));
    for (const node of pair.nodes) delete node.run.listens;
    await ask(pair.nodes[0], 'commit');
    const media = shelf();
    delete media.now;
    await assert.rejects(rotateAll(desk(pair, { media }), { lost: true }), /is half-way \(committing\)/);
    for (const act of ['commit', 'activate', 'verify', 'finish'] as const)
      for (const node of pair.nodes) await ask(node, act);
    await rotateAll(desk(pair, { media }), { lost: true });
    await assertRenewed(pair, media, 'by hand');
  });

  it('says what is not as it should be before anything is begun', async () => {
    const pair = await formed();
    const [one] = pair.nodes;
    const problems = async (): Promise<string> => (await ask(one, 'look')).health?.problems.join('\n') ?? '';
    assert.equal(await problems(), '');
    pair.linked = false;
    assert.match(
      await problems(),
      /start-corosync: n2 is not in the cluster[\s\S]*synchronise-data: DRBD is Connecting/,
    );
    pair.linked = true;
    pair.override('n1', 'corosync', () => "Corosync Cluster Engine, version '3.0.3'\n");
    assert.equal(await problems(), 'corosync 3.0.3 takes no new key while it runs, 3.1 does');
    one.machine.files.set(AUTHKEY, 'edited');
    assert.match(await problems(), /\/etc\/corosync\/authkey is not the one of this cluster/);
    endRun(one, { state: 'failed', step: 's', problem: { failureClass: 'timeout', message: 'm' } });
    assert.equal((await ask(one, 'look')).health?.run, 'failed');
    await assert.rejects(rotateAll(desk(pair)), (error: unknown) => {
      assert.ok(error instanceof FailedError);
      assert.match(error.message, /n1 is failed, not complete\n {2}n1: \/etc\/corosync\/authkey/);
      return true;
    });
  });

  it('goes on with a run while new keys are prepared, and waits while they are put in place', async () => {
    const pair = await formed();
    await prepared(pair);
    const [report] = await complete(pair);
    const step = report?.reports.find(({ id }) => id === 'take-join-secret');
    assert.ok(step?.outcome === 'already-done');
    assert.equal(step.evidence['prepared'], deriveKeys(joinSecret('pair', 'next')).id);
    await Promise.all(pair.nodes.map((node) => ask(node, 'prove')));
    const [one] = pair.nodes;
    await ask(one, 'commit');
    let problem: StepProblem | undefined;
    await runNode(one, {
      onWait: (found) => {
        problem = found;
        stopWaiting();
      },
    });
    assert.equal(problem?.failureClass, 'waiting-operator');
    assert.equal(problem?.remedy, 'finish it where it was begun: slipway rotate');
  });

  it('connects DRBD again where the two sides refused each other meanwhile', async () => {
    const pair = await formed();
    await prepared(pair);
    await Promise.all(pair.nodes.map((node) => ask(node, 'prove')));
    const [one, two] = pair.nodes;
    await ask(one, 'commit');
    await ask(one, 'activate');
    assert.equal(one.run.drbd?.connected, true, 'who is connected stays so');
    pair.linked = false;
    await ask(two, 'look');
    pair.linked = true;
    assert.match((await ask(two, 'look')).health?.problems.join() ?? '', /DRBD has broken off/);
    await ask(two, 'commit');
    for (const node of pair.nodes) await ask(node, 'activate');
    assert.deepEqual((await ask(one, 'verify')).health?.problems, []);
  });

  it('does not start DRBD in the place of Pacemaker', async () => {
    const pair = await formed();
    await prepared(pair);
    await Promise.all(pair.nodes.map((node) => ask(node, 'prove')));
    const [one] = pair.nodes;
    await ask(one, 'commit');
    delete one.run.drbd;
    pair.cib = '<cib/>';
    one.machine.ran.length = 0;
    await ask(one, 'activate');
    assert.deepEqual(
      one.machine.ran.filter(({ args }) => args[0] === 'adjust'),
      [],
    );
  });

  it('stops at a record that is none', async () => {
    const [node] = (await formed()).nodes;
    node.machine.files.set(ROTATION, '{"version":1}');
    const { failureClass, message } = await failureOf(ask(node, 'look'));
    assert.deepEqual([failureClass, message], ['config-invalid', `${ROTATION} holds no new keys`]);
  });
});
