import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArguments } from '../../postinstall/arguments.ts';
import type { Health, RotationReport } from '../../postinstall/cluster/rotate.ts';
import { askNode, rotateSecrets } from '../../src/commands/rotate-nodes.ts';
import { changes, planRotation, type RotationPlan, type Standing } from '../../src/commands/rotation-plan.ts';
import { type Command, CommandError, type CommandResult } from '../../src/engine/command.ts';
import { FailedError } from '../../src/errors/exit.ts';
import { type NodeShell, shellCommand } from '../../src/secrets/node-shell.ts';
import { joinSecret } from '../helpers/cluster-plan.ts';
import { smallSpec } from '../helpers/small-spec.ts';
import { inTempDir } from '../helpers/tmp.ts';

const WHOLE: Health = { run: 'complete', problems: [], ring: '1.9', placement: ['slipway-vip Started n1'] };

const report = (node: string, more: Partial<RotationReport> = {}): RotationReport => ({
  node,
  cluster: 'pair',
  keyId: 'old',
  health: WHOLE,
  ...more,
});

const plan = (reports: readonly RotationReport[], more: Partial<Standing> = {}): RotationPlan =>
  planRotation({
    cluster: 'pair',
    medium: 'a.key.iso',
    next: 'a.key.next.iso',
    currentId: 'old',
    reports,
    ...more,
  });

function refusal(given: RotationPlan): { readonly problems: readonly string[]; readonly remedy: string } {
  assert.ok(given.kind === 'refused', JSON.stringify(given));
  return given;
}

describe('the plan of a rotation', () => {
  const half = {
    keyId: 'old',
    next: { id: 'new', phase: 'committing' },
    health: { ...WHOLE, problems: ['torn'] },
  } as const;

  it('begins on a cluster that is whole', () => {
    const made = plan([report('n1'), report('n2')]);
    assert.ok(made.kind === 'go');
    assert.equal(made.proven, false);
    assert.deepEqual(made.lines.slice(0, 3), [
      "cluster 'pair': a new join secret",
      '  n1 uses old',
      '  n2 uses old',
    ]);
  });

  it('says all that is wrong with the cluster, and does not begin', () => {
    const ill = { ...WHOLE, run: 'waiting', problems: ['synchronise-data: DRBD is not started'] } as const;
    const { problems, remedy } = refusal(
      plan([report('n1', { health: ill }), report('n2', { health: ill })]),
    );
    assert.deepEqual(problems, [
      'n1 is waiting, not complete',
      'n1: synchronise-data: DRBD is not started',
      'n2 is waiting, not complete',
      'n2: synchronise-data: DRBD is not started',
    ]);
    assert.match(remedy, /slipway-agent status/);
    const prepared = report('n1', { next: { id: 'new', phase: 'proved' }, health: ill });
    assert.equal(plan([prepared, report('n2')], { nextId: 'new' }).kind, 'refused', 'nothing is changed yet');
  });

  it('goes on where keys are on their way, whatever else is wrong, and proves nothing twice', () => {
    const proved = report('n2', { next: { id: 'new', phase: 'proved' } });
    const done = report('n2', { keyId: 'new' });
    for (const other of [proved, done]) {
      const made = plan([report('n1', half), other], { nextId: 'new' });
      assert.ok(made.kind === 'go');
      assert.equal(made.proven, true);
      assert.ok(made.lines.includes('  n1 uses old, committing for new'));
    }
    const staged = report('n2', { next: { id: 'new', phase: 'staged' } });
    const made = plan([report('n1', half), staged], { nextId: 'new' });
    assert.ok(made.kind === 'go' && !made.proven);
  });

  it('leaves a rotation alone that was begun elsewhere', () => {
    const staged = report('n1', { next: { id: 'theirs', phase: 'staged' } });
    const given = refusal(plan([staged, report('n2')]));
    assert.deepEqual(given.problems, [
      'on n1 a rotation to the secret theirs is half-way (staged), and there is no a.key.next.iso',
    ]);
    assert.match(
      given.remedy,
      /where it was begun, or give it up on each node: slipway-agent rotate forget$/,
    );
    const final = refusal(
      plan([report('n1', { next: { id: 'theirs', phase: 'committing' } }), report('n2')], { nextId: 'new' }),
    );
    assert.match(final.problems[0] ?? '', /\(committing\), and a\.key\.next\.iso holds new$/);
    assert.match(
      final.remedy,
      /^run slipway rotate where it was begun; if that is lost: .* slipway rotate --lost$/,
    );
  });

  it('is none for nodes of another cluster, of another secret, or without keys', () => {
    assert.deepEqual(refusal(plan([report('n1', { cluster: 'blue' }), report('n2')])).problems, [
      "n1 belongs to cluster 'blue', not to 'pair'",
    ]);
    assert.deepEqual(refusal(plan([report('n1', { keyId: 'third' }), report('n2')])).problems, [
      'n1 uses the secret third, and a.key.iso holds old',
    ]);
    const { keyId: _, ...without } = report('n1');
    assert.deepEqual(refusal(plan([without, report('n2')])).problems, ['n1 has no keys of its cluster']);
  });

  it('takes the nodes’ word for the old secret where the medium is lost, if they agree', () => {
    const { currentId: _, ...lost } = {
      cluster: 'pair',
      medium: 'a',
      next: 'b',
      currentId: undefined,
      reports: [report('n1'), report('n2')],
    };
    assert.equal(planRotation(lost).kind, 'go');
    const torn = planRotation({ ...lost, reports: [report('n1'), report('n2', { keyId: 'x' })] });
    assert.deepEqual(refusal(torn).problems, ['n2 uses the secret x, and a holds none']);
  });

  it('tells afterwards who was gone or moved', () => {
    const before = [report('n1'), report('n2')];
    assert.deepEqual(changes(before, before), []);
    const moved = { ...WHOLE, ring: '1.d', placement: ['slipway-vip Started n2'] };
    assert.deepEqual(changes(before, [report('n1', { health: moved }), report('n2')]), [
      'n1: the membership was 1.9 and is 1.d',
      'n1: resources ran as slipway-vip Started n1, and now slipway-vip Started n2',
    ]);
  });
});

describe('a node that is asked over SSH', () => {
  const answering =
    (result: Partial<CommandResult>, ran: Command[] = []): NodeShell =>
    async (line) => {
      const command = shellCommand('10.0.0.1', line);
      ran.push(command);
      const { exitCode = 0, stderr = '' } = result;
      if (!(line.accept ?? [0]).includes(exitCode)) throw new CommandError(command, 'exit', exitCode, stderr);
      return { stdout: '', stderr, exitCode, durationMs: 1, ...result };
    };
  const failure = (shell: NodeShell, act: 'look' | 'commit' = 'commit'): Promise<FailedError> =>
    askNode('n1', shell, act, undefined).then(
      () => assert.fail('it was done'),
      (error: unknown) => (error instanceof FailedError ? error : assert.fail(String(error))),
    );

  it('gets the secret by standard input', async () => {
    const ran: Command[] = [];
    const said = { stdout: `${JSON.stringify({ node: 'n1', cluster: 'pair' })}\n` };
    assert.deepEqual(await askNode('n1', answering(said, ran), 'stage', joinSecret()), {
      node: 'n1',
      cluster: 'pair',
    });
    const [command] = ran;
    assert.equal(command?.args.at(-1), 'slipway-agent rotate stage');
    assert.ok(command?.stdin?.includes(joinSecret().secret));
    assert.ok(!command?.args.join(' ').includes(joinSecret().secret));
  });

  it('is named with what it says and what to do', async () => {
    const said = 'slipway-agent: verify-failed: the keys in use here are not the new ones\n';
    const plain = await failure(answering({ exitCode: 1, stderr: said }));
    assert.equal(
      plain.message,
      'n1 did not commit: verify-failed: the keys in use here are not the new ones',
    );
    assert.match(plain.hint ?? '', /slipway rotate once more/);
    const remedied = await failure(answering({ exitCode: 1, stderr: `${said}  mend it\n` }));
    assert.equal(remedied.hint, 'mend it');
    const old = await failure(
      answering({ exitCode: 1, stderr: "slipway-agent: there is no command 'rotate'\nusage: …" }),
    );
    assert.match(old.hint ?? '', /older than this command/);
    for (const stdout of ['', 'hello', '{}', 'null'])
      assert.match((await failure(answering({ stdout }))).message, /gave no answer$/);
  });

  it('is named when it is not there, does not let us in, or has no agent', async () => {
    const hint = async (exitCode: number, stderr: string, act: 'look' | 'commit' = 'look'): Promise<string> =>
      (await failure(answering({ exitCode, stderr }), act)).hint ?? '';
    assert.match(
      await hint(255, 'ssh: connect to host 10.0.0.1 port 22: Connection timed out'),
      /is it running/,
    );
    assert.match(await hint(255, 'Host key verification failed.'), /--ssh n1=SHA256/);
    assert.match(await hint(255, 'Permission denied (publickey).'), /access\.sshKeys/);
    assert.match(await hint(127, 'sh: slipway-agent: not found'), /not installed/);
    assert.match(await hint(255, 'Connection closed', 'commit'), /slipway rotate once more/);
  });
});

describe('slipway rotate', () => {
  const said = (spec: string, ...ssh: readonly string[]): Promise<string> =>
    inTempDir(async (dir) => {
      const file = join(dir, 'cluster.yaml');
      await writeFile(file, spec);
      let words = '';
      const refuse = (message: string): never => {
        words = message;
        throw new Error(message);
      };
      await assert.rejects(rotateSecrets(file, { out: dir, ...(ssh.length === 0 ? {} : { ssh }) }, refuse));
      return words;
    });
  const PAIR = smallSpec('')
    .replace(/nodes:\n.*\n/, (lines) =>
      [1, 2].reduce(
        (text, i) =>
          `${text}  - { name: n${i}, role: ha-pair, layout: one, disks: { count: 1 }, interfaces: [{ name: lan, mac: "02:77:00:00:00:1${i}", address: 10.77.0.1${i}/24 }] }\n`,
        lines.slice(0, lines.indexOf('\n') + 1),
      ),
    )
    .replace(
      'size: rest }]',
      'size: 3 GiB }, { role: clustered, size: rest, fileSystem: ext4, mount: /srv/data }]',
    )
    .concat('ha: { fencing: "none, I accept split brain" }\n');

  it('takes all nodes of one cluster', async () => {
    assert.match(await said(smallSpec('')), /^no node of demo forms a cluster/);
    assert.match(await said(PAIR, 'n1'), /^--ssh leaves out n2; .* name all of them, or none$/);
    assert.match(await said(PAIR, 'n1', 'n3'), /^there is no node 'n3'/);
    assert.match(await said(PAIR, 'n1=SHA256:abc', 'n2'), /is not the fingerprint of a host key/);
  });
});

describe('slipway-agent rotate', () => {
  it('takes one act', () => {
    assert.deepEqual(parseArguments(['rotate', 'look']), { verb: 'rotate', act: 'look' });
    for (const words of [[], ['begin'], ['look', 'now']])
      assert.match(String(parseArguments(['rotate', ...words])), /^rotate takes one of look, stage, /);
  });
});
