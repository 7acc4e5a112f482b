import assert from 'node:assert/strict';
import { memberAddresses, memberPorts, planHa } from '../../src/plan/ha.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { planTable } from '../../src/plan/table.ts';
import { checkSpecText } from '../../src/spec/load.ts';
import type { ClusterSpec } from '../../src/spec/schema.ts';

const NAMES = ['node-a', 'node-b', 'node-c', 'node-d'];

/** A spec of `count` nodes, each with a LAN and a link of its own; `use` stands at the link. */
function specOf(role: string, count: number, ha: string, { use = '', volume = '' } = {}): ClusterSpec {
  const nodes = NAMES.slice(0, count).map(
    (name, i) => `  - name: ${name}
    role: ${role}
    layout: disk
    interfaces:
      - { name: lan, mac: '52:54:00:10:00:0${i}', address: 10.10.0.1${i}/24 }
      - { name: link, mac: '52:54:00:10:01:0${i}', address: 10.20.0.1${i}/24${use} }
    disks: { count: 1 }
`,
  );
  const text = `slipway: 1
cluster: demo
nodes:
${nodes.join('')}layouts:
  disk:
    kind: single
    volumes:
      - { role: esp, size: 600 MiB }
      - { role: boot, size: 1 GiB }
      - { role: root, size: 3 GiB }
${volume}ha:
${ha}`;
  const { spec, problems } = checkSpecText(text, 'cluster.yaml');
  assert.deepEqual(problems, []);
  return spec ?? assert.fail('no spec');
}

const CLUSTERED = '      - { role: clustered, size: rest, fileSystem: xfs, mount: /data }\n';
const NONE = '  fencing: none, I accept split brain\n';

describe('the table of a plan', () => {
  it('tells what the nodes do together, once for all of them', () => {
    const spec = specOf('ha-pair', 2, `${NONE}  vip: 10.10.0.100/24\n  services: [nginx.service]\n`, {
      volume: CLUSTERED,
    });
    const paragraphs = planTable(makePlan(spec, '/')).split('\n\n');
    assert.equal(
      paragraphs.at(-1),
      `together: node-a (10.10.0.10), node-b (10.10.0.11)
  data: xfs at /data, replicated 10.10.0.10 ↔ 10.10.0.11
  services: nginx.service
  address of the service: 10.10.0.100/24
  fencing: none, "I accept split brain"`,
    );
    const fenced = specOf('cluster', 3, '  fencing: { disks: [/dev/disk/by-id/shared] }\n');
    assert.match(
      planTable(makePlan(fenced, '/')),
      /\n {2}fencing: sbd on \/dev\/disk\/by-id\/shared with \/dev\/watchdog$/,
    );
  });
});

describe('the plan of a cluster', () => {
  it('is the same for both nodes of a pair, and replicates their clustered volume', () => {
    const spec = specOf('ha-pair', 2, `${NONE}  vip: 10.10.0.100/24\n  services: [nginx.service]\n`, {
      volume: CLUSTERED,
    });
    const [a, b] = makePlan(spec, '/').nodes;
    assert.deepEqual(a?.ha, b?.ha);
    assert.deepEqual(a?.ha, {
      members: [
        { name: 'node-a', id: 1, links: ['10.10.0.10'], replication: '10.10.0.10' },
        { name: 'node-b', id: 2, links: ['10.10.0.11'], replication: '10.10.0.11' },
      ],
      replication: { resource: 'slipway', port: 7788, fileSystem: 'xfs', mountPoint: '/data' },
      fencing: { kind: 'none', accepted: 'I accept split brain' },
      vip: { address: '10.10.0.100', prefixLength: 24 },
      services: ['nginx.service'],
    });
    // The node itself never mounts what the cluster does.
    const volume = a?.layout.volumes.find(({ role }) => role === 'clustered');
    assert.deepEqual([volume?.fileSystem, volume?.mountPoint], [undefined, undefined]);
  });

  it('takes the interfaces that say what they are for, each use by itself', () => {
    const links = (use: string) =>
      planHa(specOf('ha-pair', 2, NONE, { volume: CLUSTERED, use: `, use: ${use}` }))?.members[0];
    assert.deepEqual(links('[replication]'), {
      ...{ name: 'node-a', id: 1 },
      ...{ links: ['10.10.0.10'], replication: '10.20.0.10' },
    });
    assert.deepEqual(links('[cluster, replication]')?.links, ['10.20.0.10']);
  });

  it('replicates nothing for more than two, and says so in the ports that are let in', () => {
    const ha = planHa(specOf('cluster', 4, NONE)) ?? assert.fail('no cluster');
    assert.deepEqual(
      ha.members.map(({ id }) => id),
      [1, 2, 3, 4],
    );
    assert.equal(ha.replication, undefined);
    assert.deepEqual(memberPorts(ha), ['7787/tcp', '5405/udp']);
    assert.equal(memberAddresses(ha).length, 4);
  });

  it('lets in what each of two links of corosync takes', () => {
    const spec = specOf('cluster', 3, NONE, { use: ', use: [cluster]' });
    const both = {
      ...spec,
      nodes: spec.nodes.map((node) => ({
        ...node,
        interfaces: node.interfaces.map((face) => ({ ...face, use: ['cluster' as const] })),
      })),
    };
    const ha = planHa(both) ?? assert.fail('no cluster');
    assert.deepEqual(memberPorts(ha), ['7787/tcp', '5405/udp', '5406/udp']);
    assert.equal(memberAddresses(ha).length, 6);
  });

  it('names the devices that fence, without their passwords, or the shared disks', () => {
    const fencing = (ha: string) => planHa(specOf('ha-pair', 2, ha, { volume: CLUSTERED }))?.fencing;
    assert.deepEqual(
      fencing(`  fencing:
    - { node: node-a, kind: ipmi, address: 10.9.0.1, user: fence }
    - { node: node-b, kind: lab-switch, address: 'http://10.9.0.1:8100', plug: two }
`),
      {
        kind: 'devices',
        devices: [
          { node: 'node-a', kind: 'ipmi', address: '10.9.0.1', user: 'fence' },
          { node: 'node-b', kind: 'lab-switch', address: 'http://10.9.0.1:8100', plug: 'two' },
        ],
      },
    );
    assert.deepEqual(fencing('  fencing: { disks: [/dev/disk/by-id/shared] }\n'), {
      kind: 'sbd',
      watchdog: '/dev/watchdog',
      disks: ['/dev/disk/by-id/shared'],
    });
  });
});
