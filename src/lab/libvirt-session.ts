/**
 * One connection to a libvirt host: a `virsh` that stays, is given commands on its standard input, and prints a mark
 * behind each answer. One login for all that a lab does there; and `test:///default` lives as long as its connection.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailedError, MissingError } from '../errors/exit.ts';
import { atExit } from '../host/at-exit.ts';
import { withTempDir } from '../host/atomic.ts';
import { ProcessTree } from '../host/process-tree.ts';
import { searchPath } from '../host/search-path.ts';

/** Milliseconds; copying a medium to another host takes the longest. */
const ANSWER_MS = 15 * 60_000;
const PROMPT = 'virsh # ';

/** What starts virsh, without its own arguments. */
export type VirshProgram = readonly [file: string, ...args: readonly string[]];

export interface LibvirtPlace {
  /** For example `qemu:///system` or `qemu+ssh://root@host/system`. */
  readonly uri: string;
  /** Default: `virsh` on PATH. */
  readonly virsh?: VirshProgram;
}

/** What libvirt said when it did not do something. */
export class LibvirtError extends FailedError {
  constructor(command: string, said: string) {
    super(`libvirt: ${command}: ${said}`);
    this.name = 'LibvirtError';
  }
}

/** The command that runs virsh with these words. */
export const virshCommand = (
  { uri, virsh = ['virsh'] }: LibvirtPlace,
  words: readonly string[],
): readonly [string, ...string[]] => {
  const [file, ...args] = virsh;
  return [file, ...args, '--connect', uri, ...words];
};

export class LibvirtSession {
  readonly place: LibvirtPlace;
  readonly #child: ChildProcess;
  readonly #forget: () => void;
  #text = '';
  #number = 0;
  #last: Promise<unknown> = Promise.resolve();
  #look: () => void = () => undefined;
  #ended = false;

  private constructor(place: LibvirtPlace) {
    this.place = place;
    // What it complains about belongs between its answers, hence one stream for both.
    this.#child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'sh', '-c', 'exec "$@" 2>&1', 'sh', ...virshCommand(place, ['--quiet'])],
      { detached: true, stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, PATH: searchPath() } },
    );
    const { pid, stdin, stdout } = this.#child;
    this.#forget = atExit(() => (pid === undefined ? 0 : new ProcessTree(pid).signal('SIGKILL')));
    stdin?.on('error', () => undefined); // it has ended; whoever waits for an answer is told
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      this.#look();
    });
    const over = (): void => {
      this.#ended = true;
      this.#forget();
      this.#look();
    };
    this.#child.once('error', over);
    this.#child.once('close', over);
  }

  /** @throws {MissingError} when the host does not answer, in libvirt's words. */
  static async connect(place: LibvirtPlace): Promise<LibvirtSession> {
    const session = new LibvirtSession(place);
    try {
      await session.run('uri');
      return session;
    } catch (error) {
      await session.close();
      const why = error instanceof Error ? error.message : String(error);
      throw new MissingError(`${place.uri} cannot be reached: ${why}`, `try: virsh -c ${place.uri} list`);
    }
  }

  /** Runs a command of virsh(1) and returns what it printed. @throws {LibvirtError} when it fails. */
  run(...words: readonly string[]): Promise<string> {
    const answer = this.#last.then(() => this.#ask(words));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Runs a command that reads XML from a file. */
  runOn(xml: string, command: 'define' | 'net-create'): Promise<string> {
    return withTempDir(async (dir) => {
      const file = join(dir, 'made.xml');
      await writeFile(file, `${xml}\n`);
      // virsh may be started as somebody else.
      await chmod(dir, 0o755);
      return this.run(command, file);
    });
  }

  async #ask(words: readonly string[]): Promise<string> {
    const command = words.map(quoted).join(' ');
    const mark = `@@${++this.#number}@@`;
    this.#text = '';
    // What is typed is echoed; a mark that is written in two parts is not mistaken for the one that is printed.
    this.#child.stdin?.write(`${command}\necho "@@"${this.#number}@@\n`);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ANSWER_MS);
      this.#look = () => {
        if (!this.#ended && !this.#text.includes(mark)) return;
        clearTimeout(timer);
        resolve();
      };
      this.#look();
    });
    const lines = this.#text.split(mark)[0]?.split('\n') ?? [];
    const said = lines
      .filter((line) => !line.startsWith(PROMPT) && line !== command)
      .join('\n')
      .trim();
    const failed = /^error: (.*)/m.exec(said);
    if (failed !== null) {
      throw new LibvirtError(words.slice(0, 2).join(' '), said.slice(failed.index).replaceAll('error: ', ''));
    }
    if (!this.#text.includes(mark)) {
      throw new LibvirtError(words[0] ?? '', said === '' ? 'virsh has ended' : said);
    }
    return said;
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    const { pid } = this.#child;
    if (!this.#ended && pid !== undefined) await new ProcessTree(pid).end(1_000);
  }
}

/** As virsh's own parser takes words apart: what is in double quotes stays whole. */
function quoted(word: string): string {
  if (/[\n\r]/.test(word)) throw new RangeError(`a word of virsh cannot hold a line end: ${word}`);
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `"${word.replace(/["\\]/g, '\\$&')}"`;
}
