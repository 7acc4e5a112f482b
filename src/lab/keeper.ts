/**
 * The process that keeps a lab running, inside its namespaces. Whatever it starts ends with it: it lives below process
 * 1 of a PID namespace, and when that ends the kernel ends everything in there.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { FailedError } from '../errors/exit.ts';
import { createExec } from '../host/exec.ts';
import { serveControl } from './control.ts';
import type { Engine, LabMachine } from './engine.ts';
import type { ConsoleListeners } from './guest-console.ts';
import { controlSocket, type LabFolder, type NodeState, type Phase } from './lab-folder.ts';
import type { LabEngine, LabNode, LabPlan } from './lab-plan.ts';
import { networkCommands, udhcpdConfig } from './network.ts';
import { qemuEngine } from './qemu.ts';
import { bringUp } from './run-node.ts';
import { umlEngine } from './uml.ts';

/** What a console that is attached to late gets to see of before, in characters. */
const HISTORY = 4096;
/** Longest time a timer takes: 24 days. */
const FOR_EVER = 2 ** 31 - 1;

/** Brings the lab's nodes up and keeps them running until this process is ended. */
export async function keepLab(folder: LabFolder, sockets: string): Promise<never> {
  const plan = await folder.plan();
  if (plan === undefined) throw new FailedError(`there is no lab in ${folder.dir}`);
  const exec = createExec();
  for (const command of networkCommands(plan.network)) await exec(command);
  if (plan.network.leases.length > 0) {
    const config = join(sockets, 'udhcpd.conf');
    await writeFile(join(sockets, 'udhcpd.leases'), '');
    await writeFile(config, udhcpdConfig(plan.network, sockets));
    await exec({ file: 'busybox', args: ['udhcpd', '-S', config], effect: 'write' });
  }
  const book = new StateBook(folder, plan);
  await book.write();
  const desk = new ConsoleDesk();
  const engine = createEngine(plan.engine, sockets, desk.listeners);
  await serveControl(controlSocket({ sockets }), {
    console: (node) => desk.attach(node),
    screenshot: (node, file) => desk.machine(node).screenshot(file),
  });
  const inPlace = places(plan.atOnce);
  for (const node of plan.nodes) void keepNode(node, { plan, engine, inPlace, book, desk });
  // Machines that have ended leave what can be looked at until somebody ends the lab.
  return book.broken;
}

function createEngine(engine: LabEngine, sockets: string, listeners: ConsoleListeners): Engine {
  if (engine.kind === 'qemu') return qemuEngine({ acceleration: engine.acceleration, ...listeners });
  return umlEngine({ exec: createExec(), images: engine.images, sockets, ...listeners });
}

interface Household {
  readonly plan: LabPlan;
  readonly engine: Engine;
  readonly inPlace: <T>(work: () => Promise<T>) => Promise<T>;
  readonly book: StateBook;
  readonly desk: ConsoleDesk;
}

/** Settles when the node's machine has ended. */
async function keepNode(node: LabNode, { plan, engine, inPlace, book, desk }: Household): Promise<void> {
  const { name } = node;
  const course = {
    engine,
    inPlace,
    ...(plan.engine.kind === 'qemu' ? { iso: plan.engine.iso } : {}),
    entered: (phase: Phase) => book.enter(name, phase),
    runs: (machine: LabMachine) => desk.put(name, machine),
  };
  try {
    await mkdir(dirname(node.machine.consoleLog), { recursive: true });
    book.enter(name, await bringUp(node, course));
  } catch (error) {
    // The machine stays as it is, for whoever wants to know why.
    return book.enter(name, 'failed', error instanceof Error ? error.message : String(error));
  }
  try {
    await desk.machine(name).waitForPowerOff(FOR_EVER);
    book.enter(name, 'off', 'it switched itself off');
  } catch (error) {
    book.enter(name, 'off', error instanceof Error ? error.message : String(error));
  }
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

/** Keeps `state.json` true: one write after the other, the last word last. */
class StateBook {
  /** Rejects when the state cannot be written any more: a lab that nobody can follow is better ended. */
  readonly broken: Promise<never>;
  #break: (reason: unknown) => void = () => undefined;
  readonly #folder: LabFolder;
  readonly #since = Date.now();
  readonly #nodes: Map<string, NodeState>;
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: LabFolder, { nodes }: LabPlan) {
    this.#folder = folder;
    this.#nodes = new Map(nodes.map(({ name }) => [name, { name, phase: 'queued', since: this.#since }]));
    this.broken = new Promise((_, reject) => {
      this.#break = reject;
    });
  }

  enter(name: string, phase: Phase, detail?: string): void {
    this.#nodes.set(name, { name, phase, since: Date.now(), ...(detail === undefined ? {} : { detail }) });
    this.write().catch(this.#break);
  }

  write(): Promise<void> {
    this.#writing = this.#writing.then(() =>
      this.#folder.writeState({ since: this.#since, nodes: [...this.#nodes.values()] }),
    );
    return this.#writing;
  }
}

/** Who listens to which console. */
class ConsoleDesk {
  readonly #machines = new Map<string, LabMachine>();
  readonly #listening = new Map<string, Set<Socket>>();
  readonly #history = new Map<string, string>();

  readonly listeners: ConsoleListeners = {
    tap: (name, text) => {
      this.#history.set(name, ((this.#history.get(name) ?? '') + text).slice(-HISTORY));
      for (const socket of this.#listening.get(name) ?? []) socket.write(text);
    },
  };

  put(name: string, machine: LabMachine): void {
    this.#machines.set(name, machine);
  }

  machine(name: string): LabMachine {
    const machine = this.#machines.get(name);
    if (machine === undefined) throw new FailedError(`${name} has not been started yet`);
    return machine;
  }

  attach(name: string): (socket: Socket) => void {
    this.machine(name);
    return (socket) => {
      const listening = this.#listening.get(name) ?? new Set();
      this.#listening.set(name, listening.add(socket));
      socket.write(this.#history.get(name) ?? '');
      // Asked each time: an installation ends, and another machine has the node's console.
      socket.on('data', (data) => this.machine(name).type(data.toString('utf8')));
      socket.once('close', () => listening.delete(socket));
      socket.resume();
    };
  }
}
