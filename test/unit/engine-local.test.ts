import assert from 'node:assert/strict';
import { existsSync, lstatSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { announce, consoleNames } from '../../src/engine/announce.ts';
import type { Command } from '../../src/engine/command.ts';
import { readDirect } from '../../src/engine/direct-read.ts';
import { completeLine, failedLine, installedLine } from '../../src/engine/lines.ts';
import { localMachine } from '../../src/engine/local-machine.ts';
import { acquireLock } from '../../src/engine/lock.ts';
import { spawnExec, spawnHold } from '../../src/engine/spawn.ts';
import { makeTempDir } from '../helpers/tmp.ts';

let dir = '';
/** A folder of its own for each test of the `describe` that calls this; elsewhere it would be each of all files. */
function useFolder(): void {
  beforeEach(() => {
    dir = makeTempDir('slipway-engine-');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
}

const shell = (script: string, more: Partial<Command> = {}): Command => ({
  file: 'sh',
  args: ['-c', script],
  effect: 'read',
  ...more,
});

const isAlive = (pid: number): boolean => {
  try {
    // A zombie still answers signals; its state tells.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('spawnExec', () => {
  useFolder();

  const exec = spawnExec();

  it('hands on lines of both streams as they come, the last one without a line break too', async () => {
    const lines: string[] = [];
    const result = await exec(shell('echo one; sleep 0.05; echo two >&2; sleep 0.05; printf three'), (line) =>
      lines.push(line),
    );
    assert.deepEqual(lines, ['one', 'two', 'three']);
    assert.deepEqual([result.stdout, result.stderr, result.exitCode], ['one\nthree', 'two\n', 0]);
  });

  it('ends everything a command started when its time is over', async () => {
    const file = join(dir, 'pid');
    const running = exec(shell(`sleep 60 & echo $! > ${file}; wait`, { timeoutMs: 300 }));
    await assert.rejects(running, { name: 'CommandError', reason: 'timeout' });
    await until(() => !isAlive(Number(readFileSync(file, 'utf8'))));
  });

  it('ends it when it is aborted, and starts nothing afterwards', async () => {
    const stop = new AbortController();
    const stoppable = spawnExec({ signal: stop.signal });
    const file = join(dir, 'started');
    const running = stoppable(shell(`touch ${file}; sleep 60`));
    void until(() => existsSync(file)).then(() => stop.abort());
    await assert.rejects(running, { reason: 'aborted' });
    await assert.rejects(stoppable(shell('true')), { reason: 'aborted' });
  });

  it('tells a missing program, one that cannot be executed, and a bad end apart', async () => {
    writeFileSync(join(dir, 'text'), 'no program', { mode: 0o644 });
    await assert.rejects(exec(shell('', { file: 'slipway-no-such-tool' })), { reason: 'not-found' });
    await assert.rejects(exec(shell('', { file: join(dir, 'text') })), { reason: 'exit', exitCode: 126 });
    await assert.rejects(exec(shell('echo why >&2; exit 3')), {
      exitCode: 3,
      message: 'sh ended with exit code 3: why',
    });
    await assert.rejects(exec(shell('kill -9 $$')), { exitCode: 137 });
    assert.equal((await exec(shell('exit 3', { accept: [0, 3] }))).exitCode, 3);
  });

  it('passes input, variables and words unchanged, and survives a program that reads nothing', async () => {
    const given = await exec({
      file: 'sh',
      args: ['-c', 'cat; echo "$X$1"', 'sh', "it's $HOME"],
      effect: 'read',
      stdin: 'in\n',
      env: { X: 'y ' },
    });
    assert.equal(given.stdout, "in\ny it's $HOME\n");
    await exec(shell('exec true', { stdin: 'x'.repeat(1 << 20) }));
    writeFileSync(join(dir, 'input'), 'from a file');
    assert.equal((await exec(shell('cat', { stdinFile: join(dir, 'input') }))).stdout, 'from a file');
  });
});

describe('a program held beside', () => {
  useFolder();

  const holding = (script: string): Command => shell(script, { effect: 'write' });

  it('runs once it has said so, until it is released', async () => {
    const file = join(dir, 'pid');
    const hold = await spawnHold(holding(`echo $$ > ${file}; echo held; exec cat`));
    const pid = Number(readFileSync(file, 'utf8'));
    assert.equal(isAlive(pid), true);
    await hold.release();
    assert.equal(isAlive(pid), false);
  });

  it('is a failure when it ends before, with its last words, or is not there', async () => {
    await assert.rejects(spawnHold(holding('echo refused >&2; exit 4')), {
      name: 'CommandError',
      message: 'sh ended with exit code 4: refused',
    });
    await assert.rejects(spawnHold({ file: 'no-such-program', args: [], effect: 'write' }), {
      reason: 'not-found',
    });
  });
});

describe('localMachine', () => {
  useFolder();

  it('writes whole files with their mode, and makes folders', async () => {
    const machine = localMachine({ root: dir });
    await machine.writeFile('/etc/slipway/secret', 'one', 0o600);
    await machine.writeFile('/etc/slipway/secret', 'two', 0o600);
    assert.equal(await machine.readFile('/etc/slipway/secret'), 'two');
    assert.equal(statSync(join(dir, 'etc/slipway/secret')).mode & 0o777, 0o600);
    assert.deepEqual(await machine.list('/etc/slipway'), ['secret']);
    assert.deepEqual(
      [await machine.readFile('/nope'), await machine.list('/nope'), await machine.exists('/nope')],
      [undefined, [], false],
    );
  });

  it('keeps links inside its root, however they point', async () => {
    const machine = localMachine({ root: dir });
    await machine.writeFile('/usr/zone', 'UTC');
    symlinkSync('/usr', join(dir, 'absolute'));
    symlinkSync('../../../../../../usr/zone', join(dir, 'climbing'));
    symlinkSync('/loop', join(dir, 'loop'));
    assert.equal(await machine.readFile('/absolute/zone'), 'UTC');
    assert.equal(await machine.readFile('/climbing'), 'UTC');
    assert.equal(await machine.realPath('/climbing'), '/usr/zone');
    assert.equal(await machine.realPath('/absolute/nothing'), undefined);
    await assert.rejects(machine.readFile('/loop'), /too many levels/);
    await machine.writeFile('/absolute/new', 'inside');
    assert.equal(readFileSync(join(dir, 'usr/new'), 'utf8'), 'inside');
  });

  it('writes where a link leads, and leaves the link, on the running system too', async () => {
    writeFileSync(join(dir, 'kept'), 'old');
    for (const [root, prefix] of [
      [dir, ''],
      ['/', dir],
    ] as const) {
      const name = root === '/' ? 'here' : 'below';
      symlinkSync('kept', join(dir, name));
      await localMachine({ root }).writeFile(`${prefix}/${name}`, root);
      assert.equal(readFileSync(join(dir, 'kept'), 'utf8'), root);
      assert.equal(lstatSync(join(dir, name)).isSymbolicLink(), true);
    }
  });

  it('reads the same bytes with and without the page cache, at any offset and past the end', async () => {
    const bytes = Buffer.alloc(2_500_000, 'slipway and a prime number of bytes');
    writeFileSync(join(dir, 'disk'), bytes);
    const machine = localMachine({ root: dir });
    for (const [offset, length] of [
      [0, 512],
      [511, 3],
      [1_234_567, 1_200_001],
      [2_499_990, 100],
      [9_999_999, 5],
    ] as const) {
      const wanted = bytes.subarray(offset, offset + length);
      for (const direct of [true, false]) {
        const read = await machine.readBytes('/disk', offset, length, direct);
        assert.ok(wanted.equals(read), `${offset}+${length} direct=${direct}`);
      }
    }
  });

  it('says so where the page cache cannot be by-passed', async () => {
    assert.equal(await readDirect('/proc/self/status', 0, 10), undefined);
    assert.equal((await localMachine().readBytes('/proc/self/status', 0, 5, true)).length, 5);
  });
});

describe('acquireLock', () => {
  useFolder();

  it('has one owner, names it to others, and is free again afterwards', async () => {
    const path = join(dir, 'run/lock');
    const lock = await acquireLock(path, 'first');
    await assert.rejects(acquireLock(path, 'second'), (error: Error) => {
      assert.match(error.message, new RegExp(`process ${process.pid} \\(first, since .*\\) holds`));
      return true;
    });
    await lock.release();
    await (await acquireLock(path, 'third')).release();
  });
});

describe('announce', () => {
  useFolder();

  const devices = (...names: string[]): { devices: string; active: string } => {
    for (const name of names) writeFileSync(join(dir, name), '');
    return { devices: dir, active: join(dir, 'active') };
  };

  it('writes to every console once', async () => {
    const options = devices('tty0', 'ttyS0', 'console');
    writeFileSync(options.active, 'tty0 ttyS0\n');
    await announce('slipway: complete node-a', options);
    const said = (name: string): string => readFileSync(join(dir, name), 'utf8');
    assert.deepEqual(['tty0', 'ttyS0', 'console'].map(said), [
      '\nslipway: complete node-a\n',
      '\nslipway: complete node-a\n',
      '',
    ]);
  });

  it('falls back to /dev/console, and does not mind a console that is gone', async () => {
    const options = devices('console', 'tty0');
    await announce('hello', { ...options, freshLine: false });
    assert.equal(readFileSync(join(dir, 'console'), 'utf8'), 'hello\n');
    writeFileSync(options.active, 'ttyS9 tty0\n');
    await announce('again', options);
    assert.equal(readFileSync(join(dir, 'tty0'), 'utf8'), '\nagain\n');
  });

  it('writes to those consoles only that it is told', async () => {
    const options = devices('tty0', 'ttyS0');
    writeFileSync(options.active, 'tty0 ttyS0\n');
    await announce('hello', { ...options, freshLine: false, only: (name) => name.startsWith('ttyS') });
    const said = (name: string): string => readFileSync(join(dir, name), 'utf8');
    assert.deepEqual(['tty0', 'ttyS0'].map(said), ['', 'hello\n']);
  });

  it('writes to a terminal that is no console too, unless the screen is one already', async () => {
    for (const name of ['ttyS0', 'tty0', 'tty1']) writeFileSync(join(dir, name), '');
    const say = async (consoles: string): Promise<readonly string[]> => {
      writeFileSync(join(dir, 'active'), consoles);
      for (const name of ['ttyS0', 'tty0', 'tty1']) writeFileSync(join(dir, name), '');
      await announce('x', {
        devices: dir,
        active: join(dir, 'active'),
        freshLine: false,
        also: ['tty1', 'tty9'],
      });
      return ['ttyS0', 'tty0', 'tty1'].filter((name) => readFileSync(join(dir, name), 'utf8') === 'x\n');
    };
    assert.deepEqual(await say('ttyS0\n'), ['ttyS0', 'tty1']);
    assert.deepEqual(await say('tty0 ttyS0\n'), ['ttyS0', 'tty0']);
  });

  it('names a console once however often the kernel does', () => {
    assert.deepEqual(consoleNames('tty0 ttyS0 tty0\n'), ['tty0', 'ttyS0']);
  });
});

describe('the lines others wait for', () => {
  it('are these, and one line each', () => {
    assert.equal(installedLine('node-a'), 'slipway: installed node-a');
    assert.equal(completeLine('node-a'), 'slipway: complete node-a');
    assert.equal(
      failedLine('node-a', 'verify-failed', 'pass-md-gate', 'array boot is\n  degraded\r\n'),
      'slipway: failed node-a: verify-failed: pass-md-gate: array boot is degraded',
    );
  });
});
