/** The engine on User-Mode Linux: a Linux kernel that is a program. No firmware, no boot loader, no emulation. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, existsSync, type WriteStream } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Exec } from '../engine/command.ts';
import { makeFolder } from '../engine/make-folder.ts';
import { atExit } from '../host/at-exit.ts';
import { temporaryName } from '../host/atomic.ts';
import { ProcessTree } from '../host/process-tree.ts';
import { cpioArchive, joinArchives } from './cpio.ts';
import { createDisk } from './disks.ts';
import type { Engine, LabMachine, LabMachineSpec, LabRoot } from './engine.ts';
import { type ConsoleListeners, GuestConsole } from './guest-console.ts';
import { mconsoleCommand } from './mconsole.ts';
import { Processors } from './processors.ts';
import { MEMORY_FOLDER, umlArgs } from './uml-args.ts';
import type { UmlImages } from './uml-images.ts';

export interface UmlOptions extends ConsoleListeners {
  readonly exec: Exec;
  readonly images: UmlImages;
  /** Folder of the machines' control sockets; short, for a socket's path has 107 bytes. Default: beside the console. */
  readonly sockets?: string;
}

/** Room for changes to a shared root; sparse. */
const CHANGES_BYTES = 8 * 1024 ** 3;
/** What the kernel prints, whatever its log level, when the guest switches off or restarts. */
const LAST_WORD = /reboot: (Power down|System halted|Restarting system)/;

/** Each machine needs a folder of its own: that of its console log. */
export function umlEngine(options: UmlOptions): Engine {
  const processors = new Processors();
  return {
    async start(spec) {
      const dir = dirname(spec.consoleLog);
      await makeFolder(dir);
      const initrd = await ownInitrd(spec, options.images, dir);
      if (spec.root?.kind === 'overlay') await makeChanges(spec.root, options.exec);
      const scratch = (disk: number): string => join(dir, `changes${disk}.cow`);
      const umlDir = options.sockets ?? dir;
      const args = umlArgs(spec, { initrd, modules: options.images.modules, umlDir, scratch });
      const processor = await processors.next();
      const machine = new UmlMachine(spec, args, { ...options, sockets: umlDir, processor });
      await machine.started();
      return machine;
    },
  };
}

/** The common initramfs, with the seed of this machine behind it. */
async function ownInitrd({ root }: LabMachineSpec, images: UmlImages, dir: string): Promise<string> {
  if (root?.seed === undefined || root.seed.length === 0) return images.initrd;
  const initrd = join(dir, 'initrd');
  const seed = root.seed.map((file) => ({ ...file, path: `seed/${file.path}` }));
  await writeFile(initrd, joinArchives([await readFile(images.initrd), cpioArchive(seed)]));
  return initrd;
}

async function makeChanges({ changes }: Extract<LabRoot, { kind: 'overlay' }>, exec: Exec): Promise<void> {
  if (existsSync(changes)) return;
  const unfinished = temporaryName(changes);
  await createDisk(unfinished, CHANGES_BYTES);
  // Written lazily, or 20 machines would cost 1.5 GB of zeros.
  const lazy = 'lazy_itable_init=1,lazy_journal_init=1';
  await exec({ file: 'mke2fs', args: ['-q', '-t', 'ext4', '-E', lazy, unfinished], effect: 'write' });
  await rename(unfinished, changes);
}

class UmlMachine implements LabMachine {
  readonly spec: LabMachineSpec;
  readonly #exec: Exec;
  readonly #sockets: string;
  readonly #child: ChildProcess;
  readonly #tree: ProcessTree | undefined;
  readonly #console: GuestConsole;
  readonly #log: WriteStream;
  readonly #ended: Promise<void>;
  #alive = true;
  #problem: Error | undefined;

  constructor(
    spec: LabMachineSpec,
    args: readonly string[],
    options: Required<Pick<UmlOptions, 'exec' | 'sockets'>> &
      ConsoleListeners & { readonly processor: number },
  ) {
    this.spec = spec;
    this.#exec = options.exec;
    this.#sockets = options.sockets;
    this.#console = new GuestConsole(spec, options);
    this.#log = createWriteStream(spec.consoleLog);
    // On a full disk the rest of the log is lost, and the machine goes on.
    this.#log.on('error', () => undefined);
    const pinned = ['taskset', '--cpu-list', String(options.processor)];
    // Standard output as pipes: the kernel cannot wait for input on a file.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', ...pinned, 'linux.uml', ...args], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...(existsSync(MEMORY_FOLDER) ? { TMPDIR: MEMORY_FOLDER } : {}) },
    });
    const { pid, stdout, stderr, stdin } = this.#child;
    this.#tree = pid === undefined ? undefined : new ProcessTree(pid);
    const forget = atExit(() => this.#tree?.signal('SIGKILL'));
    for (const stream of [stdout, stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log.write(text);
        this.#console.feed(text);
      });
    }
    stdin?.on('error', () => undefined); // typed into a machine that has just ended
    this.#ended = new Promise((resolve) => {
      const over = async (): Promise<void> => {
        // The kernel's helpers and the guest's processes outlive it, and they hold its disks.
        this.#tree?.signal('SIGKILL');
        this.#alive = false;
        forget();
        this.#console.close();
        this.#log.end();
        await this.#forgetWrites();
        resolve();
      };
      // Not `close`: helpers that are left behind keep the pipes open.
      this.#child.once('exit', () => setImmediate(over));
      this.#child.once('error', (error) => {
        this.#problem = error;
        void over();
      });
    });
  }

  async started(): Promise<void> {
    if (this.#child.pid !== undefined) return;
    await this.#ended;
    throw this.#console.failure(`linux.uml did not start: ${this.#problem?.message ?? ''}`);
  }

  waitForLine(
    pattern: RegExp,
    timeoutMs: number,
    failures: 'end-it' | 'expected' = 'end-it',
  ): Promise<string> {
    return this.#console.waitForLine(
      pattern,
      timeoutMs,
      failures,
      () => this.#lastWord() ?? 'linux.uml stopped',
    );
  }

  async waitForPowerOff(timeoutMs: number): Promise<'off' | 'reset'> {
    await this.#console.waitForEnd(this.#ended, timeoutMs);
    const word = this.#lastWord();
    if (word === undefined) throw this.#console.failure('was ended, not switched off');
    return word === 'Restarting system' ? 'reset' : 'off';
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  async press(...keys: readonly string[]): Promise<void> {
    if (keys.join(' ') !== 'ctrl alt delete') throw this.#lacks('keyboard');
    await this.powerButton();
  }

  /** Ctrl-Alt-Del is all there is. A seeded root switches off at it, any other restarts. */
  async powerButton(): Promise<void> {
    await this.#exec(mconsoleCommand(join(this.#sockets, this.spec.name, 'mconsole'), 'cad'));
  }

  async unplug(): Promise<void> {
    throw this.#lacks('way to pull a disk out');
  }

  async screenshot(): Promise<void> {
    throw this.#lacks('screen');
  }

  transcript(): string {
    return this.#console.lines.join('\n');
  }

  async end(): Promise<void> {
    // At once, as a power cut is: asked politely the kernel would write what it still holds.
    if (this.#alive) await this.#tree?.end(0);
    await this.#ended;
  }

  #lastWord(): string | undefined {
    const lines = this.#console.lines.slice(-5);
    return lines.map((line) => LAST_WORD.exec(line)?.[1]).find((word) => word !== undefined);
  }

  async #forgetWrites(): Promise<void> {
    const dir = dirname(this.spec.consoleLog);
    for (const [i, { discardWrites }] of this.spec.disks.entries()) {
      if (discardWrites === true) await rm(join(dir, `changes${i}.cow`), { force: true });
    }
  }

  #lacks(what: string): Error {
    return this.#console.failure(`a User-Mode Linux machine has no ${what}`);
  }
}
