/** A serial console as text: control sequences taken out, lines counted, and somebody to wait for one. */

/** How waiting for a line ended. */
export type Waited =
  | { readonly kind: 'line' | 'stopped'; readonly line: string }
  | { readonly kind: 'timeout' | 'closed' };

/** A line without an end is taken for a prompt when nothing follows for this long. */
const PROMPT_MS = 300;

const ESC = '\u001b';
/** Sequences that put the cursor elsewhere, with which a menu draws itself, end a line (ECMA-48 8.3: CUP, CUU …). */
const MOVES_CURSOR = new RegExp(`${ESC}\\[[0-9;]*[ABEFHJdf]`, 'g');
/** All other sequences only vanish. */
const SEQUENCE = new RegExp(`${ESC}(?:\\[[0-9;?=>]*[ -/]*[@-~]|[()][A-Z0-9]|[=>78cDEHMZ])`, 'g');
const CONTROL = /[^\P{Cc}\t]/gu;

const plain = (text: string): string => text.replace(SEQUENCE, '').replace(CONTROL, '');

export class SerialConsole {
  readonly #lines: string[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #watch: (line: string) => void;
  /** As it came: it may end within a control sequence. */
  #partial = '';
  /** Lines before this one have been waited for. */
  #cursor = 0;
  #closed = false;
  #prompt: NodeJS.Timeout | undefined;

  /** `watch` sees every line. */
  constructor(watch: (line: string) => void = () => undefined) {
    this.#watch = watch;
  }

  feed(text: string): void {
    const lines = (this.#partial + text).replace(MOVES_CURSOR, '\n').split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#add(line);
    clearTimeout(this.#prompt);
    if (plain(this.#partial) !== '') this.#prompt = setTimeout(() => this.#flush(), PROMPT_MS);
    this.#tell();
  }

  /** Nothing will come any more. */
  close(): void {
    clearTimeout(this.#prompt);
    this.#closed = true;
    this.#flush();
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /**
   * The next line that matches `pattern`, counted from the one waited for before. A line that matches `stop` and not
   * `pattern` ends the wait.
   */
  waitFor(pattern: RegExp, timeoutMs: number, stop?: RegExp): Promise<Waited> {
    return new Promise((resolve) => {
      const finish = (waited: Waited): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        resolve(waited);
      };
      const look = (): void => {
        const found = this.#next(pattern, stop);
        if (found !== undefined) finish(found);
      };
      const timer = setTimeout(() => finish({ kind: 'timeout' }), timeoutMs);
      this.#listeners.add(look);
      look();
    });
  }

  #next(pattern: RegExp, stop: RegExp | undefined): Waited | undefined {
    while (this.#cursor < this.#lines.length) {
      const line = this.#lines[this.#cursor++] ?? '';
      if (pattern.test(line)) return { kind: 'line', line };
      if (stop?.test(line) === true) return { kind: 'stopped', line };
    }
    return this.#closed ? { kind: 'closed' } : undefined;
  }

  #add(line: string): void {
    const clean = plain(line);
    this.#lines.push(clean);
    this.#watch(clean);
  }

  #flush(): void {
    if (plain(this.#partial) !== '') this.#add(this.#partial);
    this.#partial = '';
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
