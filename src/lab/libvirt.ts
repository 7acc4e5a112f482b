/** The engine on libvirt: machines of any host that a `virsh` here reaches. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeFolder } from '../engine/make-folder.ts';
import { MissingError } from '../errors/exit.ts';
import { atExit } from '../host/at-exit.ts';
import { ProcessTree } from '../host/process-tree.ts';
import { searchPath } from '../host/search-path.ts';
import type { Engine, LabDisk, LabMachine, LabMachineSpec } from './engine.ts';
import { type ConsoleListeners, GuestConsole } from './guest-console.ts';
import { domainXml } from './libvirt-domain.ts';
import type { LibvirtLab } from './libvirt-lab.ts';
import { virshCommand } from './libvirt-session.ts';

/** Milliseconds between two looks at whether a machine still runs. */
const POLL_MS = 500;
/** Milliseconds until a console that does not answer is given up. */
const ATTACH_MS = 30_000;
/** What Linux prints when it restarts; libvirt calls that a shutdown, too, where a reboot ends the machine. */
const RESTARTS = /reboot: Restarting system/;

export interface LibvirtOptions extends ConsoleListeners {
  readonly lab: LibvirtLab;
  readonly acceleration: 'kvm' | 'tcg';
}

export function libvirtEngine({ lab, acceleration, ...listeners }: LibvirtOptions): Engine {
  return {
    async start(spec) {
      await makeFolder(dirname(spec.consoleLog));
      const where = await lab.bring(spec);
      const name = lab.nameOf(spec.name);
      const xml = domainXml(spec, {
        name,
        type: acceleration === 'kvm' ? 'kvm' : 'qemu',
        where,
        ownVariables: !lab.sharesFiles,
        ...(lab.network === undefined ? {} : { network: lab.network }),
      });
      await lab.session.runOn(xml, 'define');
      const machine = new LibvirtMachine(spec, name, lab, listeners);
      try {
        await machine.turnOn();
      } catch (error) {
        await machine.end();
        throw error;
      }
      return machine;
    },
  };
}

/** Linux's names of the keys that QEMU calls otherwise. */
const KEYS: Readonly<Record<string, string>> = {
  ret: 'KEY_ENTER',
  ctrl: 'KEY_LEFTCTRL',
  alt: 'KEY_LEFTALT',
  shift: 'KEY_LEFTSHIFT',
};

class LibvirtMachine implements LabMachine {
  readonly spec: LabMachineSpec;
  readonly #name: string;
  readonly #lab: LibvirtLab;
  readonly #console: GuestConsole;
  readonly #log: WriteStream;
  #viewer: ChildProcess | undefined;
  #ended: Promise<string> | undefined;
  #isOff = false;
  #isGone = false;

  constructor(spec: LabMachineSpec, name: string, lab: LibvirtLab, listeners: ConsoleListeners) {
    this.spec = spec;
    this.#name = name;
    this.#lab = lab;
    this.#console = new GuestConsole(spec, listeners);
    this.#log = createWriteStream(spec.consoleLog);
    // On a full disk the rest of the log is lost, and the machine goes on.
    this.#log.on('error', () => undefined);
  }

  /** Its console is attached before its first instruction, so that nothing of it is lost. */
  async turnOn(): Promise<void> {
    await this.#virsh('start', this.#name, '--paused');
    await this.#attach();
    await this.#virsh('resume', this.#name);
    this.#ended = this.#watch();
    this.#ended.catch(() => undefined);
  }

  waitForLine(
    pattern: RegExp,
    timeoutMs: number,
    failures: 'end-it' | 'expected' = 'end-it',
  ): Promise<string> {
    return this.#console.waitForLine(pattern, timeoutMs, failures, () => 'libvirt has ended it');
  }

  async waitForPowerOff(timeoutMs: number): Promise<'off' | 'reset'> {
    const ended = this.#ended ?? Promise.resolve('');
    await this.#console.waitForEnd(
      ended.then(() => undefined),
      timeoutMs,
    );
    const how = await ended;
    if (!/\(shutdown\)/.test(how)) throw this.#console.failure(`was ended, not switched off (${how})`);
    return this.#console.lines.slice(-5).some((line) => RESTARTS.test(line)) ? 'reset' : 'off';
  }

  type(text: string): void {
    this.#viewer?.stdin?.write(text);
  }

  async press(...keys: readonly string[]): Promise<void> {
    const names = keys.map((key) => KEYS[key] ?? `KEY_${key.toUpperCase()}`);
    await this.#virsh('send-key', this.#name, '--codeset', 'linux', ...names);
  }

  async powerButton(): Promise<void> {
    await this.#virsh('shutdown', this.#name, '--mode', 'acpi');
  }

  async unplug(disk: LabDisk): Promise<void> {
    const index = this.spec.disks.findIndex(({ file }) => file === disk.file);
    const [target] =
      (await this.#virsh('domblklist', this.#name)).split('\n')[index]?.trim().split(/\s+/) ?? [];
    if (index < 0 || target === undefined) throw new Error(`${disk.file} is no disk of ${this.spec.name}`);
    await this.#virsh('detach-disk', this.#name, target, '--live');
  }

  async screenshot(file: string): Promise<void> {
    await this.#virsh('screenshot', this.#name, file);
  }

  transcript(): string {
    return this.#console.lines.join('\n');
  }

  async end(): Promise<void> {
    if (this.#isGone) return;
    this.#isGone = true;
    // Its definition stays until the lab is cleared: with it would go the variables that libvirt keeps for it.
    if (!this.#isOff) await this.#virsh('destroy', this.#name).catch(() => undefined); // it may have ended since
    await (this.#ended ?? this.#close());
  }

  #virsh(...words: readonly string[]): Promise<string> {
    return this.#lab.session.run(...words);
  }

  /** virsh wants a terminal for a console; script(1) makes one. */
  async #attach(): Promise<void> {
    const [file, ...args] = virshCommand(this.#lab.session.place, ['console', this.#name, '--force']);
    const line = [file, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const viewer = spawn('setpriv', ['--pdeathsig', 'KILL', 'script', '-qfec', line, '/dev/null'], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, PATH: searchPath() },
    });
    this.#viewer = viewer;
    const tree = viewer.pid === undefined ? undefined : new ProcessTree(viewer.pid);
    const forget = atExit(() => tree?.signal('SIGKILL'));
    viewer.stdin?.on('error', () => undefined); // typed into a machine that has just ended
    viewer.once('close', forget);
    let heading = '';
    await new Promise<void>((resolve, reject) => {
      const early = (): void => {
        clearTimeout(timer);
        reject(new MissingError(`the console of ${this.spec.name} cannot be attached: ${heading.trim()}`));
      };
      const timer = setTimeout(early, ATTACH_MS);
      viewer.once('error', reject);
      viewer.once('close', early);
      viewer.stdout?.setEncoding('utf8').on('data', (text: string) => {
        heading += text;
        // virsh's last words before the machine's first: how to leave.
        if (!/Escape character is [^\n]*\n/.test(heading)) return;
        clearTimeout(timer);
        viewer.off('close', early);
        viewer.stdout?.removeAllListeners('data').on('data', (said: string) => this.#feed(said));
        this.#feed(heading.replace(/^[\s\S]*Escape character is [^\n]*\n/, ''));
        resolve();
      });
    });
  }

  #feed(text: string): void {
    this.#log.write(text);
    this.#console.feed(text);
  }

  /** Resolves with its last state and the reason for it, in libvirt's words. */
  async #watch(): Promise<string> {
    try {
      for (;;) {
        const state = await this.#virsh('domstate', this.#name, '--reason').catch(() => 'gone');
        if (!/^(running|paused|in shutdown|idle|blocked)/.test(state)) return state;
        await pause(POLL_MS);
      }
    } finally {
      this.#isOff = true;
      await this.#close();
    }
  }

  async #close(): Promise<void> {
    const { pid } = this.#viewer ?? {};
    if (pid !== undefined) await new ProcessTree(pid).end(1_000);
    this.#console.close();
    this.#log.end();
  }
}
