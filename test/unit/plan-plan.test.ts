import assert from 'node:assert/strict';
import { join } from 'node:path';
import { canonicalJson, hashOf } from '../../src/plan/hash.ts';
import { makePlan } from '../../src/plan/plan.ts';
import type { Plan } from '../../src/plan/types.ts';
import { loadSpec } from '../../src/spec/load.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');

async function planOf(name: string): Promise<Plan> {
  return makePlan((await loadSpec(join(EXAMPLES, `${name}.yaml`))).spec, EXAMPLES);
}

describe('the plan of ha-pair', () => {
  it('ranks the two nodes and tells each of both', async () => {
    const { nodes } = await planOf('ha-pair');
    const hosts = [
      { name: 'node-a', address: '10.10.0.11' },
      { name: 'node-b', address: '10.10.0.12' },
    ];
    assert.deepEqual(
      nodes.map(({ name, index, role, rank }) => ({ name, index, role, rank })),
      [
        { name: 'node-a', index: 0, role: 'ha-pair', rank: 0 },
        { name: 'node-b', index: 1, role: 'ha-pair', rank: 1 },
      ],
    );
    for (const node of nodes) assert.deepEqual(node.hosts, hosts);
  });

  it('asks for exactly two disks and lets none be wiped', async () => {
    for (const { disks } of (await planOf('ha-pair')).nodes) {
      assert.deepEqual(disks, { kind: 'matching', count: 2, match: { minSizeMiB: 7168 }, wipe: false });
    }
  });

  it('boots from disk unless told otherwise', async () => {
    const { media, stepsDir } = await planOf('ha-pair');
    assert.deepEqual(media, { volumeId: 'HA_PAIR', default: 'disk', timeoutSeconds: 60 });
    assert.equal(stepsDir, join(EXAMPLES, 'steps'));
  });
});

describe('every example', () => {
  for (const name of ['ha-pair', 'standalone-raid1', 'one-disk']) {
    it(`${name} fits disks of 8 GiB and holds no secret`, async () => {
      for (const { layout, access } of (await planOf(name)).nodes) {
        assert.ok(layout.minimumDiskMiB <= 8 * 1024, `${layout.minimumDiskMiB} MiB`);
        assert.deepEqual(access, { sshKeys: [] });
      }
    });
  }
});

describe("a plan's hash", () => {
  it('covers everything but itself and the place of the steps', async () => {
    const { hash, stepsDir, ...content } = await planOf('ha-pair');
    assert.equal(hash, hashOf(content));
    const { spec } = await loadSpec(join(EXAMPLES, 'ha-pair.yaml'));
    assert.equal(makePlan(spec, '/elsewhere').hash, hash);
    assert.notEqual(makePlan({ ...spec, keyboard: 'de' }, EXAMPLES).hash, hash);
    assert.ok(stepsDir !== undefined);
  });

  it('does not depend on the order of keys', () => {
    assert.equal(hashOf({ a: 1, b: [{ c: 2, d: undefined }] }), hashOf({ b: [{ c: 2 }], a: 1 }));
    assert.notEqual(hashOf([1, 2]), hashOf([2, 1]));
    assert.equal(canonicalJson({ b: null, a: 'x' }), '{"a":"x","b":null}');
  });
});

describe('disks by identity', () => {
  it('keep their order, their kind and their own leave to wipe', async () => {
    const { spec } = await loadSpec(join(EXAMPLES, 'one-disk.yaml'));
    const [node] = spec.nodes;
    assert.ok(node !== undefined);
    const disks = [{ wwn: '0x5000c500a1b2c3d4', wipe: true }];
    assert.deepEqual(makePlan({ ...spec, nodes: [{ ...node, disks }] }, EXAMPLES).nodes[0]?.disks, {
      kind: 'identified',
      disks: [{ by: 'wwn', value: '0x5000c500a1b2c3d4', wipe: true }],
    });
  });
});
