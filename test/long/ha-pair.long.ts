/** Two real nodes form a pair by themselves, find nothing to do the second time, and lose nothing with one's power. */
import assert from 'node:assert/strict';
import { joinSecret } from '../helpers/cluster-plan.ts';
import { assertNowhere, formsOf, KEY_FILES } from '../helpers/secret-search.ts';
import { FENCED, makeUmlPair, NODES, type NodeNumber, type UmlPair } from '../helpers/uml-pair.ts';

const MINUTE = 60_000;
const VIP = '10.77.0.100';

describe('an HA pair under User-Mode Linux', function () {
  this.timeout(15 * MINUTE);
  let pair: UmlPair;

  before('build and boot two nodes', async () => {
    pair = await makeUmlPair(FENCED);
    await Promise.all(NODES.map((node) => pair.up(node)));
  });
  after(() => pair?.down());

  /** Waits for the verdict of the run that began with the node, and resolves with everything it said. */
  const verdict = async (node: NodeNumber): Promise<string> => {
    await pair.ssh(node, 'slipway-agent status --wait || true', 14 * MINUTE);
    return pair.ssh(node, 'journalctl -b -u slipway-agent -o cat');
  };
  const bothNodes = <T>(work: (node: NodeNumber) => Promise<T>): Promise<readonly T[]> =>
    Promise.all(NODES.map(work));

  it('forms itself up to complete on both', async () => {
    const said = await bothNodes(verdict);
    for (const node of NODES)
      assert.match(said[node - 1] ?? '', new RegExp(`^slipway: complete n${node}$`, 'm'));
    assert.match(said[0] ?? '', /the service moved to n2 in \d+ s/);
    for (const node of NODES)
      assert.match(await pair.console(node), new RegExp(`^slipway: complete n${node}\r?$`, 'm'));
  });

  it('finds nothing to do the second time, and writes nothing but its journal', async () => {
    // Everything that tells one state of the file systems from another, of which nothing is left out but three folders.
    const snapshot = (node: NodeNumber): Promise<string> =>
      pair.ssh(
        node,
        `sync; find / $(findmnt -n -o TARGET /srv/data) -xdev \\( -path /var/log -o -path /var/lib/pacemaker -o -path /tmp \\) -prune -o -printf '%p %y %m %U %s %i %T@\\n' | sort`,
      );
    const before = await bothNodes(snapshot);
    for (const said of await bothNodes((node) => pair.ssh(node, 'slipway-agent run 2>&1', 2 * MINUTE))) {
      const lines = said.split('\n').filter((line) => line !== '' && !line.includes('already-done'));
      assert.equal(lines.length, 1, said);
    }
    const after = await bothNodes(snapshot);
    for (const node of NODES) {
      const old = new Set(before[node - 1]?.split('\n'));
      const changed = (after[node - 1] ?? '').split('\n').filter((line) => !old.has(line));
      const paths = changed.map((line) => line.split(' ')[0]);
      assert.deepEqual(paths, [
        '/var/lib/slipway',
        '/var/lib/slipway/journal.json',
        '/var/lib/slipway/status',
      ]);
    }
  });

  it('listens at the declared ports and no others', async () => {
    for (const node of NODES) {
      const listening = await pair.ssh(node, 'ss --no-header --listening --numeric --tcp --udp');
      const ports = listening
        .trimEnd()
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .map(([protocol, , , , local = '']) => `${local.replace(/.*:/, '')}/${protocol}`);
      // DRBD listens while it has no connection to take.
      const others = [...new Set(ports)].filter((port) => port !== '7788/tcp').sort();
      assert.deepEqual(others, ['22/tcp', '5405/udp'], listening);
    }
  });

  it('keeps what is secret to root, and says it nowhere', async () => {
    for (const node of NODES) {
      const modes = await pair.ssh(node, `stat -c '%a %U %n' ${KEY_FILES} /etc/slipway/fencing`);
      for (const line of modes.trimEnd().split('\n')) assert.match(line, /^(400|600|700) root /);
      await assertNowhere(pair, node, formsOf(joinSecret()));
    }
  });

  it('has the service on the survivor after a power cut, with all data, and takes the node back', async () => {
    const sum = await pair.ssh(
      1,
      'head -c 5000000 /dev/urandom > /srv/data/r; sync; sha256sum < /srv/data/r',
    );
    await pair.cut(1);
    const took = `for i in $(seq 300); do ip -4 -o addr | grep -q ${VIP}/ && break; sleep 1; done; sha256sum < /srv/data/r`;
    assert.equal(await pair.ssh(2, took, 6 * MINUTE), sum);
    assert.deepEqual(pair.powerSwitch.log, ['reboot n1']);
    await pair.up(1);
    // Pacemaker brings the node back by itself; the agent says when all of it is true again.
    assert.match(await verdict(1), /^slipway: complete n1$/m);
    assert.match(
      await pair.ssh(1, 'drbdsetup status slipway --verbose'),
      /disk:UpToDate[\s\S]*peer-disk:UpToDate/,
    );
  });
});
