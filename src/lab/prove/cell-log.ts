/** What a cell leaves to be looked at: the whole console, the lines that matter, the screen. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { LabMachine } from '../engine.ts';
import { CELLS } from './report-folder.ts';

export class CellLog {
  /** Relative to the report. */
  readonly console: string;
  readonly #report: string;
  readonly #stream: WriteStream;
  readonly #written: Promise<void>;
  readonly #shown: string[] = [];
  readonly #screen: string;
  #screenshot: string | undefined;

  private constructor(report: string, id: string) {
    this.#report = report;
    this.console = join(CELLS, `${id}.log`);
    this.#screen = join(CELLS, `${id}.png`);
    this.#stream = createWriteStream(join(report, this.console));
    this.#written = finished(this.#stream);
    // Told by `close`; until then a full disk must not end the process.
    this.#written.catch(() => undefined);
  }

  /** `report`: the report's folder, absolute. */
  static async open(report: string, id: string): Promise<CellLog> {
    await mkdir(dirname(join(report, CELLS, id)), { recursive: true });
    return new CellLog(report, id);
  }

  /** Lines that show it, in their order. */
  get excerpt(): readonly string[] {
    return this.#shown;
  }

  /** Relative to the report; undefined where there was no screen. */
  get screenshotFile(): string | undefined {
    return this.#screenshot;
  }

  /** `who`: the computer, where there are several. */
  heading(text: string, who?: string): void {
    this.line(`--- switched on: ${text}`, who);
  }

  line(text: string, who?: string): void {
    this.#stream.write(who === undefined ? `${text}\n` : `${who}| ${text}\n`);
  }

  shows(line: string): void {
    this.#shown.push(line.trim());
  }

  /** The last one of a cell stays. A machine that has just ended has no screen any more. */
  async screenshot(machine: LabMachine): Promise<void> {
    try {
      await machine.screenshot(join(this.#report, this.#screen));
      this.#screenshot = this.#screen;
    } catch {
      // It switched itself off.
    }
  }

  /** Resolves when everything is written. @throws what kept it from being written. */
  close(): Promise<void> {
    this.#stream.end();
    return this.#written;
  }
}
