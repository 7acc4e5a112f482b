/**
 * Two nodes in memory with as much of DRBD 8.4, corosync and Pacemaker as a formation touches. What they print was
 * recorded from drbd-utils 9.22, corosync 3.1.7 and Pacemaker 2.1.5. A node can lose its power: what runs is gone, what
 * was written stays.
 */
import type { NodeFacts } from '../../postinstall/agent-step.ts';
import { REPLICATED_DEVICE } from '../../postinstall/cluster/members.ts';
import type { Identity, PeerLink } from '../../postinstall/cluster/peer-link.ts';
import { strangeness } from '../../postinstall/cluster/peer-protocol.ts';
import { allOf, parseXml } from '../../postinstall/cluster/xml.ts';
import type { Command, CommandResult } from '../../src/engine/command.ts';
import { StepFailure } from '../../src/engine/failure.ts';
import type { HaPlan } from '../../src/plan/types.ts';
import { HA, joinSecret, memberPlan } from './cluster-plan.ts';
import { type FakeCommand, type FakeMachine, fakeMachine } from './fake-machine.ts';

export const DISK = '/dev/disk/by-partlabel/slipway-clustered';
export const JUST_MADE = '0000000000000004';
const TIME = Date.parse('2026-01-02T03:04:05Z');
const FIRST_DATA = 'A5B41C8E27D60F93';
const MEDIUM = '/dev/disk/by-label/SLIPWAYKEY';

export interface FakeNode {
  readonly name: string;
  readonly machine: FakeMachine;
  readonly facts: NodeFacts;
  /** What outlives a power cut beside the files. */
  readonly disk: { generation?: string; fileSystem: boolean; strangeData: boolean };
  enabled: string[];
  /** Milliseconds the clock that date(1) shows is wrong by. It stands still: nodes here wait without time passing. */
  skew: number;
  /** What runs. */
  run: {
    drbd?: {
      connected: boolean;
      standAlone: boolean;
      primary: boolean;
      attached: boolean;
      /** What DRBD proves itself with when it connects. */
      secret: string;
    };
    /** What corosync encrypts with. */
    key?: string;
    units: string[];
    failed: string[];
    listens?: { identity: Identity; answers: Parameters<PeerLink['listen']>[2] };
  };
}

export interface FakePair {
  readonly nodes: readonly [FakeNode, FakeNode];
  /** The configuration all nodes share, and where the service is. */
  cib: string;
  service: string | undefined;
  /** Who answers a ping beside the service. */
  strangers: string[];
  /** Times `primary --force` and `create-md` were run, and by whom. */
  readonly dangerous: string[];
  /** The link between the nodes. */
  linked: boolean;
  /** corosync’s count of memberships. */
  ring: number;
  /** Takes what runs on a node away, as a power cut does. */
  cut(node: FakeNode): void;
  /** Replaces what a program of one node does. */
  override(name: string, program: string, command: FakeCommand): void;
}

const EMPTY_CIB =
  '<cib epoch="1" num_updates="0" admin_epoch="0"><configuration><crm_config><cluster_property_set id="cib-bootstrap-options">' +
  '<nvpair id="cib-bootstrap-options-dc-version" name="dc-version" value="2.1.5"/></cluster_property_set></crm_config>' +
  '<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes><resources/><constraints/></configuration><status/></cib>';

/** An ext4 superblock with our label, as far as it is looked at. */
const SUPERBLOCK = (() => {
  const bytes = Buffer.alloc(8192);
  bytes.writeUInt16LE(0xef53, 1024 + 56);
  bytes.writeUInt32LE(0x40, 1024 + 96);
  bytes.write('slipway', 1024 + 120);
  return bytes;
})();

const failing = (exitCode: number, stderr = '', stdout = ''): Partial<CommandResult> => ({
  exitCode,
  stderr,
  stdout,
});

export function fakePair(ha: HaPlan = HA, secrets: readonly [string, string] = ['test', 'test']): FakePair {
  const overrides = new Map<string, FakeCommand>();
  const make = (name: string, word: string): FakeNode => {
    const commands: Record<string, FakeCommand> = {};
    for (const [program, command] of Object.entries(programs)) {
      commands[program] = (given, machine) =>
        (overrides.get(`${name} ${program}`) ?? ((c: Command) => command(node, c)))(given, machine);
    }
    const machine = fakeMachine({
      commands,
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
    });
    const node: FakeNode = {
      name,
      machine,
      facts: { plan: memberPlan(name, ha), builtAt: 0, peers: peersOf(name) },
      disk: { fileSystem: false, strangeData: false },
      enabled: [],
      skew: 0,
      run: { units: [], failed: [] },
    };
    // Nodes that wait for each other take turns, and a test that waits for ever can be ended.
    machine.sleep = async (ms) => {
      machine.clock += ms;
      await new Promise((resolve) => setImmediate(resolve));
    };
    return node;
  };

  const peersOf = (name: string): PeerLink => ({
    async listen(_, identity, answers) {
      nodeOf(name).run.listens = { identity, answers };
    },
    async ask(identity, peer, question) {
      const other = nodeOf(peer.name);
      const { listens } = other.run;
      if (listens === undefined || !pair.linked)
        throw new StepFailure('waiting-peer', `${peer.name} does not answer at ${peer.address}`);
      const strange = strangeness(identity, { ...listens.identity, from: peer.name });
      if (strange !== undefined) throw new StepFailure('refused-foreign-data', strange);
      return listens.answers(other.machine)(question, identity.name);
    },
  });

  const nodeOf = (name: string): FakeNode => {
    const node = pair.nodes.find((one) => one.name === name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  };
  const otherThan = (node: FakeNode): FakeNode => (node === pair.nodes[0] ? pair.nodes[1] : pair.nodes[0]);

  const secretOf = ({ machine }: FakeNode): string =>
    /shared-secret "(.*)"/.exec(String(machine.files.get('/etc/drbd.d/slipway.res')))?.[1] ?? '';
  const attached = (node: FakeNode): NonNullable<FakeNode['run']['drbd']> => ({
    connected: false,
    standAlone: false,
    primary: false,
    attached: true,
    secret: secretOf(node),
  });

  const keyOf = ({ machine }: FakeNode): string =>
    Buffer.from(machine.files.get('/etc/corosync/authkey') ?? '').toString('hex');
  const hasCorosync = ({ run }: FakeNode): boolean => run.units.includes('corosync.service');
  /** The nodes a node sees: those that run, are linked, and have the same key. */
  const seenBy = (node: FakeNode): readonly FakeNode[] =>
    pair.nodes.filter(
      (one) => one === node || (pair.linked && hasCorosync(one) && one.run.key === node.run.key),
    );
  const isOneCluster = (): boolean => pair.nodes.every(hasCorosync) && seenBy(pair.nodes[0]).length === 2;
  let memberships = '';
  const countRings = (): void => {
    const now = pair.nodes.map((node) => (hasCorosync(node) ? seenBy(node).length : 0)).join();
    if (now !== memberships) pair.ring += 1;
    memberships = now;
  };

  /** Both up, linked, and with a common past or none: DRBD connects, and the newer data goes to the other side. */
  const settle = (): void => {
    const [a, b] = pair.nodes;
    const [da, db] = [a.run.drbd, b.run.drbd];
    if (da === undefined || db === undefined || !pair.linked || !da.attached || !db.attached) {
      for (const d of [da, db]) if (d !== undefined) d.connected = false;
      return;
    }
    if (da.standAlone || db.standAlone) return;
    // Who is connected proved itself with what it had then.
    if (!(da.connected && db.connected) && da.secret !== db.secret) {
      for (const d of [da, db]) Object.assign(d, { connected: false, standAlone: true });
      return;
    }
    da.connected = true;
    db.connected = true;
    const [ga, gb] = [a.disk.generation, b.disk.generation];
    if (ga === gb) return;
    if (ga === JUST_MADE) copy(b, a);
    else if (gb === JUST_MADE) copy(a, b);
    else {
      for (const d of [da, db]) Object.assign(d, { connected: false, standAlone: true });
    }
  };
  const copy = (from: FakeNode, to: FakeNode): void => {
    to.disk.generation = from.disk.generation ?? JUST_MADE;
    to.disk.fileSystem = from.disk.fileSystem;
    to.machine.files.set(DISK, from.machine.files.get(DISK) ?? '');
  };

  /** Pacemaker, once it is there on both nodes, starts what is configured. */
  const place = (): void => {
    const isUp = (node: FakeNode): boolean => node.run.units.includes('pacemaker.service');
    const running = pair.nodes.filter(isUp);
    if (pair.service !== undefined && !isUp(nodeOf(pair.service))) pair.service = undefined;
    if (running.length < 2 || !isOneCluster() || !pair.cib.includes('slipway-service')) return;
    for (const node of running) node.run.drbd ??= attached(node);
    settle();
    pair.service ??= running[0]?.name;
    const at = pair.service;
    for (const { name, run } of pair.nodes) if (run.drbd !== undefined) run.drbd.primary = name === at;
  };

  const status = ({ run, name }: FakeNode): string => {
    const own = run.drbd;
    if (own === undefined) return '';
    const other = otherThan(nodeOf(name));
    const dataOf = (node: FakeNode): string =>
      node.disk.generation === JUST_MADE ? 'Inconsistent' : 'UpToDate';
    const here = own.attached ? dataOf(nodeOf(name)) : 'Diskless';
    const head = `slipway role:${own.primary ? 'Primary' : 'Secondary'} suspended:no\n  volume:0 minor:0 disk:${here} blocked:no\n`;
    // As DRBD 8.4 has it; 9 says `connection:StandAlone`.
    if (own.standAlone) return `${head}\n`;
    if (!own.connected)
      return `${head}  peer connection:Connecting role:Unknown congested:no\n    volume:0 replication:Off peer-disk:DUnknown resync-suspended:no\n\n`;
    const role = other.run.drbd?.primary ? 'Primary' : 'Secondary';
    return `${head}  peer connection:Connected role:${role} congested:no\n    volume:0 replication:Established peer-disk:${dataOf(other)} resync-suspended:no\n\n`;
  };

  type Program = (node: FakeNode, command: Command) => string | Partial<CommandResult>;
  const programs: Record<string, Program> = {
    mkdir: () => '',
    chmod: ({ machine }, { args: [mode = '', ...paths] }) => {
      for (const path of paths) machine.modes.set(path, Number.parseInt(mode, 8));
      return '';
    },
    chown: () => '',
    date: (node, { args: [verb, time = ''] }) => {
      if (verb === '--set') node.skew = Number(time.slice(1)) * 1000 - TIME;
      return `${Math.round(TIME + node.skew)}\n`;
    },
    mount: ({ machine }) => {
      machine.files.set('/run/slipway/key/join-secret.json', machine.files.get('/key') ?? '');
      return '';
    },
    umount: ({ machine }) => {
      machine.files.delete('/run/slipway/key/join-secret.json');
      return '';
    },
    'ssh-keygen': () => '256 SHA256:abc root@n1 (ED25519)\n',
    ip: (node) => {
      const local = memberPlan(node.name, ha).hosts.find(({ name }) => name === node.name)?.address;
      const address = { family: 'inet', local, prefixlen: 24, scope: 'global' };
      return JSON.stringify([{ ifname: 'vec0', link_type: 'ether', addr_info: [address] }]);
    },
    modprobe: ({ machine }) => {
      machine.files.set('/sys/module/drbd/version', '8.4.11\n');
      return '';
    },
    drbdsetup: (node) => {
      place();
      settle();
      return node.run.drbd === undefined ? failing(10, 'slipway: No such resource\n') : status(node);
    },
    drbdadm: (node, { args }) => drbdadm(node, args),
    blkid: ({ disk }, { args }) => {
      const type = args.at(-1) === REPLICATED_DEVICE && disk.fileSystem ? 'ext4' : undefined;
      return type === undefined ? failing(2) : `TYPE=${type}\n`;
    },
    'mkfs.ext4': (node) => {
      for (const one of pair.nodes) {
        if (one !== node && !node.run.drbd?.connected) continue;
        one.disk.fileSystem = true;
        one.machine.files.set(DISK, SUPERBLOCK);
      }
      return '';
    },
    systemctl: (node, { args: [verb = '', ...units] }) => systemctl(node, verb, units),
    journalctl: () => 'the reason\n',
    corosync: (_, { args }) =>
      args[0] === '-v'
        ? "Corosync Cluster Engine, version '3.1.7'\nCopyright (c) 2006-2021 Red Hat, Inc.\n"
        : '',
    'corosync-cfgtool': (node) => {
      countRings();
      for (const one of seenBy(node)) one.run.key = keyOf(one);
      countRings();
      return 'Reloading corosync.conf...\nDone\n';
    },
    shred: ({ machine }, { args }) => {
      machine.files.delete(args.at(-1) ?? '');
      return '';
    },
    'corosync-cmapctl': () => 'totem.cluster_name (str) = pair\n',
    'corosync-quorumtool': (node) => {
      if (!node.run.units.includes('corosync.service')) return failing(1, 'Cannot initialize CMAP service\n');
      countRings();
      const seen = seenBy(node);
      const lines = seen.map(({ name }) => `         ${name.slice(1)}          1 ${name}\n`).join('');
      return `Ring ID:          1.${pair.ring}\nVotequorum information\nQuorate:          ${seen.length === 2 ? 'Yes' : 'No'}\n\nMembership information\n----------------------\n    Nodeid      Votes Name\n${lines}`;
    },
    crm_mon: (node) => {
      if (!node.run.units.includes('pacemaker.service')) return failing(102);
      place();
      return monitor(node);
    },
    cibadmin: (node, { args }) => {
      if (!node.run.units.includes('pacemaker.service')) return failing(102);
      if (args[0] === '--patch') {
        pair.cib = String(node.machine.files.get('/run/slipway/cib-after.xml'));
        return '';
      }
      return pair.cib;
    },
    crm_verify: () => '',
    crm_diff: () => failing(1, '', '<diff/>'),
    crm_resource: (_, { args }) => {
      const to = args[args.indexOf('--node') + 1];
      if (!args.includes('--move') || to === undefined || pair.service === undefined) return '';
      if (pair.service === to) return failing(108, '', 'Requested item already exists\n');
      const data = [...nodeOf(pair.service).machine.files].filter(([path]) => path.startsWith('/srv/data/'));
      for (const [path, content] of data) nodeOf(to).machine.files.set(path, content);
      pair.service = to;
      return '';
    },
    ping: (_, { args }) =>
      pair.service !== undefined || pair.strangers.includes(args.at(-1) ?? '') ? '' : failing(1),
  };

  function drbdadm(node: FakeNode, args: readonly string[]): string | Partial<CommandResult> {
    const { disk, run } = node;
    settle();
    switch (args[0]) {
      case 'sh-resources':
        return node.machine.files.has('/etc/drbd.d/slipway.res') ? 'slipway\n' : '';
      case 'dump-md':
        if (run.drbd !== undefined) return failing(20, 'Exclusive open failed. Do it anyways?\n');
        return disk.generation === undefined ? failing(1, 'No valid meta data found\n') : 'version "v08";\n';
      case 'create-md':
        pair.dangerous.push(`${node.name} create-md`);
        if (disk.strangeData)
          return failing(1, '', 'md_offset 98562048\n\nFound some data\n\nOperation canceled.\n');
        disk.generation = JUST_MADE;
        return 'New drbd meta data block successfully created.\n';
      case 'get-gi':
        return disk.generation === undefined
          ? failing(1)
          : `${disk.generation}:0000000000000000:0:0:0:0:0:0:0\n`;
      case '--dry-run':
        if (run.drbd === undefined || run.drbd.standAlone)
          return 'drbdsetup-84 connect --shared-secret=hidden\n';
        return run.drbd.secret === secretOf(node) ? '' : 'drbdsetup-84 net-options --shared-secret=hidden\n';
      case 'adjust':
        if (disk.generation === undefined) return failing(1, 'No valid meta data found\n');
        run.drbd ??= attached(node);
        Object.assign(run.drbd, { standAlone: false, secret: secretOf(node) });
        settle();
        return '';
      case 'primary':
        if (run.drbd === undefined) return failing(10, 'no such resource\n');
        if (args[1] === '--force') {
          pair.dangerous.push(`${node.name} primary --force`);
          if (disk.generation === JUST_MADE) disk.generation = FIRST_DATA;
        }
        run.drbd.primary = true;
        settle();
        return '';
      case 'secondary':
        if (run.drbd !== undefined) run.drbd.primary = false;
        return '';
      default:
        return failing(1, `unknown command ${args[0]}\n`);
    }
  }

  function systemctl(
    node: FakeNode,
    verb: string,
    units: readonly string[],
  ): string | Partial<CommandResult> {
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

  function monitor(asked: FakeNode): string {
    const up = seenBy(asked).filter(({ run }) => run.units.includes('pacemaker.service'));
    const nodes = pair.nodes
      .map(
        ({ name }) =>
          `<node name="${name}" id="${name.slice(1)}" online="${up.some((one) => one.name === name)}" pending="false"/>`,
      )
      .join('');
    const at = pair.service;
    const one = (id: string, role: string, node: string): string =>
      `<resource id="${id}" role="${role}" active="true" failed="false"><node name="${node}" id="1" cached="true"/></resource>`;
    const primitives = allOf(parseXml(pair.cib), 'primitive').map(({ attributes }) => attributes['id'] ?? '');
    // Fence devices wait for no data.
    const fences = primitives.filter((id) => id.startsWith('slipway-fence-'));
    const others = primitives.filter((id) => id !== 'slipway-data' && !fences.includes(id));
    const first = up[0]?.name;
    const service = [
      ...(first === undefined ? [] : fences.map((id) => one(id, 'Started', first))),
      ...(at === undefined ? [] : others.map((id) => one(id, 'Started', at))),
    ];
    const data =
      at === undefined || !primitives.includes('slipway-data')
        ? []
        : up.map(({ name }) => one('slipway-data', name === at ? 'Promoted' : 'Unpromoted', name));
    return `<pacemaker-result><summary><current_dc present="${up.length > 0}" with_quorum="${up.length > 1}"/></summary><nodes>${nodes}</nodes><resources>${[...service, ...data].join('')}</resources></pacemaker-result>`;
  }

  const pair: FakePair = {
    nodes: [make('n1', secrets[0]), make('n2', secrets[1])],
    cib: EMPTY_CIB,
    service: undefined,
    strangers: [],
    dangerous: [],
    linked: true,
    ring: 0,
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
      settle();
    },
    override: (name, program, command) => void overrides.set(`${name} ${program}`, command),
  };
  return pair;
}

const fenceWords = ({ fencing }: HaPlan): Record<string, string> =>
  fencing.kind === 'devices'
    ? Object.fromEntries(fencing.devices.map(({ node }) => [node, 'word-of-the-device']))
    : {};
