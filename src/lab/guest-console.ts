/** What every engine's machine does with its console: wait for a line, and say what was printed last when it fails. */
import { LabFailure, type LabMachineSpec } from './engine.ts';
import { SerialConsole } from './serial-console.ts';

/** Who listens to machines' consoles. */
export interface ConsoleListeners {
  /** Sees every line, without control sequences. */
  readonly watch?: (machine: string, line: string) => void;
  /** Sees everything as it comes. */
  readonly tap?: (machine: string, text: string) => void;
}

/** What the kernel, our initramfs, the installer and the agent print when they give up. */
const GAVE_UP = /slipway: failed |slipway: .*\ba shell follows|Kernel panic - not syncing/;
/** Console lines quoted in a failure. */
const LAST_LINES = 25;

export class GuestConsole {
  readonly #spec: LabMachineSpec;
  readonly #serial: SerialConsole;
  readonly #listeners: ConsoleListeners;

  constructor(spec: LabMachineSpec, listeners: ConsoleListeners) {
    this.#spec = spec;
    this.#listeners = listeners;
    this.#serial = new SerialConsole((line) => listeners.watch?.(spec.name, line));
  }

  feed(text: string): void {
    this.#listeners.tap?.(this.#spec.name, text);
    this.#serial.feed(text);
  }

  /** Nothing will come any more. */
  close(): void {
    this.#serial.close();
  }

  /** See {@link LabMachine.waitForLine}; `ending` says how the machine ended. */
  async waitForLine(
    pattern: RegExp,
    timeoutMs: number,
    failures: 'end-it' | 'expected',
    ending: () => string,
  ): Promise<string> {
    const waited = await this.#serial.waitFor(
      pattern,
      timeoutMs,
      failures === 'end-it' ? GAVE_UP : undefined,
    );
    switch (waited.kind) {
      case 'line':
        return waited.line;
      case 'stopped':
        throw this.failure(`gave up before ${pattern}: ${waited.line.trim()}`);
      case 'timeout':
        throw this.failure(`did not print ${pattern} within ${timeoutMs / 1000} s`);
      case 'closed':
        throw this.failure(`ended before ${pattern} (${ending()})`);
    }
  }

  /** Waits for the machine's end. @throws {LabFailure} when the time is up. */
  async waitForEnd(ended: Promise<void>, timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), timeoutMs);
    });
    const first = await Promise.race([ended, late]);
    clearTimeout(timer);
    if (first === 'late') throw this.failure(`did not switch itself off within ${timeoutMs / 1000} s`);
  }

  get lines(): readonly string[] {
    return this.#serial.lines;
  }

  failure(message: string): LabFailure {
    const lines = this.#serial.lines.filter((line) => line.trim() !== '').slice(-LAST_LINES);
    return new LabFailure(this.#spec.name, message, lines, this.#spec.consoleLog);
  }
}
