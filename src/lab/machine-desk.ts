/** The machines of a lab that runs, for who wants to reach them. */
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { FailedError } from '../errors/exit.ts';
import type { LabMachine } from './engine.ts';
import type { ConsoleListeners } from './guest-console.ts';

/** What a console that is attached to late gets to see of before, in characters. */
const HISTORY = 4096;
/** Longest time a timer takes: 24 days. */
const FOR_EVER = 2 ** 31 - 1;
/** Milliseconds between two looks whether a machine has come that is to be ended. */
const POLL_MS = 250;

/** Which machine each node has at present, and who listens to its console. */
export class MachineDesk {
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

  /** Waits until the node's machine has ended and says how; at once where there is none. */
  async ended(name: string): Promise<string> {
    try {
      await this.machine(name).waitForPowerOff(FOR_EVER);
      return 'it switched itself off';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Ends all machines until `over`: one that is only being started is here a moment later. */
  async endAll(over: Promise<unknown>): Promise<void> {
    let isOver = false;
    const ended = over.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await Promise.all([...this.#machines.values()].map((machine) => machine.end()));
      await Promise.race([ended, pause(POLL_MS)]);
    }
    await ended;
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
