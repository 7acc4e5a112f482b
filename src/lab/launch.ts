/** Starting, watching and ending a lab from outside its namespaces. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Command, CommandError, type Exec } from '../engine/command.ts';
import { acquireLock, LockedError } from '../engine/lock.ts';
import { FailedError, MissingError } from '../errors/exit.ts';
import { readProcess } from '../host/process-tree.ts';
import { searchPath } from '../host/search-path.ts';
import { isSettled, type Keeper, type LabFolder, type LabState, type NodeState } from './lab-folder.ts';
import { identifyProcess, isRunning, type ProcessIdentity, signalProcess } from './process-identity.ts';

/** Own processes; what runs below is ended when unshare is. */
const PROCESSES = ['--user', '--mount-proc', '--pid', '--fork', '--kill-child=KILL'];
/** Process 1 of a PID namespace inherits every orphan; the shell takes them in. */
const FIRST_PROCESS = ['sh', '-c', '"$@"; exit $?', 'sh'];
/** Own users and network as well. */
const NAMESPACES = [...PROCESSES, '--map-root-user', '--net', ...FIRST_PROCESS];
/** Machines of libvirt's are elsewhere: who asks it for them needs its own name and this computer's network. */
const LIBVIRT_NAMESPACES = [...PROCESSES, '--map-current-user', ...FIRST_PROCESS];
const POLL_MS = 250;
/** Milliseconds the kernel gets to end all processes of a lab. */
const END_MS = 30_000;

/** @throws {MissingError} when this system does not let its users have namespaces. */
export async function checkNamespaces(exec: Exec): Promise<void> {
  try {
    await exec({
      file: 'unshare',
      args: [...NAMESPACES, 'ip', 'link', 'add', 'slipway0', 'type', 'bridge'],
      effect: 'read',
    });
  } catch (error) {
    if (!(error instanceof CommandError) || error.reason === 'aborted') throw error;
    throw new MissingError(
      `the lab's own network cannot be made: ${error.stderr.trim() || error.message}`,
      'let users make namespaces: sysctl kernel.unprivileged_userns_clone=1, or on Ubuntu sysctl kernel.apparmor_restrict_unprivileged_userns=0; in a container allow mounting /proc',
    );
  }
}

/** Lets only one command at a time change a lab. @throws {MissingError} naming who is at it. */
export async function withLabLock<T>(folder: LabFolder, purpose: string, use: () => Promise<T>): Promise<T> {
  try {
    const lock = await acquireLock(folder.lock, purpose).catch((error: unknown) => {
      if (error instanceof LockedError || !(error instanceof Error)) throw error;
      throw new MissingError(
        `no lab can be kept in ${folder.dir}: ${error.message}`,
        'choose another folder with --dir',
      );
    });
    try {
      return await use();
    } finally {
      await lock.release();
    }
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    throw new MissingError(error.message, 'wait for it, or end it');
  }
}

/**
 * Starts the lab that `folder` describes and returns at once. `program` is how this very program is started.
 * Should we be killed in between, the keeper finds nobody to tell it to go on, and ends.
 */
export async function launchLab(folder: LabFolder, program: readonly string[]): Promise<Keeper> {
  const sockets = await mkdtemp(join(tmpdir(), 'slipway-lab-'));
  try {
    const { engine } = (await folder.plan()) ?? {};
    const child = await startKeeper(folder, [
      ...(engine?.kind === 'libvirt' ? LIBVIRT_NAMESPACES : NAMESPACES),
      ...program,
      'lab',
      'keep',
      '--dir',
      folder.dir,
      '--sockets',
      sockets,
    ]);
    const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
    if (identity === undefined) throw await keeperGone(folder);
    const keeper = { ...identity, sockets };
    await folder.writeKeeper(keeper);
    child.stdin?.end('go\n');
    return keeper;
  } catch (error) {
    await removeSockets(sockets);
    throw error;
  }
}

async function startKeeper(folder: LabFolder, command: readonly string[]): Promise<ChildProcess> {
  const log = openSync(folder.keeperLog, 'w', 0o600);
  const child = spawn('unshare', command, {
    detached: true,
    stdio: ['pipe', log, log],
    env: { ...process.env, PATH: searchPath() },
  });
  closeSync(log);
  child.stdin?.on('error', () => undefined); // it has ended; whoever watches will see
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.unref();
  return child;
}

/**
 * Watches until every node has settled, and tells every change.
 * @throws {FailedError} when the lab ends meanwhile; the signal's reason when it is aborted.
 */
export async function watchLab(
  folder: LabFolder,
  keeper: Keeper,
  signal: AbortSignal,
  onChange: (node: NodeState) => void,
): Promise<LabState> {
  const seen = new Map<string, NodeState>();
  while (true) {
    signal.throwIfAborted();
    const alive = isRunning(keeper);
    const state = await folder.state();
    for (const node of state?.nodes ?? []) {
      const before = seen.get(node.name);
      if (before?.phase !== node.phase || before.since !== node.since) onChange(node);
      seen.set(node.name, node);
    }
    if (state?.nodes.every(isSettled)) return state;
    if (!alive) throw await keeperGone(folder);
    await pause(POLL_MS);
  }
}

/**
 * Ends everything the lab has started, and nothing else. Returns whether there was anything.
 * @throws {FailedError} when processes do not end.
 */
export async function endLab(folder: LabFolder): Promise<boolean> {
  const keeper = await folder.keeper();
  if (keeper !== undefined) {
    // The first process of the namespace is the only child of unshare, which outlives it until all the others are gone.
    for (const init of childrenOf(keeper)) endAtOnce(init);
    await ended(keeper);
  }
  const sockets = await folder.sockets();
  if (sockets !== undefined) await removeSockets(sockets);
  return keeper !== undefined;
}

async function ended(keeper: ProcessIdentity): Promise<void> {
  for (const deadline = Date.now() + END_MS; Date.now() < deadline; await pause(25)) {
    if (!isRunning(keeper)) return;
    // Without a child it is about to end, or has not got one yet.
    if (childrenOf(keeper).length === 0) signalProcess(keeper, 'SIGKILL');
  }
  throw new FailedError(
    `process ${keeper.pid} of the lab does not end`,
    `look at it: ps -o pid,stat,wchan,args -g ${keeper.pid}`,
  );
}

function childrenOf(parent: ProcessIdentity): readonly number[] {
  if (!isRunning(parent)) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? [])
    .filter((found) => found.parent === parent.pid && found.startTime >= parent.startTime)
    .map(({ pid }) => pid);
}

function endAtOnce(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Only a folder that we have made: ours, and of our name. */
async function removeSockets(sockets: string): Promise<void> {
  const own = await stat(sockets).catch(() => undefined);
  if (own?.uid !== process.getuid?.() || !/\/slipway-lab-[^/]+$/.test(sockets)) return;
  await rm(sockets, { recursive: true, force: true });
}

/** The command that runs another one inside the lab's users and network. */
export const enterCommand = (keeper: ProcessIdentity, command: Pick<Command, 'file' | 'args'>): Command => ({
  file: 'nsenter',
  args: [
    ...['--target', String(keeper.pid), '--user', '--net', '--preserve-credentials'],
    ...[command.file, ...command.args],
  ],
  effect: 'write',
});

async function keeperGone(folder: LabFolder): Promise<FailedError> {
  const log = await readFile(folder.keeperLog, 'utf8').catch(() => '');
  const said = log.trimEnd().split('\n').slice(-5).join('\n').trim();
  return new FailedError(
    `the lab has ended by itself${said === '' ? '' : `:\n${said}`}`,
    `its log is ${folder.keeperLog}; slipway lab down removes what is left`,
  );
}
