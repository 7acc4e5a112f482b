/** Three real nodes without common data form a cluster of the role `cluster`, and lose one of them. */
import assert from 'node:assert/strict';
import type { HaPlan } from '../../src/plan/types.ts';
import { HA, member } from '../helpers/cluster-plan.ts';
import { fenced, makeUmlPair, type NodeNumber, type UmlPair } from '../helpers/uml-pair.ts';

const MINUTE = 60_000;
const NODES: readonly NodeNumber[] = [1, 2, 3];
const VIP = '10.77.0.100';

const { replication: _, ...WITHOUT_DATA } = HA;
const THREE: HaPlan = fenced({ ...WITHOUT_DATA, members: NODES.map(member) });

describe('a cluster of three nodes under User-Mode Linux', function () {
  this.timeout(15 * MINUTE);
  let cluster: UmlPair;

  before('build and boot three nodes', async () => {
    cluster = await makeUmlPair(THREE);
    await Promise.all(NODES.map((node) => cluster.up(node)));
  });
  after(() => cluster?.down());

  /** Who has the service's address. */
  const holders = async (nodes: readonly NodeNumber[]): Promise<readonly NodeNumber[]> => {
    const held = await Promise.all(
      nodes.map((node) => cluster.ssh(node, `ip -4 -oneline address | grep -c ' ${VIP}/' || true`)),
    );
    return nodes.filter((_node, i) => held[i] === '1\n');
  };

  it('forms itself up to complete on all of them', async () => {
    await Promise.all(
      NODES.map((node) => cluster.ssh(node, 'slipway-agent status --wait || true', 14 * MINUTE)),
    );
    for (const node of NODES)
      assert.match(await cluster.console(node), new RegExp(`^slipway: complete n${node}\r?$`, 'm'));
    assert.equal((await holders(NODES)).length, 1);
    assert.match(await cluster.ssh(2, 'corosync-quorumtool -s || true'), /Total votes:\s+3\n[\s\S]*Quorate/);
  });

  it('finds nothing to do the second time', async () => {
    for (const node of NODES) {
      const said = await cluster.ssh(node, 'slipway-agent run 2>&1', 2 * MINUTE);
      const lines = said.split('\n').filter((line) => line !== '' && !line.includes('already-done'));
      assert.deepEqual(lines, [`slipway: complete n${node}`]);
    }
  });

  it('goes on with two nodes when the one that serves loses its power, and takes it back', async () => {
    const [lost = 0] = await holders(NODES);
    const others = NODES.filter((node) => node !== lost);
    cluster.powerSwitch.log.length = 0;
    await cluster.cut(lost);
    const until = Date.now() + 3 * MINUTE;
    while ((await holders(others)).length === 0)
      assert.ok(Date.now() < until, 'nobody took the address over');
    assert.deepEqual(cluster.powerSwitch.log, [`reboot n${lost}`]);
    await cluster.up(lost);
    await cluster.ssh(lost, 'slipway-agent status --wait', 10 * MINUTE);
    assert.equal((await holders(NODES)).length, 1);
  });
});
