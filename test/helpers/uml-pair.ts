/**
 * Nodes under User-Mode Linux, mostly two, that have everything a cluster takes and the real agent, in a network namespace
 * of their own: a root and two disks each, with an array over them. Takes root, and Debian's user-mode-linux, mmdebstrap,
 * e2fsprogs, fdisk, iproute2, xorriso and openssh-client.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { atExit } from '../../src/host/at-exit.ts';
import { createExec } from '../../src/host/exec.ts';
import { ProcessTree, sendSignal } from '../../src/host/process-tree.ts';
import { Processors } from '../../src/lab/processors.ts';
import { type HaPlan, type NodePlan, PARTITION_TYPE } from '../../src/plan/types.ts';
import { writeKeyMedium } from '../../src/secrets/key-medium.ts';
import { HA, joinSecret, memberPlan } from './cluster-plan.ts';
import { makeTempDir } from './tmp.ts';
import { makePairRoot } from './uml-pair-root.ts';

const run = promisify(execFile);
/** The id of a member, `n` before it is its name. */
export type NodeNumber = number;
/** Those of a pair. */
export const NODES: readonly NodeNumber[] = [1, 2];

const HOST = '10.77.0.1';
const SWITCH_PORT = 7790;
const DISK_MIB = 100;
/** Milliseconds from power-on until somebody can log in. */
const REACH_MS = 240_000;

/** The cluster of `ha` with a switch that takes a node's power away. */
export const fenced = (ha: HaPlan): HaPlan => ({
  ...ha,
  fencing: {
    kind: 'devices',
    devices: ha.members.map(({ name }) => ({
      node: name,
      kind: 'lab-switch',
      address: `http://${HOST}:${SWITCH_PORT}`,
    })),
  },
});

/** The pair of {@link HA}, fenced. */
export const FENCED: HaPlan = fenced(HA);

export interface StartOptions {
  /** The agent starts by itself, as it does on a node; default true. */
  readonly agent?: boolean;
  /** The key medium is in its drive; default true. */
  readonly key?: boolean | string;
  /** More words for the kernel. */
  readonly words?: readonly string[];
}

export interface UmlPair {
  readonly folder: string;
  /** Boots a node and resolves when it can be reached. */
  up(node: NodeNumber, options?: StartOptions): Promise<void>;
  /** Takes a node's power away, at once. */
  cut(node: NodeNumber): Promise<void>;
  isOn(node: NodeNumber): boolean;
  /** Standard output of a shell line on a node; rejects when it fails or takes longer than `limitMs`. */
  ssh(node: NodeNumber, line: string, limitMs?: number): Promise<string>;
  /** Plugs a node's network cable in or pulls it. */
  cable(node: NodeNumber, state: 'up' | 'down'): Promise<void>;
  /** A command in the network of the nodes. */
  inside(...words: readonly string[]): Promise<string>;
  /** How the power switch is, and what it was told to do, as `<action> <plug>`. */
  readonly powerSwitch: { state: 'works' | 'disobeys' | 'silent'; readonly log: string[] };
  /** Keeps, or takes back, the disks of both nodes, which have to be off. */
  save(name: string): Promise<void>;
  restore(name: string): Promise<void>;
  /** Path of a file that `node` and this computer share, as `/run/share/<base>` there. */
  shared(base: string): string;
  /** What a node has said on its console since its last start. */
  console(node: NodeNumber): Promise<string>;
  disk(node: NodeNumber, number: 1 | 2): string;
  /** Switches all off and removes everything, once. */
  down(): Promise<void>;
}

/** The plan of a node with two disks and the clustered volume on an array over both. */
export const umlPlan = (name: string, ha: HaPlan = HA): NodePlan => {
  const plan = memberPlan(name, ha);
  const [partition] = plan.layout.partitions;
  if (partition === undefined) throw new Error('the plan has no partition');
  const number = plan.index + 1;
  return {
    ...plan,
    interfaces: [{ name: 'lan', mac: macOf(number), address: `10.77.0.1${number}/24` }],
    disks: { kind: 'matching', count: 2, match: {}, wipe: false },
    layout: {
      ...plan.layout,
      kind: 'raid1',
      diskCount: 2,
      partitions: [{ ...partition, typeGuid: PARTITION_TYPE.raid }],
      arrays: [{ role: 'clustered', name: 'clustered', level: 1, metadata: '1.2' }],
    },
  };
};

const macOf = (node: number): string => `02:77:00:00:00:1${node}`;
const nameOf = (node: NodeNumber): string => `n${node}`;

interface Running {
  readonly child: ChildProcess;
  readonly tree: ProcessTree;
  readonly login: ChildProcess | undefined;
}

/** At once, and before anything else: asked politely it would clear up. */
function powerOff({ tree, login }: Running): void {
  login?.kill('SIGKILL');
  tree.signal('SIGKILL');
}

/** With what still runs in it: programs that talk to a node without power wait for ever. */
function removeNamespace(name: string): void {
  const pids = execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).match(/\d+/g) ?? [];
  for (const pid of pids) sendSignal(Number(pid), 'SIGKILL');
  execFileSync('ip', ['netns', 'delete', name]);
}

/** Builds root, disks and network of nodes that are the members of `ha`, in a folder of their own; all are off. */
export async function makeUmlPair(ha: HaPlan = HA): Promise<UmlPair> {
  // Short: the path of a socket in it may have 108 characters.
  const folder = makeTempDir('slipway-');
  const pair = new Pair(
    folder,
    ha.members.map(({ id }) => id),
  );
  try {
    await makePairRoot(folder);
    await mkdir(join(folder, 'share'));
    await writeKeyMedium(createExec(), join(folder, 'key.iso'), joinSecret());
    for (const node of pair.nodes) {
      await writeFile(pair.shared(`${nameOf(node)}.json`), JSON.stringify(umlPlan(nameOf(node), ha)));
      await pair.makeDisks(node);
    }
    await pair.makeNetwork();
    await pair.startSwitch();
  } catch (error) {
    await pair.down();
    throw error;
  }
  return pair;
}

class Pair implements UmlPair {
  readonly folder: string;
  readonly nodes: readonly NodeNumber[];
  readonly powerSwitch: UmlPair['powerSwitch'] = { state: 'works', log: [] };
  readonly #namespace = `slipway-${process.pid}`;
  readonly #running = new Map<NodeNumber, Running>();
  readonly #options = new Map<NodeNumber, StartOptions>();
  readonly #consoles = new Map<NodeNumber, string>();
  readonly #processors = new Processors();
  readonly #forget: () => void;
  #starts = 0;
  #switch: ChildProcess | undefined;
  #hasNetwork = false;

  constructor(folder: string, nodes: readonly NodeNumber[]) {
    this.folder = folder;
    this.nodes = nodes;
    this.#forget = atExit(() => {
      for (const running of this.#running.values()) powerOff(running);
      if (this.#hasNetwork) removeNamespace(this.#namespace);
    });
  }

  shared(base: string): string {
    return join(this.folder, 'share', base);
  }

  disk(node: NodeNumber, number: 1 | 2): string {
    return join(this.folder, `n${node}d${number}`);
  }

  console(node: NodeNumber): Promise<string> {
    return readFile(this.#consoles.get(node) ?? '/dev/null', 'utf8');
  }

  isOn(node: NodeNumber): boolean {
    return this.#running.has(node);
  }

  async inside(...words: readonly string[]): Promise<string> {
    return (await run('ip', ['netns', 'exec', this.#namespace, ...words])).stdout;
  }

  async makeNetwork(): Promise<void> {
    const ip = (...words: string[]) => run('ip', ['-n', this.#namespace, ...words]);
    await run('ip', ['netns', 'add', this.#namespace]);
    this.#hasNetwork = true;
    await ip('link', 'set', 'lo', 'up');
    await ip('link', 'add', 'br0', 'type', 'bridge');
    await ip('link', 'set', 'br0', 'up');
    await ip('addr', 'add', `${HOST}/24`, 'dev', 'br0');
    for (const node of this.nodes) {
      await ip('tuntap', 'add', `tap${node}`, 'mode', 'tap');
      await ip('link', 'set', `tap${node}`, 'up');
      await this.cable(node, 'up');
    }
  }

  async cable(node: NodeNumber, state: 'up' | 'down'): Promise<void> {
    // Not the device itself: User-Mode Linux does not take it up again once it was down.
    const place = state === 'up' ? ['master', 'br0'] : ['nomaster'];
    await run('ip', ['-n', this.#namespace, 'link', 'set', `tap${node}`, ...place]);
  }

  async makeDisks(node: NodeNumber): Promise<void> {
    for (const number of [1, 2] as const) {
      const disk = this.disk(node, number);
      await writeFile(disk, '');
      await truncate(disk, DISK_MIB << 20);
      const partition = `start=2048, type=${PARTITION_TYPE.raid}, name=slipway-clustered`;
      await createExec()({
        file: 'sfdisk',
        args: ['--quiet', disk],
        stdin: `label: gpt\n${partition}\n`,
        effect: 'write',
      });
    }
  }

  async startSwitch(): Promise<void> {
    const script = join(import.meta.dirname, 'uml-power-switch.ts');
    const words = [
      process.execPath,
      '--import',
      import.meta.resolve('tsx'),
      script,
      HOST,
      String(SWITCH_PORT),
    ];
    const child = spawn('ip', ['netns', 'exec', this.#namespace, ...words], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#switch = child;
    await new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error('the power switch has ended')));
      child.on('message', (message: { id: number; action: string; plug: string }) => {
        if (message.action === 'listening') return resolve();
        void this.#switched(message).then((state) => child.send({ id: message.id, state }));
      });
    });
  }

  async #switched({ action, plug }: { action: string; plug: string }): Promise<string> {
    const node = this.nodes.find((one) => nameOf(one) === plug);
    if (node === undefined) return 'fault';
    if (action !== 'status') this.powerSwitch.log.push(`${action} ${plug}`);
    const { state } = this.powerSwitch;
    if (state === 'silent' || (state === 'disobeys' && action !== 'status')) return 'fault';
    if (action === 'status') return this.#stateOf(node);
    if (action === 'off' || action === 'reboot') await this.cut(node);
    // Whoever broke it meanwhile is about to switch everything off.
    if (this.powerSwitch.state !== 'works') return 'fault';
    if (action === 'on' || action === 'reboot') await this.#start(node, this.#options.get(node) ?? {});
    return this.#stateOf(node);
  }

  #stateOf(node: NodeNumber): string {
    return this.isOn(node) ? 'on' : 'off';
  }

  async #start(node: NodeNumber, options: StartOptions): Promise<void> {
    if (this.isOn(node)) return;
    this.#options.set(node, options);
    const { agent = true, key = true, words = [] } = options;
    const processor = await this.#processors.next();
    // Whoever switched it on meanwhile was first.
    if (this.isOn(node)) return;
    this.#starts += 1;
    const umid = `${nameOf(node)}-${this.#starts}`;
    const console = join(this.folder, `${umid}.console`);
    this.#consoles.set(node, console);
    const log = openSync(console, 'w');
    const medium = key === true ? join(this.folder, 'key.iso') : key;
    const args = [
      ...['netns', 'exec', this.#namespace, 'setpriv', '--pdeathsig', 'KILL'],
      ...['taskset', '--cpu-list', String(processor)],
      ...['linux.uml', `umid=${umid}`],
      ...[`uml_dir=${this.folder}`, 'mem=640M', 'root=/dev/ubda', 'rw', 'quiet'],
      `ubd0=${this.folder}/n${node}cow,${this.folder}/root.ext4`,
      ...([1, 2] as const).map((i) => `ubd${i}=${this.disk(node, i)},,${nameOf(node)}-disk-${i}`),
      ...(medium === false ? [] : [`ubd3r=${medium}`]),
      // Without gro=1 TCP crawls at 0.3 MB/s.
      `vec0:transport=tap,ifname=tap${node},depth=64,gro=1,mac=${macOf(node)}`,
      ...[`slipway.node=${nameOf(node)}`, `slipway.share=${this.folder}/share`],
      ...[`systemd.machine_id=${String(node).padStart(32, '7')}`, 'systemd.log_level=warning'],
      ...(agent ? [] : ['systemd.mask=slipway-agent.service']),
      ...['con=null', 'con0=null,fd:1', 'ssl=null', ...words],
    ];
    const child = spawn('ip', args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, TMPDIR: '/dev/shm' },
    });
    closeSync(log);
    if (child.pid === undefined) throw new Error('User-Mode Linux does not start');
    const tree = new ProcessTree(child.pid);
    this.#running.set(node, { child, tree, login: undefined });
    child.once('exit', () => {
      if (this.#running.get(node)?.child !== child) return;
      // It ended by itself: what a dead kernel leaves behind goes on holding its disks.
      tree.signal('SIGKILL');
      this.#running.delete(node);
    });
  }

  async up(node: NodeNumber, options: StartOptions = {}): Promise<void> {
    await this.#start(node, options);
    const until = Date.now() + REACH_MS;
    let seenOn = Date.now();
    for (;;) {
      try {
        await this.ssh(node, 'true', 10_000);
        break;
      } catch (error) {
        const now = Date.now();
        // The power switch may have taken its power meanwhile, and is about to give it back.
        if (this.isOn(node)) seenOn = now;
        if (now > until || now - seenOn > 10_000)
          throw new Error(`node ${node} cannot be reached:\n${(await this.console(node)).slice(-2000)}`, {
            cause: error,
          });
        await delay(250);
      }
    }
    this.#keepLogin(node);
  }

  /** One login that the others of this start use: each by itself takes a second of the node's time. */
  #keepLogin(node: NodeNumber): void {
    const running = this.#running.get(node);
    if (running === undefined) return;
    const login = spawn('ip', [...this.#login(node), '-M', '-N', `root@10.77.0.1${node}`], {
      stdio: 'ignore',
    });
    this.#running.set(node, { ...running, login });
  }

  #login(node: NodeNumber): readonly string[] {
    const options = [
      ...['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'ConnectTimeout=5'],
      `ControlPath=${this.folder}/login${node}-${this.#running.get(node)?.child.pid ?? 0}`,
    ];
    const ssh = ['ssh', '-q', '-i', join(this.folder, 'id'), ...options.flatMap((word) => ['-o', word])];
    return ['netns', 'exec', this.#namespace, ...ssh];
  }

  async ssh(node: NodeNumber, line: string, limitMs = 60_000): Promise<string> {
    const words = [...this.#login(node), `root@10.77.0.1${node}`, line];
    return (await run('ip', words, { timeout: limitMs, maxBuffer: 64 << 20 })).stdout;
  }

  async cut(node: NodeNumber): Promise<void> {
    const running = this.#running.get(node);
    this.#running.delete(node);
    if (running === undefined) return;
    powerOff(running);
    await running.tree.end(0);
  }

  async save(name: string): Promise<void> {
    await mkdir(join(this.folder, name));
    await this.#copyDisks(this.folder, join(this.folder, name));
  }

  async restore(name: string): Promise<void> {
    await this.#copyDisks(join(this.folder, name), this.folder);
  }

  async #copyDisks(from: string, to: string): Promise<void> {
    if (this.#running.size > 0) throw new Error('a node is on');
    if (!existsSync(from)) throw new Error(`${from} was never kept`);
    const files = this.nodes.flatMap((node) => [`n${node}cow`, `n${node}d1`, `n${node}d2`]);
    for (const file of files) {
      await rm(join(to, file), { force: true });
      if (existsSync(join(from, file)))
        await run('cp', ['--sparse=always', join(from, file), join(to, file)]);
    }
  }

  async down(): Promise<void> {
    for (const node of this.nodes) await this.cut(node);
    if (this.#switch?.connected) this.#switch.removeAllListeners('exit').disconnect();
    if (this.#hasNetwork) await run('ip', ['netns', 'delete', this.#namespace]);
    await rm(this.folder, { recursive: true, force: true });
    this.#forget();
  }
}
