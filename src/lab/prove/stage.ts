/**
 * A computer on which cells are proven one after the other. What a cell shows on its consoles, and the screen at its end,
 * is kept beside the report; what it does to the disks is kept or forgotten, as it wishes.
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Exec } from '../../engine/command.ts';
import { createDisk, type Image, overlayCommand, rawImage } from '../disks.ts';
import type { Engine, LabDisk, LabMachine, LabMachineSpec } from '../engine.ts';
import { ConsoleSpans } from '../evidence/console-spans.ts';
import type { Span } from '../evidence/types.ts';
import type { ConsoleListeners } from '../guest-console.ts';
import type { CellLog } from './cell-log.ts';
import { type InstalledComputer, UNDECLARED_MIB } from './computer.ts';
import { copyImage, writeForeign } from './images.ts';
import type { Tamper } from './sabotage.ts';

/** Milliseconds a phase may take under emulation on a busy machine: far more than it needs, far less than for ever. */
export const LIMIT = {
  /** Until a disk shows that it starts anything. */
  life: 120_000,
  menu: 180_000,
  install: 600_000,
  boot: 300_000,
  /** From the boot menu of the disk to the agent's verdict, a resync included. */
  verdict: 600_000,
  powerOff: 120_000,
} as const;

/** What a disk's boot loader, its kernel and its system print first. */
const LIFE = /GNU GRUB|Linux version|slipway: |login:/;

export interface StageSurroundings {
  readonly exec: Exec;
  engine(listeners: ConsoleListeners): Engine;
  /** Virtual processors of each machine. */
  readonly cpus: number;
  /** Seconds since the run began. */
  now(): number;
}

/** What UEFI remembers of earlier starts; `copied`: what it changes is forgotten with the cell. */
export type Firmware = 'kept' | 'copied' | 'forgotten';

export class Stage {
  readonly computer: InstalledComputer;
  readonly exec: Exec;
  /** The declared disks, and after them the one that is not, if any. What is written to them stays. */
  readonly disks: readonly LabDisk[];
  readonly #spans = new ConsoleSpans();
  readonly #dir: string;
  readonly #engine: Engine;
  readonly #surroundings: StageSurroundings;
  /** Other computers of the same proof. */
  readonly #beside: Stage[] = [];
  #running: LabMachine | undefined;
  #log: CellLog | undefined;
  /** Whose console a line is from; not said of a computer by itself. */
  #label: string | undefined;
  #tamper: Tamper | undefined;
  /** Files of the present cell, removed with it. */
  #scratch = 0;
  #ended = false;

  /** `dir`: absolute; for the disks. */
  constructor(computer: InstalledComputer, dir: string, surroundings: StageSurroundings) {
    this.computer = computer;
    this.exec = surroundings.exec;
    this.#dir = dir;
    this.#surroundings = surroundings;
    this.#engine = surroundings.engine({ watch: (_, line) => this.#hear(line) });
    const { machine, undeclared } = computer;
    this.disks = [...machine.disks, ...(undeclared === undefined ? [] : [undeclared])].map((disk) => ({
      ...disk,
      file: join(dir, disk.file),
    }));
  }

  get node(): string {
    return this.computer.node;
  }

  /** The disks that the spec declares. */
  get declared(): readonly LabDisk[] {
    return this.disks.slice(0, this.computer.machine.disks.length);
  }

  /** The disk that nobody declared. */
  get undeclared(): LabDisk {
    const disk = this.disks[this.declared.length];
    if (disk === undefined) throw new RangeError(`${this.node} has no undeclared disk`);
    return disk;
  }

  /** What lay on it before anything was installed: a raw image. */
  get undeclaredBefore(): string {
    return join(this.#dir, 'undeclared.before');
  }

  /** Declared disk `index` (from 0). */
  disk(index: number): LabDisk {
    const disk = this.declared[index];
    if (disk === undefined) throw new RangeError(`${this.node} has no disk ${index + 1}`);
    return disk;
  }

  /** Makes the computer: empty disks, and somebody's file system on the one that nobody declared. */
  async build(): Promise<void> {
    await mkdir(this.#scratchDir, { recursive: true });
    for (const [i, { file }] of this.disks.entries()) {
      await createDisk(file, (this.computer.diskMiB[i] ?? UNDECLARED_MIB) * 2 ** 20);
    }
    if (this.computer.undeclared === undefined) return;
    await writeForeign(this.exec, this.undeclared.file);
    await copyImage(this.exec, this.undeclared.file, this.undeclaredBefore);
  }

  /** Makes another computer for the same cells; it ends and goes with this one. */
  async beside(computer: InstalledComputer): Promise<Stage> {
    const other = new Stage(computer, join(this.#dir, `beside-${computer.node}`), this.#surroundings);
    this.#beside.push(other);
    this.#label = this.node;
    other.#label = other.node;
    await other.build();
    if (this.#log !== undefined) other.enter(this.#log);
    return other;
  }

  /** What the nodes on this computer and those beside it did. */
  get histories(): readonly { readonly computer: InstalledComputer; readonly spans: readonly Span[] }[] {
    const own = { computer: this.computer, spans: this.#spans.spans };
    return [own, ...this.#beside.flatMap(({ histories }) => histories)];
  }

  /** From here on it is about one cell. */
  enter(log: CellLog): void {
    this.#log = log;
    for (const other of this.#beside) other.enter(log);
  }

  /** Until the cell is over its machines are harmed before they are switched on. */
  harm(tamper: Tamper): void {
    this.#tamper = tamper;
    for (const other of this.#beside) other.harm(tamper);
  }

  /** The cell is over: its machine is ended, and what it made is removed. */
  async leave(): Promise<void> {
    await this.#end();
    for (const other of this.#beside) await other.leave();
    this.#log = undefined;
    this.#tamper = undefined;
    await rm(this.#scratchDir, { recursive: true, force: true });
    if (!this.#ended) await mkdir(this.#scratchDir, { recursive: true });
  }

  /** Ends everything and removes the computer. */
  async clear(): Promise<void> {
    this.#ended = true;
    await this.leave();
    for (const other of this.#beside) await other.clear();
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** A file of the present cell. */
  scratch(suffix: string): string {
    return join(this.#scratchDir, `${++this.#scratch}${suffix}`);
  }

  /** A file that stays until the computer is removed. */
  keep(name: string): string {
    return join(this.#dir, name);
  }

  /** The disk as it is now, or as `image` has it; what is written to it is gone with the cell. */
  async overlay(disk: LabDisk, image: Image = rawImage(disk.file)): Promise<LabDisk> {
    const changes = this.scratch('.qcow2');
    await this.exec(overlayCommand(image, changes));
    return { ...disk, changes };
  }

  overlays(disks: readonly LabDisk[] = this.disks): Promise<readonly LabDisk[]> {
    return Promise.all(disks.map((disk) => this.overlay(disk)));
  }

  /**
   * An empty disk in the place of declared disk `index`: of its size, and another one unless the spec wants a disk of
   * just this name there. Gone with the cell.
   */
  async blankFor(index: number): Promise<LabDisk> {
    const file = this.scratch('.raw');
    await createDisk(file, (this.computer.diskMiB[index] ?? 0) * 2 ** 20);
    const old = this.disk(index);
    return { ...old, file, ...(this.computer.demand.kind === 'matching' ? { serial: 'REPLACEMENT' } : {}) };
  }

  /** Switches it on, lets `use` watch it, and pulls the plug if it is still on after that. */
  async power<T>(
    change: Partial<LabMachineSpec> & { readonly firmwareMemory?: Firmware },
    use: (machine: LabMachine) => Promise<T>,
  ): Promise<T> {
    const { firmwareMemory = 'kept', ...rest } = change;
    const wanted: LabMachineSpec = {
      ...this.computer.machine,
      cpus: this.#surroundings.cpus,
      disks: this.disks,
      consoleLog: this.scratch('.log'),
      efiVars: await this.#variables(firmwareMemory),
      ...rest,
    };
    const spec = (await this.#tamper?.(wanted, this)) ?? wanted;
    this.#log?.heading(describeStart(spec), this.#label);
    this.#running = await this.#engine.start(spec);
    try {
      // Nobody could interrupt it while it was being started.
      if (this.#ended) await this.#running.end();
      return await use(this.#running);
    } finally {
      await this.#end();
    }
  }

  /** {@link LabMachine.waitForLine}, and the line is part of what the cell shows. */
  async expect(
    machine: LabMachine,
    pattern: RegExp,
    timeoutMs: number,
    failures: 'end-it' | 'expected' = 'end-it',
  ): Promise<string> {
    const line = await machine.waitForLine(pattern, timeoutMs, failures);
    this.shows(line);
    return line;
  }

  /** Something is started from the disks at all. Told apart from what comes later, since silence needs no long wait. */
  async expectLife(machine: LabMachine): Promise<void> {
    await machine.waitForLine(LIFE, LIMIT.life);
  }

  /** Somebody is at home, whatever has failed: Enter is answered by a login prompt. */
  async expectLogin(machine: LabMachine): Promise<void> {
    machine.type('\r');
    await this.expect(machine, new RegExp(`${this.node} login:`), LIMIT.boot, 'expected');
  }

  async switchOff(machine: LabMachine, limitMs: number = LIMIT.powerOff): Promise<void> {
    await machine.powerButton();
    await machine.waitForPowerOff(limitMs);
  }

  /** A line that shows what the cell is about. */
  shows(line: string): void {
    this.#log?.shows(line);
  }

  get #scratchDir(): string {
    return join(this.#dir, 'cell');
  }

  #hear(line: string): void {
    this.#log?.line(line, this.#label);
    this.#spans.line(line, this.#surroundings.now());
  }

  async #end(): Promise<void> {
    const machine = this.#running;
    if (machine === undefined) return;
    this.#running = undefined;
    if (machine.spec.screen === true) await this.#log?.screenshot(machine);
    await machine.end();
    this.#spans.end(this.#surroundings.now());
  }

  /** Interrupts whatever waits for the machine. */
  async interrupt(): Promise<void> {
    this.#ended = true;
    await Promise.all([this.#running?.end(), ...this.#beside.map((other) => other.interrupt())]);
  }

  async #variables(memory: Firmware): Promise<string> {
    const kept = join(this.#dir, 'efivars.fd');
    if (memory === 'kept') return kept;
    const own = this.scratch('.fd');
    if (memory === 'copied' && existsSync(kept)) await copyFile(kept, own);
    return own;
  }
}

function describeStart({ firmware, medium, disks }: LabMachineSpec): string {
  const from = medium === undefined ? 'from its disks' : `from the ISO (${medium.kind})`;
  const names = disks.map(({ serial }) => serial).join(', ');
  return `${firmware}, ${from}; disks: ${names}`;
}
