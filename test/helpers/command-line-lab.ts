/** A lab as users have it: by the command line, in a folder of its own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandResult } from '../../src/engine/command.ts';
import { atExit } from '../../src/host/at-exit.ts';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { buildProgram } from './build-program.ts';
import { LIMIT } from './qemu.ts';
import { makeTempDir } from './tmp.ts';

const root = packageRoot();
const exec = createExec();
/** Accepted by every call: what a command ended with is asserted where it matters. */
const EXIT_CODES = [0, 1, 2, 3];

/** A lab in a folder of its own, by the command line that users have. */
class CommandLineLab {
  readonly out: string;
  readonly dir: string;

  constructor(out: string) {
    this.out = out;
    this.dir = join(out, 'lab');
  }

  /** What Node is told to run. */
  words(verb: string, ...args: readonly string[]): readonly string[] {
    return ['lib/cli.js', 'lab', verb, '--dir', this.dir, ...args];
  }

  run(verb: string, ...args: readonly string[]): Promise<CommandResult> {
    return exec({
      file: process.execPath,
      args: this.words(verb, ...args),
      cwd: root,
      effect: 'write',
      accept: EXIT_CODES,
      timeoutMs: LIMIT.build + LIMIT.installed + LIMIT.settled,
    });
  }

  async up(...args: readonly string[]): Promise<void> {
    await buildProgram(exec);
    const { exitCode, stdout, stderr } = await this.run('up', '--out', this.out, ...args);
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
  }

  async phases(): Promise<readonly string[]> {
    const { stdout } = await this.run('status', '--json');
    const { nodes }: { readonly nodes: readonly { readonly name: string; readonly phase: string }[] } =
      JSON.parse(stdout);
    return nodes.map(({ name, phase }) => `${name} ${phase}`);
  }
}

/** A lab for the tests of the `describe` that asks for it, ended and removed after them. */
export function labOfSuite(): CommandLineLab {
  const lab = new CommandLineLab(makeTempDir('slipway-lab-up-'));
  let forget = (): void => undefined;
  before(() => {
    // A lab goes on without the command that made it.
    forget = atExit(() => {
      execFileSync(process.execPath, lab.words('down'), { cwd: root, stdio: 'ignore' });
    });
  });
  after('end the lab', async () => {
    await lab.run('down');
    await rm(lab.out, { recursive: true, force: true });
    forget();
  });
  return lab;
}
