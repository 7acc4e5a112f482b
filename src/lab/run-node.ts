/** One node's way: its disks, the installation where there is one, the start, and the proof that it is there. */
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Exec } from '../engine/command.ts';
import { createDisk } from './disks.ts';
import { type Engine, LabFailure, type LabMachine, type LabMachineSpec } from './engine.ts';
import type { LabNode } from './lab-plan.ts';
import { installerLog, logVolume, makeLogVolume, readLogVolume } from './log-volume.ts';
import { qemuOnSnapshot, takeSnapshot } from './snapshots.ts';

/** Milliseconds; far more than a phase needs under emulation on a busy computer, far less than for ever. */
const LIMIT = {
  menu: 5 * 60_000,
  install: 30 * 60_000,
  powerOff: 2 * 60_000,
  /** From the installer's last word to its log being on the stick. */
  log: 15_000,
  complete: 30 * 60_000,
  ready: 10 * 60_000,
  ssh: 2 * 60_000,
} as const;

export interface Course {
  readonly engine: Engine;
  readonly exec: Exec;
  /** The ISO; needed by nodes that install. */
  readonly iso?: string;
  /** Whether what was installed is kept as it is, to be started again. */
  readonly keepsSnapshot: boolean;
  /** Waits for one of a limited number of places, in which machines start or install. */
  inPlace<T>(work: () => Promise<T>): Promise<T>;
  entered(phase: 'installing' | 'starting'): void;
  /** The machine that runs now, to be reached by others. */
  runs(machine: LabMachine): void;
}

/**
 * Brings a node up and leaves it running.
 * @returns what it has become. @throws {LabFailure} when it does not get there; its machine may still run.
 */
export async function bringUp(node: LabNode, course: Course): Promise<'complete' | 'ready'> {
  const { machine: spec, install } = node;
  const { keepsSnapshot } = course;
  for (const [i, { file }] of spec.disks.entries()) {
    await createDisk(file, (node.diskMiB[i] ?? 0) * 2 ** 20);
  }
  if (install === undefined) {
    await course.inPlace(() => startBare(node, course));
    return 'ready';
  }
  await course.inPlace(() => installNode(node, install, course));
  if (!keepsSnapshot) return startInstalled(spec, course);
  await takeSnapshot(spec);
  return startInstalled(qemuOnSnapshot(spec), course);
}

/**
 * Starts what is installed on a node's disks, waits until it is complete and leaves it running.
 * @throws {LabFailure} when it does not get there; its machine may still run.
 */
export async function startInstalled(
  spec: LabMachineSpec,
  { engine, entered, runs }: Pick<Course, 'engine' | 'entered' | 'runs'>,
): Promise<'complete'> {
  entered('starting');
  const machine = await engine.start(spec);
  runs(machine);
  await machine.waitForLine(new RegExp(`slipway: complete ${spec.name}$`), LIMIT.complete);
  return 'complete';
}

async function installNode(
  { name, machine: spec }: LabNode,
  { hotkey, halts }: NonNullable<LabNode['install']>,
  { engine, exec, iso = '', entered, runs }: Course,
): Promise<void> {
  entered('installing');
  const stick = logVolume(spec.consoleLog);
  await makeLogVolume(exec, stick);
  const machine = await engine.start({
    ...spec,
    medium: { kind: 'cd', file: iso },
    stick,
    onReboot: 'end',
    consoleLog: installLog(spec.consoleLog),
  });
  runs(machine);
  try {
    await installFrom(machine, name, { hotkey, halts });
  } catch (error) {
    await machine
      .waitForLine(/the log is kept as .*SLIPWAYLOG/, LIMIT.log, 'expected')
      .catch(() => undefined);
    // Why the installation failed is not to be hidden by a stick that cannot be read.
    await readLogVolume(exec, stick, installerLog(spec.consoleLog)).catch(() => false);
    throw error;
  }
  await machine.end();
}

/**
 * Takes a node's entry of the boot menu over the serial line, and waits until the node is installed and off. Limits are
 * milliseconds.
 * @returns the line that says so.
 */
export async function installFrom(
  machine: LabMachine,
  node: string,
  { hotkey, halts }: NonNullable<LabNode['install']>,
  limits: Readonly<Record<'menu' | 'install' | 'powerOff', number>> = LIMIT,
): Promise<string> {
  await chooseEntry(machine, hotkey, limits.menu);
  const line = await machine.waitForLine(new RegExp(`slipway: installed ${node}$`), limits.install);
  if (halts) await machine.waitForLine(/reboot: System halted/, limits.powerOff, 'expected');
  else await machine.waitForPowerOff(limits.powerOff);
  return line;
}

/** Takes the entry of the ISO's boot menu that has this key. */
export async function chooseEntry(machine: LabMachine, hotkey: string, limitMs: number): Promise<void> {
  await machine.waitForLine(/Boot from disk/, limitMs);
  machine.type(hotkey);
}

/** Where the console of the installation is kept. */
export const installLog = (consoleLog: string): string => join(dirname(consoleLog), 'install.log');

async function startBare(
  { machine: spec, address }: LabNode,
  { engine, entered, runs }: Course,
): Promise<void> {
  entered('starting');
  const machine = await engine.start(spec);
  runs(machine);
  await machine.waitForLine(/login:/, LIMIT.ready);
  if (address !== undefined && !(await answersSsh(address, LIMIT.ssh))) {
    const last = machine.transcript().split('\n').slice(-10);
    throw new LabFailure(spec.name, `does not answer at ${address}`, last, spec.consoleLog);
  }
}

/** Whether an SSH server greets us before the time is up. */
async function answersSsh(address: string, timeoutMs: number): Promise<boolean> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; ) {
    if (await greets(address)) return true;
    await pause(250);
  }
  return false;
}

const greets = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection({ host: address, port: 22, timeout: 5_000 });
    const settle = (greeted: boolean): void => {
      socket.destroy();
      resolve(greeted);
    };
    socket.once('data', (data) => settle(data.toString('latin1').startsWith('SSH-')));
    for (const event of ['error', 'timeout', 'close']) socket.once(event, () => settle(false));
  });
