/** Two real nodes form a pair by themselves, find nothing to do the second time, and lose nothing with one's power. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeUmlPair, type UmlPair } from '../helpers/uml-pair.ts';

const MINUTE = 60_000;
const NODES = [1, 2] as const;

describe('an HA pair under User-Mode Linux', function () {
  this.timeout(30 * MINUTE);
  let folder: string;
  let pair: UmlPair;

  before('build and boot two nodes', async () => {
    folder = await mkdtemp(join(tmpdir(), 'slipway-pair-'));
    pair = await makeUmlPair(folder);
    await Promise.all(NODES.map((node) => pair.up(node)));
  });
  after(async () => {
    await pair?.down();
    await rm(folder, { recursive: true, force: true });
  });

  const agent = (node: 1 | 2): Promise<string> => pair.ssh(node, 'slipway-agent run 2>&1', 25 * MINUTE);

  it('forms itself up to complete on both', async () => {
    const said = await Promise.all(NODES.map(agent));
    for (const node of NODES)
      assert.match(said[node - 1] ?? '', new RegExp(`^slipway: complete n${node}$`, 'm'));
    assert.match(said[0] ?? '', /the service moved to n2 in \d+ s/);
  });

  it('finds nothing to do the second time, and writes nothing but its journal', async () => {
    await Promise.all(NODES.map((node) => pair.ssh(node, 'sync; sleep 1; touch /run/mark; sleep 1')));
    for (const said of await Promise.all(NODES.map(agent))) {
      const lines = said.split('\n').filter((line) => line !== '' && !line.includes('already-done'));
      assert.equal(lines.length, 1, said);
    }
    for (const node of NODES) {
      const files = await pair.ssh(node, 'find /etc /usr /var /srv /root -xdev -newer /run/mark -type f');
      const own = files
        .split('\n')
        .filter(
          (path) => path !== '' && !path.startsWith('/var/log/') && !path.startsWith('/var/lib/pacemaker/'),
        );
      assert.deepEqual(own, ['/var/lib/slipway/journal.json', '/var/lib/slipway/status']);
    }
  });

  it('holds no secret where others can read it', async () => {
    for (const node of NODES) {
      const modes = await pair.ssh(
        node,
        'stat -c "%a %U %n" /etc/corosync/authkey /etc/pacemaker/authkey /etc/slipway/cluster-keys.json /etc/drbd.d/*.res',
      );
      for (const line of modes.trimEnd().split('\n')) assert.match(line, /^[46]00 root /);
      const secret = `sed -n 's/.*"replication": "\\(.*\\)",/\\1/p' /etc/slipway/cluster-keys.json`;
      const logs = `s=$(${secret}); [ -n "$s" ]; journalctl -b -o cat | grep -c "$s"; grep -rlF "$s" /var/lib/slipway /var/log --exclude-dir=journal | wc -l`;
      assert.deepEqual((await pair.ssh(node, `${logs}; true`)).trim().split('\n'), ['0', '0']);
    }
  });

  it('has the service on the survivor after a power cut, with all data, and takes the node back', async () => {
    const sum = await pair.ssh(
      1,
      'head -c 5000000 /dev/urandom > /srv/data/r; sync; sha256sum < /srv/data/r',
    );
    await pair.cut(1);
    const took = `for i in $(seq 300); do ip -4 -o addr | grep -q 10.77.0.100/ && break; sleep 1; done; sha256sum < /srv/data/r`;
    assert.equal(await pair.ssh(2, took, 6 * MINUTE), sum);
    await pair.up(1);
    // Pacemaker brings the node back by itself; the agent says when all of it is true again.
    assert.match(await agent(1), /^slipway: complete n1$/m);
    await delay(1000);
    assert.match(
      await pair.ssh(1, 'drbdsetup status slipway --verbose'),
      /disk:UpToDate[\s\S]*peer-disk:UpToDate/,
    );
  });
});
