/**
 * A lab on disk. Whoever wants to know about a lab reads here, also when nobody who made it is alive any more:
 *
 *     lab.json       the plan             keeper.json   who keeps it running, and where it listens
 *     state.json     how far each node is <node>/       disks, consoles
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MissingError } from '../errors/exit.ts';
import { writeFileAtomically } from '../host/atomic.ts';
import { LAB_VERSION, type LabEngine, type LabPlan } from './lab-plan.ts';
import { isRunning, type ProcessIdentity } from './process-identity.ts';

export type Phase =
  | 'queued'
  | 'installing'
  | 'starting'
  /** Bare, and it answers. */
  | 'ready'
  /** Installed, and its agent has verified every step. */
  | 'complete'
  | 'failed'
  /** Was there, and has switched itself off or was ended. */
  | 'off';

export interface NodeState {
  readonly name: string;
  readonly phase: Phase;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Why it failed, or how it ended. */
  readonly detail?: string;
}

export interface LabState {
  /** When the lab began, milliseconds since the epoch. */
  readonly since: number;
  /** What runs the nodes now, where that is not what the plan says. */
  readonly engine?: LabEngine['kind'];
  readonly nodes: readonly NodeState[];
}

/** The process whose end is the end of everything in the lab. */
export interface Keeper extends ProcessIdentity {
  /** Folder of the control socket: short and only ours, wherever the lab lies. */
  readonly sockets: string;
}

const RUNNING: readonly Phase[] = ['queued', 'installing', 'starting'];

export const isSettled = ({ phase }: NodeState): boolean => !RUNNING.includes(phase);

export const controlSocket = ({ sockets }: Pick<Keeper, 'sockets'>): string => join(sockets, 'control');

export class LabFolder {
  /** Absolute. */
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
  }

  get lock(): string {
    return `${this.dir}.lock`;
  }

  get key(): string {
    return join(this.dir, 'id_ed25519');
  }

  get knownHosts(): string {
    return join(this.dir, 'known_hosts');
  }

  get keeperLog(): string {
    return join(this.dir, 'keeper.log');
  }

  exists(): boolean {
    return existsSync(this.#file('lab'));
  }

  /** Undefined when there is no lab. @throws {MissingError} for one that another version made. */
  async plan(): Promise<LabPlan | undefined> {
    const plan: LabPlan | undefined = await this.#read('lab');
    if (plan !== undefined && plan.version !== LAB_VERSION) {
      throw new MissingError(
        `the lab in ${this.dir} was made by another version of slipway`,
        `end it with that version, or remove the folder`,
      );
    }
    return plan;
  }

  async state(): Promise<LabState | undefined> {
    return this.#read('state');
  }

  /** Who keeps the lab running; undefined when nobody does. */
  async keeper(): Promise<Keeper | undefined> {
    const keeper: Keeper | undefined = await this.#read('keeper');
    return keeper !== undefined && isRunning(keeper) ? keeper : undefined;
  }

  /** The control sockets' folder of the last keeper, dead or alive. */
  async sockets(): Promise<string | undefined> {
    const keeper: Keeper | undefined = await this.#read('keeper');
    return keeper?.sockets;
  }

  writePlan(plan: LabPlan): Promise<void> {
    return this.#write('lab', plan);
  }

  writeKeeper(keeper: Keeper): Promise<void> {
    return this.#write('keeper', keeper);
  }

  writeState(state: LabState): Promise<void> {
    return this.#write('state', state);
  }

  /**
   * A folder that holds something and is no lab belongs to somebody else; what a `lab up` leaves that was killed at its
   * very beginning is ours.
   * @throws {MissingError} naming what is in there.
   */
  async requireOurs(): Promise<void> {
    if (!existsSync(this.dir) || this.exists()) return;
    const others = (await readdir(this.dir)).filter((name) => !/^(id_ed25519|lab\.json)/.test(name));
    if (others.length === 0) return;
    throw new MissingError(
      `${this.dir} is no lab, and holds ${others.slice(0, 3).join(', ')}${others.length > 3 ? ' …' : ''}`,
      'choose another folder with --dir: that of a lab is removed with it',
    );
  }

  /** Removes the lab's files, all at once as far as others can see. @throws {MissingError} when they are not a lab's. */
  async remove(): Promise<void> {
    if (!existsSync(this.dir)) return;
    await this.requireOurs();
    const aside = `${this.dir}.${randomUUID()}.tmp`;
    await rename(this.dir, aside);
    await rm(aside, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.dir, `${name}.json`);
  }

  /** What is written appears complete or not at all, so what can be read is whole. */
  async #read<T>(name: string): Promise<T | undefined> {
    if (!existsSync(this.#file(name))) return undefined;
    const value: T = JSON.parse(await readFile(this.#file(name), 'utf8'));
    return value;
  }

  async #write(name: string, value: unknown): Promise<void> {
    await writeFileAtomically(this.#file(name), `${JSON.stringify(value, undefined, 1)}\n`, 0o600);
  }
}
