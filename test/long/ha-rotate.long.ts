/** `slipway rotate` on two real nodes that serve somebody all the time, and lose their power in the middle of it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { deriveKeys } from '../../postinstall/cluster/keys.ts';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import type { JoinSecret } from '../../src/plan/types.ts';
import {
  keyMediumPath,
  nextKeyMediumPath,
  readKeyMedium,
  writeKeyMedium,
} from '../../src/secrets/key-medium.ts';
import { CLUSTER, joinSecret } from '../helpers/cluster-plan.ts';
import { assertNowhere, formsOf } from '../helpers/secret-search.ts';
import { FENCED, makeUmlPair, NODES, type NodeNumber, type UmlPair } from '../helpers/uml-pair.ts';

const MINUTE = 60_000;
const VIP = '10.77.0.100';

/** The nodes as an administrator's spec names them. */
const SPEC = `slipway: 1
cluster: ${CLUSTER}
nodes:
${NODES.map(
  (node) => `  - name: n${node}
    role: ha-pair
    layout: one
    interfaces: [{ name: lan, mac: "02:77:00:00:00:1${node}", address: 10.77.0.1${node}/24 }]
    disks: { count: 2 }
`,
).join('')}layouts:
  one:
    kind: raid1
    volumes: [{ role: esp, size: 600 MiB }, { role: boot, size: 1 GiB }, { role: root, size: 3 GiB }, { role: clustered, size: rest, fileSystem: ext4, mount: /srv/data }]
ha:
  vip: ${VIP}/24
  fencing: none, I accept split brain
`;

/** Appends a line to the replicated volume and has it written out, over and over; says what failed and what took long. */
const WRITER = `i=0; while :; do
  s=$(date +%s%3N); echo $i >> /srv/data/lines && sync /srv/data/lines || echo "failed $i"
  e=$(($(date +%s%3N) - s)); [ $e -lt 2000 ] || echo "$e ms for $i"; i=$((i + 1)); echo $i > /run/written
done > /run/writer.log 2>&1
`;

describe('the secrets of a pair under User-Mode Linux', function () {
  this.timeout(15 * MINUTE);
  let pair: UmlPair;
  let socket: string;
  let keys: string;
  let agent: string | undefined;

  before('form a pair', async () => {
    pair = await makeUmlPair(FENCED);
    socket = join(pair.folder, 'agent');
    const { stdout } = await promisify(execFile)('ssh-agent', ['-a', socket]);
    agent = /SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1];
    await promisify(execFile)('ssh-add', ['-q', join(pair.folder, 'id')], {
      env: { ...process.env, SSH_AUTH_SOCK: socket },
    });
    keys = join(pair.folder, 'dist');
    await writeFile(join(pair.folder, 'pair.yaml'), SPEC);
    await writeMedium(join(pair.folder, 'dist'), joinSecret());
    await Promise.all(NODES.map((node) => pair.up(node)));
    await Promise.all(NODES.map(complete));
  });
  after(async () => {
    if (agent !== undefined) process.kill(Number(agent));
    await pair?.down();
  });

  const exec = createExec();
  const mediumOf = async (path: string): Promise<JoinSecret | undefined> => readKeyMedium(exec, path);
  async function writeMedium(dir: string, secret: JoinSecret, cluster: string = CLUSTER): Promise<void> {
    await promisify(execFile)('mkdir', ['-p', dir]);
    await writeKeyMedium(exec, keyMediumPath(dir, cluster), secret);
  }

  /** Standard output of the command as the administrator runs it, beside the nodes; rejects with its words when it fails. */
  async function slipwayRotate(...words: readonly string[]): Promise<string> {
    const root = packageRoot();
    return pair.inside(
      ...['env', `SSH_AUTH_SOCK=${socket}`, process.execPath, '--import', import.meta.resolve('tsx')],
      ...[join(root, 'src/cli.ts'), 'rotate', join(pair.folder, 'pair.yaml'), '--out', keys, ...words],
    );
  }
  const pins = async (): Promise<readonly string[]> => [
    '--ssh',
    ...(await Promise.all(
      NODES.map(async (node) => {
        const said = await pair.ssh(node, 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub');
        return `n${node}=${/SHA256:\S+/.exec(said)?.[0]}`;
      }),
    )),
  ];
  const complete = async (node: NodeNumber): Promise<void> => {
    await pair.ssh(node, 'slipway-agent status --wait || true', 14 * MINUTE);
    assert.equal(await pair.ssh(node, 'cat /var/lib/slipway/status'), `slipway: complete n${node}\n`);
  };
  const both = (line: string): Promise<readonly string[]> =>
    Promise.all(NODES.map((node) => pair.ssh(node, line)));
  const keyIds = async (): Promise<readonly string[]> =>
    (await both('slipway-agent rotate look')).map((line) => JSON.parse(line).keyId);
  const idOf = (secret: JoinSecret | undefined): string =>
    secret === undefined ? 'none' : deriveKeys(secret).id;
  /** Whatever would show that somebody noticed. */
  const traces = (): Promise<readonly string[]> =>
    both(
      "corosync-quorumtool -s | grep 'Ring ID'; crm_mon -1 -A | grep -E 'Started|Promoted'; " +
        "dmesg | grep -c 'conn(' ; journalctl -u corosync | grep -c 'membership' ; systemctl show -P MainPID corosync pacemaker",
    );

  it('are left alone where the command is not right, with one sentence that says why', async () => {
    const old = await both(
      'sha256sum /etc/corosync/authkey /etc/drbd.d/slipway.res /etc/slipway/cluster-keys.json',
    );
    const wrong = `n1=SHA256:${'A'.repeat(43)}`;
    const other = join(pair.folder, 'other');
    await writeMedium(other, joinSecret('blue'), CLUSTER);
    const cases = [
      [await slipwayFailure('--ssh', wrong, 'n2'), 3, /at 10\.77\.0\.11 is not n1: its host key is SHA256:/],
      [await slipwayFailure('--ssh', 'n1'), 1, /--ssh leaves out n2/],
      [await slipwayFailure('--ssh', 'n1', 'n3'), 1, /there is no node 'n3'/],
      [await slipwayFailure('--out', other), 3, /is the key medium of cluster 'blue', not of 'pair'/],
      [await slipwayFailure('--out', pair.folder), 3, /there is no key medium/],
    ] as const;
    for (const [{ code, stderr }, expected, words] of cases) {
      assert.match(stderr, words);
      assert.equal(code, expected, stderr);
      assert.ok(!stderr.includes('    at '), stderr);
    }
    const said = await slipwayRotate(...(await pins()), '--dry-run');
    assert.match(said, new RegExp(`^cluster 'pair': a new join secret\n  n1 uses ${idOf(joinSecret())}\n`));
    assert.deepEqual(
      await both('sha256sum /etc/corosync/authkey /etc/drbd.d/slipway.res /etc/slipway/cluster-keys.json'),
      old,
    );
    await assert.rejects(stat(nextKeyMediumPath(keys, CLUSTER)), /ENOENT/);
  });

  async function slipwayFailure(...words: readonly string[]): Promise<{ code: number; stderr: string }> {
    try {
      assert.fail(await slipwayRotate(...words));
    } catch (error) {
      if (error instanceof Error && 'stderr' in error && 'code' in error)
        return { code: Number(error.code), stderr: String(error.stderr) };
      throw error;
    }
  }

  it('are renewed under a writer, and nobody notices', async () => {
    await writeFile(pair.shared('writer'), WRITER);
    await pair.ssh(1, 'systemd-run --quiet --unit=writer sh /run/share/writer; sleep 2');
    const pinging = pair.ssh(2, `ping -q -i 0.2 -w 100 ${VIP}`, 3 * MINUTE);
    const before = await traces();
    const from = Number(await pair.ssh(1, 'cat /run/written'));
    const began = Date.now();
    const said = await slipwayRotate(...(await pins()));
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    // A key that one side does not have shows when the token is lost.
    await delay(20_000);
    assert.deepEqual(await traces(), before);
    const to = Number(await pair.ssh(1, 'cat /run/written'));
    assert.equal(await pair.ssh(1, 'cat /run/writer.log'), '');
    assert.ok(to > from, 'the writer writes');
    const lost = /(\d+) packets transmitted, (\d+)[^,]* received/.exec(await pinging);
    process.stdout.write(
      `      ${seconds} s, ${to - from} writes, ${lost?.[2]} of ${lost?.[1]} pings answered\n`,
    );
    assert.equal(lost?.[1], lost?.[2]);
    assert.match(said, /the membership and the place of every resource are as before/);
    const now = await mediumOf(keyMediumPath(keys, CLUSTER));
    assert.equal(await mediumOf(nextKeyMediumPath(keys, CLUSTER)), undefined);
    assert.deepEqual(
      await keyIds(),
      NODES.map(() => idOf(now)),
    );
    assert.notEqual(idOf(now), idOf(joinSecret()));
    for (const node of NODES) {
      const again = await pair.ssh(node, 'slipway-agent run 2>&1', 2 * MINUTE);
      const lines = again.split('\n').filter((line) => line !== '' && !line.includes('already-done'));
      assert.deepEqual(lines, [`slipway: complete n${node}`]);
    }
    await pair.ssh(1, 'systemctl stop writer');
  });

  it('are nowhere but where they belong, neither the old ones nor the new ones', async () => {
    const now = await mediumOf(keyMediumPath(keys, CLUSTER));
    assert.ok(now);
    for (const node of NODES) {
      await assertNowhere(pair, node, formsOf(now));
      await assertNowhere(pair, node, formsOf(joinSecret()), { except: '' });
    }
  });

  it('keep out whoever comes with the old ones: corosync and DRBD', async () => {
    const { corosync, replication } = deriveKeys(joinSecret());
    await writeFile(pair.shared('old'), corosync);
    const joined = 'corosync-quorumtool -s -p | grep -cE "^ +[12] +1" || true';
    await pair.ssh(
      2,
      'systemctl stop pacemaker corosync; cp -p /etc/corosync/authkey /run/authkey',
      3 * MINUTE,
    );
    await pair.ssh(
      2,
      'cat /run/share/old > /etc/corosync/authkey; systemctl start corosync; sleep 15',
      MINUTE,
    );
    assert.equal(await pair.ssh(2, joined), '1\n', 'with the old key n2 is alone');
    assert.equal(await pair.ssh(1, joined), '1\n');
    await pair.ssh(
      2,
      'systemctl stop corosync; cp -p /run/authkey /etc/corosync/authkey; systemctl start corosync',
    );
    await pair.ssh(2, `until [ "$(${joined})" = 2 ]; do sleep 1; done`, MINUTE);
    // DRBD as Pacemaker would start it, with the secret it had.
    await pair.ssh(2, 'cp -p /etc/drbd.d/slipway.res /run/slipway.res');
    await pair.ssh(2, `sed -i 's/shared-secret .*/shared-secret "${replication}";/' /etc/drbd.d/slipway.res`);
    await pair.ssh(2, 'drbdadm up slipway; sleep 5; drbdadm down slipway');
    assert.match(await pair.ssh(2, 'dmesg | tail -20'), /Authentication of peer failed/);
    await pair.ssh(2, 'cp -p /run/slipway.res /etc/drbd.d/slipway.res; rm /run/slipway.res /run/authkey');
    await rm(pair.shared('old'));
    await pair.ssh(1, 'drbdadm adjust slipway');
    await pair.ssh(2, 'systemctl start pacemaker');
    await pair.ssh(2, 'slipway-agent run 2>&1', 5 * MINUTE);
    await pair.ssh(1, 'slipway-agent run 2>&1', 5 * MINUTE);
  });

  for (const node of [2, 1] as const) {
    it(`let n${node} join again after a restart`, async () => {
      // Not at once: ssh is to end before the node does.
      await pair.ssh(node, 'systemd-run --quiet --on-active=2s systemctl poweroff');
      while (pair.isOn(node)) await delay(500);
      await pair.up(node);
      await complete(node);
    });
  }

  it('are finished by the next command where a node lost its power while it replaced its keys', async () => {
    const before = await mediumOf(keyMediumPath(keys, CLUSTER));
    const point = 'before writing /etc/pacemaker/authkey';
    await writeFile(pair.shared('n2.stop'), `${point}\n`);
    const failing = slipwayFailure(...(await pins()));
    while ((await readFile(pair.shared('n2.stop'), 'utf8')) !== 'reached\n') await delay(200);
    await pair.cut(2);
    await rm(pair.shared('n2.stop'));
    const { code, stderr } = await failing;
    assert.equal(code, 3, stderr);
    assert.match(stderr, /n2 did not commit: /);
    const next = await mediumOf(nextKeyMediumPath(keys, CLUSTER));
    assert.ok(next);
    assert.deepEqual(await mediumOf(keyMediumPath(keys, CLUSTER)), before, 'the old medium is still there');
    await pair.up(2);
    const waiting = /waiting-operator.*the secrets of the cluster are being renewed/;
    while (!waiting.test(await pair.ssh(2, 'slipway-agent status || true'))) await delay(1000);
    const said = await slipwayRotate(...(await pins()));
    assert.match(
      said,
      new RegExp(`^cluster 'pair': the rotation to the join secret ${idOf(next)} is carried on`),
    );
    assert.deepEqual(await mediumOf(keyMediumPath(keys, CLUSTER)), next);
    assert.deepEqual(
      await keyIds(),
      NODES.map(() => idOf(next)),
    );
    await Promise.all(NODES.map(complete));
    for (const node of NODES) {
      await assertNowhere(pair, node, formsOf(next));
      await assertNowhere(pair, node, before === undefined ? [] : formsOf(before), { except: '' });
    }
  });
});
