/** What proofs on virtual machines share: a folder for one set of disks, installing on them, booting them. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { accelerate } from '../../src/lab/accelerate.ts';
import { createDisk } from '../../src/lab/disks.ts';
import type { LabDisk, LabFirmware, LabMachine, LabMachineSpec } from '../../src/lab/engine.ts';
import { qemuEngine } from '../../src/lab/qemu.ts';
import { chooseEntry, installFrom } from '../../src/lab/run-node.ts';
import { buildProgram } from './build-program.ts';
import { makeTempDir } from './tmp.ts';

/** Milliseconds a phase may take under emulation on a busy machine: far more than it needs, far less than for ever. */
export const LIMIT = {
  build: 15 * 60_000,
  menu: 120_000,
  install: 240_000,
  powerOff: 60_000,
  boot: 120_000,
  agent: 180_000,
  /** A whole installation. */
  installed: 420_000,
  /** A boot, what the agent does then, and a login or a power-off. */
  settled: 480_000,
} as const;

export const GIB = 1024 ** 3;
const SHOW = process.env['SLIPWAY_LAB_SHOW'] !== undefined;

/** Builds the ISO of an example by the command line that users have. */
export async function buildExampleIso(
  example: string,
  out: string,
  {
    args: options = [],
    env = {},
  }: { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const root = packageRoot();
  const exec = createExec();
  const node = (...args: readonly string[]) =>
    exec({ file: process.execPath, args, cwd: root, env, effect: 'write', timeoutMs: LIMIT.build });
  await buildProgram(exec);
  await node('lib/cli.js', 'iso', `examples/${example}.yaml`, '--out', out, ...options);
  return join(out, `${example}.iso`);
}

export interface BenchOptions {
  readonly disks: number;
  readonly firmware: LabFirmware;
  readonly bus?: LabDisk['bus'];
  readonly macs?: readonly string[];
}

/** One computer on a bench: its disks and its UEFI variables outlive each power-on. */
export class Bench {
  readonly dir: string;
  readonly disks: readonly LabDisk[];
  readonly #options: BenchOptions;
  #boots = 0;
  #running: LabMachine | undefined;

  private constructor(dir: string, options: BenchOptions) {
    this.dir = dir;
    this.#options = options;
    this.disks = Array.from({ length: options.disks }, (_, i) => ({
      file: join(dir, `disk${i + 1}.raw`),
      bus: options.bus ?? 'virtio',
      serial: `DISK${i + 1}`,
    }));
  }

  /** With empty disks of 8 GiB, in a folder below the system's for temporary files. */
  static async create(options: BenchOptions): Promise<Bench> {
    const bench = new Bench(makeTempDir('slipway-lab-'), options);
    for (const { file } of bench.disks) await createDisk(file, 8 * GIB);
    return bench;
  }

  /** Turns it on; the machine that ran before is ended first. */
  async start(change: Partial<LabMachineSpec> = {}): Promise<LabMachine> {
    await this.end();
    const { firmware, macs = ['52:54:00:00:00:01'] } = this.#options;
    const name = `boot-${++this.#boots}`;
    const acceleration = await accelerate(createExec());
    const watch = (machine: string, line: string): void => {
      if (SHOW) console.log(`${machine}| ${line}`);
    };
    this.#running = await qemuEngine({ acceleration, watch }).start({
      name,
      memoryMiB: 1024,
      cpus: 2,
      firmware,
      disks: this.disks,
      nics: macs.map((mac) => ({ mac })),
      consoleLog: join(this.dir, `${name}.log`),
      efiVars: join(this.dir, 'efivars.fd'),
      onReboot: 'end',
      ...change,
    });
    return this.#running;
  }

  async end(): Promise<void> {
    await this.#running?.end();
    this.#running = undefined;
  }

  /** Ends the machine and removes everything, or everything but the consoles' logs. */
  async clear(keepLogs: boolean): Promise<void> {
    await this.end();
    if (keepLogs) for (const { file } of this.disks) await rm(file, { force: true });
    else await rm(this.dir, { recursive: true, force: true });
  }
}

/** Boots the medium, takes the entry with that key and waits until the node is installed and off. */
export async function install(
  bench: Bench,
  medium: NonNullable<LabMachineSpec['medium']>,
  hotkey: string,
  node: string,
): Promise<void> {
  const machine = await bench.start({ medium });
  await installFrom(machine, node, { hotkey, halts: false }, LIMIT);
}

/** Waits for the boot menu and takes the entry with that key, over the serial line. */
export const choose = (machine: LabMachine, hotkey: string): Promise<void> =>
  chooseEntry(machine, hotkey, LIMIT.menu);

/** Proves that somebody is at home, whatever has failed: Enter is answered by a login prompt. */
export async function expectLogin(machine: LabMachine, node: string): Promise<void> {
  machine.type('\r');
  await machine.waitForLine(new RegExp(`${node} login:`), LIMIT.boot, 'expected');
}

/** Test cases that build on each other: once one has failed, those after it are skipped. */
export class Sequence {
  #failed = false;

  get failed(): boolean {
    return this.#failed;
  }

  step(title: string, timeoutMs: number, prove: () => Promise<void>): void {
    const whenUnfailed = async (context: Mocha.Context): Promise<void> => {
      if (this.#failed) context.skip();
      context.timeout(timeoutMs);
      this.#failed = true;
      await prove();
      this.#failed = false;
    };
    it(title, function () {
      return whenUnfailed(this);
    });
  }
}

/** The one of `allowed` that `value` is. */
export function oneOf<T extends string>(allowed: readonly T[], value: string): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new Error(`'${value}' is none of ${allowed.join(', ')}`);
  return found;
}
