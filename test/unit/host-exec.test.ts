import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Command, CommandError } from '../../src/engine/command.ts';
import { createExec } from '../../src/host/exec.ts';
import { isAlive } from '../helpers/process.ts';
import { inTempDir } from '../helpers/tmp.ts';

const sh = (script: string, more: Partial<Command> = {}): Command => ({
  file: 'sh',
  args: ['-c', script],
  effect: 'read',
  ...more,
});
const exec = createExec();

/** Waits until the file is there and not empty; its text. */
async function awaitFile(path: string): Promise<string> {
  for (let i = 0; i < 500; i++) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return text.trim();
    await pause(10);
  }
  throw new Error(`${path} did not appear`);
}

const failure = (reason: CommandError['reason']) => (error: unknown) =>
  error instanceof CommandError && error.reason === reason;

describe('a command', () => {
  it('gives back what it printed, byte for byte, and how it ended', async () => {
    const result = await exec(sh('printf "a\\n\\nb\\n"; echo c >&2; exit 3', { accept: [0, 3] }));
    assert.equal(result.stdout, 'a\n\nb\n');
    assert.equal(result.stderr, 'c\n');
    assert.equal(result.exitCode, 3);
  });

  it('shows its lines as they come, from both outputs', async () => {
    const lines: string[] = [];
    await exec(sh('echo one; echo two >&2; printf three'), (line) => lines.push(line));
    assert.deepEqual(lines.sort(), ['one', 'three', 'two']);
  });

  it('reads standard input from text, from a file, or finds it empty', async () => {
    await inTempDir(async (dir) => {
      await writeFile(join(dir, 'in'), 'from a file');
      assert.equal((await exec(sh('cat', { stdin: 'text' }))).stdout, 'text');
      assert.equal((await exec(sh('cat', { stdinFile: join(dir, 'in') }))).stdout, 'from a file');
      assert.equal((await exec(sh('cat'))).stdout, '');
    });
  });

  it('speaks English and finds the administrator’s programs', async () => {
    const { stdout } = await exec(sh('echo $LANG $LC_ALL; echo $PATH'));
    assert.match(stdout, /^C\.UTF-8 C\.UTF-8\n.*\/usr\/sbin/);
  });

  it('fails with its code and last words when the code is not accepted', async () => {
    await assert.rejects(exec(sh('echo no room >&2; exit 4')), {
      name: 'CommandError',
      reason: 'exit',
      exitCode: 4,
      message: 'sh ended with exit code 4: no room',
    });
  });

  it('counts a death by signal as shells do', async () => {
    await assert.rejects(exec(sh('kill -KILL $$')), { reason: 'exit', exitCode: 137 });
  });

  it('is told apart from one that is not there, and from a folder that is not there', async () => {
    await assert.rejects(exec({ file: 'no-such-tool', args: [], effect: 'read' }), {
      message: 'no-such-tool is not installed',
    });
    await assert.rejects(exec(sh('true', { cwd: '/no/such/folder' })), /\/no\/such\/folder: no such folder/);
  });

  it('is ended with everything it started when its time is up', async () => {
    await inTempDir(async (dir) => {
      const file = join(dir, 'pids');
      // One grandchild in the same session, one in a session of its own.
      const script = `sleep 60 & a=$!; setsid sleep 60 & b=$!; echo $a $b >${file}; wait`;
      await assert.rejects(exec(sh(script, { timeoutMs: 500 })), failure('timeout'));
      const pids = (await awaitFile(file)).split(' ');
      assert.equal(pids.length, 2);
      assert.deepEqual(pids.filter(isAlive), []);
    });
  });

  it('is ended by an abort even if it ignores SIGTERM, and does not start after one', async () => {
    await inTempDir(async (dir) => {
      const controller = new AbortController();
      const abortable = createExec({ signal: controller.signal });
      const file = join(dir, 'pid');
      const running = abortable(sh(`trap 'echo bye' TERM; echo $$ >${file}; sleep 60 & wait $!; exit 0`));
      running.catch(() => {});
      const pid = await awaitFile(file);
      controller.abort();
      await assert.rejects(running, failure('aborted'));
      assert.equal(isAlive(pid), false);
      await assert.rejects(abortable(sh(`touch ${dir}/late`)), failure('aborted'));
      assert.equal(existsSync(join(dir, 'late')), false);
    });
  });
});

describe('a dry run', () => {
  it('prints what would write, pasteable, and runs what reads', async () => {
    await inTempDir(async (dir) => {
      const lines: string[] = [];
      const dry = createExec({ dryRun: (line) => lines.push(line) });
      const touch: Command = { file: 'touch', args: [join(dir, "it's")], effect: 'write', env: { A: 'b c' } };
      assert.deepEqual(await dry(touch), { stdout: '', stderr: '', exitCode: 0, durationMs: 0 });
      assert.equal(existsSync(join(dir, "it's")), false);
      assert.equal((await dry(sh('echo read'))).stdout, 'read\n');
      assert.equal(lines.length, 1);
      await exec(sh(lines[0] ?? ''));
      assert.equal(existsSync(join(dir, "it's")), true);
    });
  });
});
