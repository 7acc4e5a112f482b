import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../src/host/package-root.ts';
import { type LabEngine, type LabWishes, planBareLab, planLab } from '../../src/lab/lab-plan.ts';
import { networkCommands, udhcpdConfig } from '../../src/lab/network.ts';
import { makePlan } from '../../src/plan/plan.ts';
import type { InterfacePlan, NodePlan, Plan } from '../../src/plan/types.ts';
import { loadSpec } from '../../src/spec/load.ts';

const QEMU: LabEngine = { kind: 'qemu', acceleration: 'tcg', iso: '/d/ha.iso' };
const UML: Extract<LabEngine, { kind: 'uml' }> = {
  kind: 'uml',
  images: { initrd: '/c/initrd', modules: '/c/modules' },
  squashfs: '/c/base.squashfs',
};
const WISHES: LabWishes = {
  dir: '/lab',
  publicKey: 'ssh-ed25519 AAAA lab\n',
  firmware: 'bios',
  screen: false,
  volumes: [],
  cpus: 2,
  atOnce: 2,
};

describe('the plan of a lab', () => {
  let pair: Plan;

  before(async () => {
    const file = join(packageRoot(), 'examples', 'ha-pair.yaml');
    pair = makePlan((await loadSpec(file)).spec, dirname(file));
  });

  const withNodes = (change: (node: NodePlan) => Partial<NodePlan>): Plan => ({
    ...pair,
    nodes: pair.nodes.map((node) => ({ ...node, ...change(node) })),
  });
  const withInterface = (change: Partial<InterfacePlan>): Plan =>
    withNodes(({ interfaces }) => ({ interfaces: interfaces.map((each) => ({ ...each, ...change })) }));

  it('gives each node the disks and the cards of the spec, and a key of the boot menu', () => {
    const { nodes, name } = planLab(pair, QEMU, WISHES);
    assert.equal(name, 'ha-pair');
    assert.deepEqual(
      nodes.map(({ machine, ...node }) => ({
        ...node,
        cards: machine.nics,
        disks: machine.disks.map(({ file, bus, serial }) => `${file} ${bus} ${serial}`),
      })),
      ['a', 'b'].map((letter, i) => ({
        name: `node-${letter}`,
        address: `10.10.0.1${i + 1}`,
        install: { hotkey: String(i + 1), halts: false },
        diskMiB: [7168, 7168],
        cards: [{ mac: `52:54:00:10:00:0${letter}`, tap: `tap${i}` }],
        disks: [1, 2].map((n) => `/lab/node-${letter}/disk${n}.raw virtio LAB0000${n}`),
      })),
    );
  });

  it('takes the first nodes only when asked for some', () => {
    const names = planLab(pair, QEMU, { ...WISHES, nodes: 1 }).nodes.map(({ name }) => name);
    assert.deepEqual(names, ['node-a']);
  });

  it('knows nodes whose installation ends with a halt', () => {
    const halting = withNodes(() => ({ afterInstall: 'halt' }));
    assert.deepEqual(planLab(halting, QEMU, WISHES).nodes[0]?.install, { hotkey: '1', halts: true });
  });

  it('refuses a node for which the boot menu has no key', () => {
    const tenth = withNodes(({ index }) => ({ index: index + 9 }));
    assert.throws(() => planLab(tenth, QEMU, WISHES), /node-a is node 10, and the boot menu has keys for 9/);
  });

  it('refuses disks from which the firmware could not start what it installs', () => {
    const uefi: LabWishes = { ...WISHES, bus: 'pvscsi', firmware: 'uefi' };
    assert.throws(() => planLab(pair, QEMU, uefi), /ovmf cannot start from disks on pvscsi/);
    assert.equal(planLab(pair, QEMU, { ...uefi, firmware: 'bios' }).nodes.length, 2);
  });

  it('answers for the gateway of the nodes', () => {
    assert.deepEqual(planLab(pair, QEMU, WISHES).network, {
      own: [{ address: '10.10.0.1/24' }],
      taps: ['tap0', 'tap1'],
      leases: [],
    });
  });

  it('takes the highest address of a subnet that no node has where there is no gateway', () => {
    const plan = withNodes(({ interfaces: [first], rank }) => ({
      interfaces: first === undefined ? [] : [{ name: 'lan', address: `10.0.0.${6 - rank}/29` }],
    }));
    assert.deepEqual(planLab(plan, QEMU, WISHES).network.own, [{ address: '10.0.0.4/29' }]);
  });

  it('leaves a full subnet to its nodes', () => {
    const plan = withNodes(({ rank }) => ({
      interfaces: [{ name: 'lan', address: `10.0.0.${rank + 1}/30` }],
    }));
    assert.deepEqual(planLab(plan, QEMU, WISHES).network.own, []);
  });

  it('reaches nodes on a VLAN over the same VLAN, and bare systems without one', () => {
    const plan = withInterface({ vlan: 7, gateway: '10.10.0.1' });
    const own = [{ address: '10.10.0.1/24', vlan: 7 }];
    assert.deepEqual(planLab(plan, QEMU, WISHES).network.own, own);
    assert.deepEqual(planLab(plan, UML, WISHES).network.own, [{ address: '10.10.0.1/24' }]);
  });

  it('gives a bond all its cards', () => {
    const [node] = pair.nodes;
    assert.ok(node !== undefined);
    const macs = ['52:54:00:00:00:01', '52:54:00:00:00:02'];
    const plan: Plan = {
      ...pair,
      nodes: [
        {
          ...node,
          interfaces: [{ name: 'lan', address: '10.0.0.1/24', bond: { mode: 'active-backup', macs } }],
        },
      ],
    };
    const [machine] = planLab(plan, QEMU, WISHES).nodes.map((each) => each.machine);
    assert.deepEqual(machine?.nics, [
      { mac: macs[0], tap: 'tap0' },
      { mac: macs[1], tap: 'tap1' },
    ]);
  });

  it('gives addresses to cards that ask, to others none, and asks nobody else', () => {
    const plan = withNodes(({ rank, interfaces }) => ({
      interfaces: rank === 0 ? [{ name: 'lan', mac: '52:54:00:00:00:01', address: 'dhcp' }] : interfaces,
    }));
    const { network, nodes } = planLab(plan, QEMU, WISHES);
    assert.deepEqual(network.leases, [{ mac: '52:54:00:00:00:01', address: '10.77.77.100' }]);
    assert.deepEqual(network.own, [{ address: '10.10.0.1/24' }, { address: '10.77.77.1/24' }]);
    assert.equal(nodes[0]?.address, '10.77.77.100');
    assert.match(udhcpdConfig(network, '/s'), /^static_lease 52:54:00:00:00:01 10\.77\.77\.100$/m);
  });

  it('hands the login key to an installed node through its mainboard, and the ISO knows nothing of it', () => {
    const [node] = planLab(pair, QEMU, WISHES).nodes;
    const [text = ''] = node?.machine.oemStrings ?? [];
    const [name, value = ''] = text.split('=');
    assert.equal(name, 'io.systemd.credential.binary:tmpfiles.extra');
    const lines = Buffer.from(value, 'base64').toString().split('\n');
    assert.ok(lines.includes('f+ /root/.ssh/authorized_keys2 0600 root root - ssh-ed25519 AAAA lab'), text);
  });

  it('seeds bare systems with name, addresses of all, and the key', () => {
    const { nodes, name } = planBareLab(3, UML, WISHES);
    assert.equal(name, 'bare');
    assert.deepEqual(
      nodes.map((node) => `${node.name} ${node.address} ${node.install}`),
      [1, 2, 3].map((n) => `node-${n} 10.77.0.1${n} undefined`),
    );
    const root = nodes[1]?.machine.root;
    assert.ok(root?.kind === 'overlay');
    const file = (path: string): string | undefined => root.seed.find((each) => each.path === path)?.content;
    assert.equal(file('etc/hostname'), 'node-2\n');
    assert.match(file('etc/hosts') ?? '', /^10\.77\.0\.13 node-3$/m);
    assert.match(
      file('etc/systemd/network/10-lab-0.network') ?? '',
      /MACAddress=52:54:00:77:00:02\n\n\[Network\]\nAddress=10\.77\.0\.12\/24\n/,
    );
    assert.equal(file('root/.ssh/authorized_keys2'), 'ssh-ed25519 AAAA lab\n');
    assert.equal(new Set(nodes.map(({ machine }) => machine.nics[0]?.mac)).size, 3);
  });

  it('makes the bridge before what hangs on it', () => {
    const commands = networkCommands({
      own: [{ address: '10.0.0.1/24', vlan: 7 }],
      taps: ['tap0'],
      leases: [],
    });
    assert.deepEqual(
      commands.map(({ file, args }) => [file, ...args].join(' ')),
      [
        'ip link set lo up',
        'ip link add slipway0 type bridge',
        'ip link set slipway0 up',
        'ip link add link slipway0 name slipway0.7 type vlan id 7',
        'ip link set slipway0.7 up',
        'ip address add 10.0.0.1/24 dev slipway0.7',
        'ip tuntap add tap0 mode tap',
        'ip link set tap0 master slipway0',
        'ip link set tap0 up',
      ],
    );
  });
});
