/**
 * Two nodes in memory with as much of DRBD, Corosync and Pacemaker as a formation touches. A node can lose its power: what
 * runs is gone, what was written stays.
 */
import type { PeerLink } from '../../postinstall/cluster/peer-link.ts';
import { strangeness } from '../../postinstall/cluster/peer-protocol.ts';
import type { Command, CommandResult } from '../../src/engine/command.ts';
import { StepFailure } from '../../src/engine/failure.ts';
import type { HaPlan } from '../../src/plan/types.ts';
import { HA, joinSecret, memberPlan } from './cluster-plan.ts';
import { COROSYNC_PROGRAMS, keyOf } from './fake-corosync.ts';
import { DISK, DRBD_PROGRAMS, settle } from './fake-drbd.ts';
import { type FakeCommand, type FakeMachine, fakeMachine } from './fake-machine.ts';
import { type FakeNode, type FakePair, type FakePrograms, failing, nodeOf } from './fake-nodes.ts';
import { EMPTY_CIB, PACEMAKER_PROGRAMS } from './fake-pacemaker.ts';

const TIME = Date.parse('2026-01-02T03:04:05Z');
const MEDIUM = '/dev/disk/by-label/SLIPWAYKEY';
const MOUNTED_KEY = '/run/slipway/key/join-secret.json';

/** Those of the operating system. */
const SYSTEM_PROGRAMS: FakePrograms = {
  mkdir: () => '',
  chmod: (_, { machine }, { args: [mode = '', ...paths] }) => {
    for (const path of paths) machine.modes.set(path, Number.parseInt(mode, 8));
    return '';
  },
  chown: () => '',
  date: (_, node, { args: [verb, time = ''] }) => {
    if (verb === '--set') node.skew = Number(time.slice(1)) * 1000 - TIME;
    return `${Math.round(TIME + node.skew)}\n`;
  },
  mount: (_, { machine }) => {
    machine.files.set(MOUNTED_KEY, machine.files.get('/key') ?? '');
    return '';
  },
  umount: (_, { machine }) => {
    machine.files.delete(MOUNTED_KEY);
    return '';
  },
  shred: (_, { machine }, { args }) => {
    machine.files.delete(args.at(-1) ?? '');
    return '';
  },
  'ssh-keygen': () => '256 SHA256:abc root@n1 (ED25519)\n',
  ip: (_, { name, facts }) => {
    const local = facts.plan.hosts.find((host) => host.name === name)?.address;
    const address = { family: 'inet', local, prefixlen: 24, scope: 'global' };
    return JSON.stringify([{ ifname: 'vec0', link_type: 'ether', addr_info: [address] }]);
  },
  ping: ({ service, strangers }, _, { args }) =>
    service !== undefined || strangers.includes(args.at(-1) ?? '') ? '' : failing(1),
  systemctl: (_, node, { args: [verb = '', ...units] }) => systemctl(node, verb, units),
  journalctl: () => 'the reason\n',
};

function systemctl(node: FakeNode, verb: string, units: readonly string[]): string | Partial<CommandResult> {
  const { run } = node;
  const [unit = ''] = units;
  switch (verb) {
    case 'is-active': {
      const state = run.failed.includes(unit) ? 'failed' : run.units.includes(unit) ? 'active' : 'inactive';
      return failing(state === 'active' ? 0 : 3, '', `${state}\n`);
    }
    case 'is-enabled': {
      const words = units.map((one) => (node.enabled.includes(one) ? 'enabled' : 'disabled'));
      return failing(words.includes('disabled') ? 1 : 0, '', `${words.join('\n')}\n`);
    }
    case 'start':
      run.units = [...new Set([...run.units, unit])];
      if (unit === 'corosync.service') run.key = keyOf(node);
      return '';
    case 'add-wants':
      node.enabled = [...new Set([...node.enabled, ...units.slice(1)])];
      return '';
    default:
      return failing(1, `unknown verb ${verb}`);
  }
}

const PROGRAMS: FakePrograms = {
  ...SYSTEM_PROGRAMS,
  ...DRBD_PROGRAMS,
  ...COROSYNC_PROGRAMS,
  ...PACEMAKER_PROGRAMS,
};

/** Two nodes that are installed and switched on; `secrets` are the words their join secrets are made of. */
export function fakePair(ha: HaPlan = HA, secrets: readonly [string, string] = ['test', 'test']): FakePair {
  const overrides = new Map<string, FakeCommand>();
  const commandsOf = (name: string): Record<string, FakeCommand> =>
    Object.fromEntries(
      Object.entries(PROGRAMS).map(([program, run]) => [
        program,
        (command: Command, machine: FakeMachine) =>
          overrides.get(`${name} ${program}`)?.(command, machine) ?? run(pair, nodeOf(pair, name), command),
      ]),
    );
  const make = (name: string, word: string): FakeNode => ({
    name,
    machine: takingTurns(
      fakeMachine({
        commands: commandsOf(name),
        files: {
          '/etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
          '/usr/sbin/corosync': '',
          '/usr/sbin/pacemakerd': '',
          '/usr/sbin/cibadmin': '',
          '/usr/sbin/crm_mon': '',
          '/usr/sbin/drbdadm': '',
          '/usr/sbin/drbdsetup': '',
          '/usr/bin/fuser': '',
          '/proc/self/mounts': '/dev/sda2 / ext4 rw 0 0\n',
          [DISK]: Buffer.alloc(8192),
          [MEDIUM]: '',
          '/key': JSON.stringify(joinSecret('pair', word, fenceWords(ha))),
        },
      }),
    ),
    facts: { plan: memberPlan(name, ha), builtAt: 0, peers: peersOf(name) },
    disk: { fileSystem: false, strangeData: false },
    enabled: [],
    skew: 0,
    run: { units: [], failed: [] },
  });

  const peersOf = (name: string): PeerLink => ({
    async listen(_, identity, answers) {
      nodeOf(pair, name).run.listens = { identity, answers };
    },
    async ask(identity, peer, question) {
      const other = nodeOf(pair, peer.name);
      const { listens } = other.run;
      if (listens === undefined || !pair.linked)
        throw new StepFailure('waiting-peer', `${peer.name} does not answer at ${peer.address}`);
      const strange = strangeness(identity, { ...listens.identity, from: peer.name });
      if (strange !== undefined) throw new StepFailure('refused-foreign-data', strange);
      return listens.answers(other.machine)(question, identity.name);
    },
  });

  const pair: FakePair = {
    nodes: [make('n1', secrets[0]), make('n2', secrets[1])],
    cib: EMPTY_CIB,
    service: undefined,
    strangers: [],
    dangerous: [],
    linked: true,
    ring: 0,
    membership: '',
    cut(node) {
      node.run = {
        units: node.enabled.filter((unit) => unit !== 'drbd.service'),
        failed: [],
        key: keyOf(node),
      };
      node.machine.files.delete('/sys/module/drbd/version');
      for (const path of node.machine.files.keys())
        if (path.startsWith('/run/')) node.machine.files.delete(path);
      if (pair.service === node.name) pair.service = undefined;
      settle(pair);
    },
    override: (name, program, command) => void overrides.set(`${name} ${program}`, command),
  };
  return pair;
}

/** Nodes that wait for each other take turns, and a test that waits for ever can be ended. */
function takingTurns(machine: FakeMachine): FakeMachine {
  machine.sleep = async (ms) => {
    machine.clock += ms;
    await new Promise((resolve) => setImmediate(resolve));
  };
  return machine;
}

const fenceWords = ({ fencing }: HaPlan): Record<string, string> =>
  fencing.kind === 'devices'
    ? Object.fromEntries(fencing.devices.map(({ node }) => [node, 'word-of-the-device']))
    : {};
