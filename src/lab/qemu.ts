/** The engine on QEMU. */

import { type ChildProcess, spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { Duplex } from 'node:stream';
import { makeFolder } from '../engine/make-folder.ts';
import { atExit } from '../host/at-exit.ts';
import { createExec } from '../host/exec.ts';
import { ProcessTree } from '../host/process-tree.ts';
import { makeOwnFiles } from './disks.ts';
import type { Engine, LabDisk, LabMachine, LabMachineSpec } from './engine.ts';
import { type ConsoleListeners, GuestConsole } from './guest-console.ts';
import { type Acceleration, driveId, isScsi, QMP_FD, qemuArgs, scsiDiskId } from './qemu-args.ts';
import { QmpClient } from './qmp.ts';

export interface QemuOptions extends ConsoleListeners {
  readonly acceleration: Acceleration;
}

export function qemuEngine(options: QemuOptions): Engine {
  const exec = createExec();
  return {
    async start(spec) {
      await makeFolder(dirname(spec.consoleLog));
      await makeOwnFiles(spec, exec);
      const machine = new QemuMachine(spec, options);
      await machine.ready();
      return machine;
    },
  };
}

class QemuMachine implements LabMachine {
  readonly spec: LabMachineSpec;
  readonly #child: ChildProcess;
  /** Undefined when the program could not be started. */
  readonly #tree: ProcessTree | undefined;
  readonly #console: GuestConsole;
  readonly #qmp: QmpClient;
  readonly #ended: Promise<void>;
  #stderr = '';
  /** QEMU's word for why the machine stopped, e.g. `guest-shutdown`. */
  #shutdown: string | undefined;
  #alive = true;

  constructor(spec: LabMachineSpec, { acceleration, ...listeners }: QemuOptions) {
    this.spec = spec;
    this.#console = new GuestConsole(spec, listeners);
    // setpriv makes the kernel end QEMU when we are killed without a chance to tidy up.
    this.#child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...qemuArgs(spec, acceleration)],
      { detached: true, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] },
    );
    const { pid, stdout, stderr, stdin, stdio } = this.#child;
    this.#tree = pid === undefined ? undefined : new ProcessTree(pid);
    const forget = atExit(() => this.#tree?.signal('SIGKILL'));
    stdout?.setEncoding('utf8').on('data', (text: string) => this.#console.feed(text));
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    stdin?.on('error', () => undefined); // typed into a machine that has just ended
    const channel = stdio[QMP_FD];
    if (!(channel instanceof Duplex)) throw new Error('QEMU got no control channel');
    this.#qmp = new QmpClient(channel, (event, data) => {
      if (event === 'SHUTDOWN') this.#shutdown = String(data['reason']);
      if (event === 'BLOCK_IO_ERROR' && data['nospace'] === true) this.#outOfSpace();
    });
    this.#ended = new Promise((resolve) => {
      const over = (): void => {
        this.#alive = false;
        forget();
        this.#console.close();
        resolve();
      };
      this.#child.once('close', over);
      this.#child.once('error', (error) => {
        this.#stderr += error.message;
        over();
      });
    });
  }

  async ready(): Promise<void> {
    try {
      await this.#qmp.negotiate();
    } catch {
      await this.#ended;
      throw this.#console.failure(`QEMU did not start: ${this.#stderr.trim()}`);
    }
  }

  waitForLine(
    pattern: RegExp,
    timeoutMs: number,
    failures: 'end-it' | 'expected' = 'end-it',
  ): Promise<string> {
    return this.#console.waitForLine(pattern, timeoutMs, failures, () => this.#ending());
  }

  async waitForPowerOff(timeoutMs: number): Promise<'off' | 'reset'> {
    await this.#console.waitForEnd(this.#ended, timeoutMs);
    if (this.#shutdown?.startsWith('guest-') !== true) {
      throw this.#console.failure(`was ended, not switched off (${this.#ending()})`);
    }
    return this.#shutdown === 'guest-reset' ? 'reset' : 'off';
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  async press(...keys: readonly string[]): Promise<void> {
    await this.#qmp.execute('send-key', { keys: keys.map((data) => ({ type: 'qcode', data })) });
  }

  async powerButton(): Promise<void> {
    await this.#qmp.execute('system_powerdown');
  }

  async unplug(disk: LabDisk): Promise<void> {
    const index = this.spec.disks.findIndex(({ file }) => file === disk.file);
    if (!isScsi(disk.bus) || index < 0) throw new Error(`${disk.file} is no SCSI disk of ${this.spec.name}`);
    await this.#qmp.execute('device_del', { id: scsiDiskId(index) });
  }

  async screenshot(file: string): Promise<void> {
    await this.#qmp.execute('screendump', { filename: file, format: file.endsWith('.png') ? 'png' : 'ppm' });
  }

  async limitWrites(disk: LabDisk, bytesPerSecond = 0): Promise<void> {
    const index = this.spec.disks.findIndex(({ file }) => file === disk.file);
    if (index < 0) throw new Error(`${disk.file} is no disk of ${this.spec.name}`);
    // 0 is no limit.
    const others = { bps: 0, bps_rd: 0, iops: 0, iops_rd: 0, iops_wr: 0 };
    await this.#qmp.execute('block_set_io_throttle', {
      ...{ device: driveId(index), bps_wr: bytesPerSecond, ...others },
    });
  }

  async freezeDisks(files: readonly string[]): Promise<void> {
    // One transaction: all disks at the same moment.
    const actions = this.spec.disks.map((_, i) => ({
      type: 'blockdev-snapshot-sync',
      data: { device: driveId(i), 'snapshot-file': files[i], format: 'qcow2' },
    }));
    await this.#qmp.execute('transaction', { actions });
  }

  transcript(): string {
    return this.#console.lines.join('\n');
  }

  async end(): Promise<void> {
    if (this.#alive) await this.#tree?.end();
    await this.#ended;
  }

  /** QEMU halts a guest whose disk has no room, until somebody makes some. Whoever waits is better told at once. */
  #outOfSpace(): void {
    this.#stderr += 'no space is left for its disks on this computer';
    this.#tree?.signal('SIGKILL');
  }

  #ending(): string {
    const complaint = this.#stderr.trim();
    return `${this.#shutdown ?? 'QEMU stopped'}${complaint === '' ? '' : `: ${complaint}`}`;
  }
}
