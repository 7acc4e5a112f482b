/**
 * The process that keeps a lab running, inside its namespaces. Whatever it starts ends with it: it lives below process
 * 1 of a PID namespace, and when that ends the kernel ends everything in there.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Exec } from '../engine/command.ts';
import { makeFolder } from '../engine/make-folder.ts';
import { FailedError } from '../errors/exit.ts';
import { createExec } from '../host/exec.ts';
import { type RefreshEngine, serveControl } from './control.ts';
import type { Engine } from './engine.ts';
import { controlSocket, type LabFolder, type NodeState, type Phase } from './lab-folder.ts';
import type { LabEngine, LabNode, LabPlan } from './lab-plan.ts';
import { libvirtEngine } from './libvirt.ts';
import { LibvirtLab } from './libvirt-lab.ts';
import { MachineDesk } from './machine-desk.ts';
import { networkCommands, udhcpdConfig } from './network.ts';
import { accessSeed } from './node-seed.ts';
import { qemuEngine } from './qemu.ts';
import { bringUp, type Course, startInstalled } from './run-node.ts';
import { hasSnapshot, qemuOnSnapshot, revertToSnapshot, umlOnSnapshot } from './snapshots.ts';
import { umlEngine } from './uml.ts';

/** Brings the lab's nodes up and keeps them running until this process is ended. */
export async function keepLab(folder: LabFolder, sockets: string): Promise<never> {
  const plan = await folder.plan();
  if (plan === undefined) throw new FailedError(`there is no lab in ${folder.dir}`);
  const exec = createExec();
  if (plan.engine.kind !== 'libvirt') await makeNetwork(plan, sockets, exec);
  const book = new StateBook(folder, plan);
  await book.write();
  const desk = new MachineDesk();
  const listeners = { ...desk.listeners, watch: (name: string, line: string) => book.heard(name, line) };
  const createEngine = async (engine: LabEngine | RefreshEngine): Promise<Engine> => {
    switch (engine.kind) {
      case 'qemu':
        return qemuEngine({ acceleration: engine.acceleration, ...listeners });
      case 'uml':
        return umlEngine({ exec, images: engine.images, sockets, ...listeners });
      case 'libvirt': {
        const lab = await LibvirtLab.connect(engine, exec);
        if (plan.nodes.length > 1) await lab.makeNetwork();
        return libvirtEngine({ lab, acceleration: engine.acceleration, ...listeners });
      }
    }
  };
  const household = { book, desk, engine: await createEngine(plan.engine) };
  const inPlace = places(plan.atOnce);
  const inTurn = places(1);
  const medium = plan.engine.kind === 'uml' ? {} : { iso: plan.engine.iso };
  const keepsSnapshot = plan.engine.kind === 'qemu';
  let kept = plan.nodes.map((node) =>
    keepNode(node.name, household, async (course) => {
      await makeFolder(dirname(node.machine.consoleLog));
      return bringUp(node, { ...course, ...medium, exec, keepsSnapshot, inPlace });
    }),
  );
  await serveControl(controlSocket({ sockets }), {
    console: (node) => desk.attach(node),
    screenshot: (node, file) => desk.machine(node).screenshot(file),
    refresh: (engine) =>
      inTurn(async () => {
        requireSnapshots(plan.nodes);
        await desk.endAll(Promise.all(kept));
        for (const { machine } of plan.nodes) await revertToSnapshot(machine);
        const seed = engine.kind === 'qemu' ? [] : accessSeed(await readFile(`${folder.key}.pub`, 'utf8'));
        const refreshed = { ...household, engine: await createEngine(engine) };
        book.runsOn(engine.kind);
        kept = plan.nodes.map(({ name, machine }) => {
          const spec = engine.kind === 'qemu' ? qemuOnSnapshot(machine) : umlOnSnapshot(machine, seed);
          return keepNode(name, refreshed, (course) => startInstalled(spec, course));
        });
      }),
  });
  // Machines that have ended leave what can be looked at until somebody ends the lab.
  return book.broken;
}

async function makeNetwork({ network }: LabPlan, sockets: string, exec: Exec): Promise<void> {
  for (const command of networkCommands(network)) await exec(command);
  if (network.leases.length === 0) return;
  const config = join(sockets, 'udhcpd.conf');
  await writeFile(join(sockets, 'udhcpd.leases'), '');
  await writeFile(config, udhcpdConfig(network, sockets));
  await exec({ file: 'busybox', args: ['udhcpd', '-S', config], effect: 'write' });
}

/** @throws {FailedError} when there is a node whose installation has not gone through. */
function requireSnapshots(nodes: readonly LabNode[]): void {
  const lacking = nodes.filter(({ machine }) => !hasSnapshot(machine)).map(({ name }) => name);
  if (lacking.length === 0) return;
  throw new FailedError(`there is no freshly installed state of ${lacking.join(', ')} to go back to`);
}

interface Household {
  readonly engine: Engine;
  readonly book: StateBook;
  readonly desk: MachineDesk;
}

type BasicCourse = Pick<Course, 'engine' | 'entered' | 'runs'>;

/** Settles when the node's machine has ended. */
async function keepNode(
  name: string,
  { engine, book, desk }: Household,
  bring: (course: BasicCourse) => Promise<'complete' | 'ready'>,
): Promise<void> {
  const course: BasicCourse = {
    engine,
    entered: (phase) => book.enter(name, phase),
    runs: (machine) => desk.put(name, machine),
  };
  try {
    book.enter(name, await bring(course));
  } catch (error) {
    // The machine stays as it is, for whoever wants to know why, or mends it.
    book.enter(name, 'failed', error instanceof Error ? error.message : String(error));
  }
  const ending = await desk.ended(name);
  if (book.phase(name) !== 'failed') book.enter(name, 'off', ending);
}

/** At most so many at a time, first come, first served. */
function places(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = count;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => queue.push(resolve));
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

/** The agent's last line, as the console of its node shows it. */
const VERDICT = /slipway: (complete|failed) \S+?(?:: (.*))?$/;
/** What a node may be when a later verdict takes the place of an earlier one. */
const JUDGED: readonly (Phase | undefined)[] = ['complete', 'failed'];

/** Keeps `state.json` true: one write after the other, the last word last. */
class StateBook {
  /** Rejects when the state cannot be written any more: a lab that nobody can follow is better ended. */
  readonly broken: Promise<never>;
  #break: (reason: unknown) => void = () => undefined;
  readonly #folder: LabFolder;
  readonly #since = Date.now();
  readonly #nodes: Map<string, NodeState>;
  #engine: LabEngine['kind'] | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: LabFolder, { nodes }: LabPlan) {
    this.#folder = folder;
    this.#nodes = new Map(nodes.map(({ name }) => [name, { name, phase: 'queued', since: this.#since }]));
    this.broken = new Promise((_, reject) => {
      this.#break = reject;
    });
  }

  phase(name: string): Phase | undefined {
    return this.#nodes.get(name)?.phase;
  }

  runsOn(engine: LabEngine['kind']): void {
    this.#engine = engine;
  }

  /** An agent that is run again says its verdict again. */
  heard(name: string, line: string): void {
    const [, phase, detail] = VERDICT.exec(line) ?? [];
    if (!JUDGED.includes(this.phase(name))) return;
    if (phase === 'complete') this.enter(name, phase);
    if (phase === 'failed') this.enter(name, phase, detail);
  }

  enter(name: string, phase: Phase, detail?: string): void {
    this.#nodes.set(name, { name, phase, since: Date.now(), ...(detail === undefined ? {} : { detail }) });
    this.write().catch(this.#break);
  }

  write(): Promise<void> {
    this.#writing = this.#writing.then(() =>
      this.#folder.writeState({
        since: this.#since,
        ...(this.#engine === undefined ? {} : { engine: this.#engine }),
        nodes: [...this.#nodes.values()],
      }),
    );
    return this.#writing;
  }
}
