import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { CommanderError } from 'commander';
import { outcomeOf } from '../../src/commands/outcome.ts';
import { createProgram } from '../../src/commands/program.ts';
import { CommandError } from '../../src/engine/command.ts';
import { StepFailure } from '../../src/engine/failure.ts';
import { FailedError, MissingError } from '../../src/errors/exit.ts';
import { InputError } from '../../src/errors/problem.ts';
import { TaskFailure } from '../../src/task/failure.ts';

const problem = {
  file: 'cluster.yaml',
  line: 2,
  column: 3,
  severity: 'error',
  rule: 'some-rule',
  message: 'wrong',
} as const;
const command = { file: 'xorriso', args: ['-o', 'a b'], effect: 'write' } as const;

describe('how a command ends', () => {
  it('1: the input is wrong, every problem with its place', () => {
    const sources = new Map([['cluster.yaml', 'a\n  b\n']]);
    const expected = 'cluster.yaml:2:3: error: wrong [some-rule]\n  2 |   b\n    |   ^';
    for (const wrap of [(e: Error) => e, (e: Error) => new TaskFailure('spec', undefined, e)]) {
      assert.deepEqual(outcomeOf(wrap(new InputError([problem], sources))), {
        exitCode: 1,
        message: expected,
      });
    }
  });

  it('2: something is missing, with what to do', () => {
    assert.deepEqual(
      outcomeOf(new MissingError('a is not installed\nb is not installed', 'apt-get install a b')),
      {
        exitCode: 2,
        message: 'slipway: a is not installed\nb is not installed\n  hint: apt-get install a b',
      },
    );
  });

  it('2: the system has no room or gives no permission', async () => {
    const noPlace = await mkdir('/proc/slipway').catch((reason: unknown) => reason);
    const missing = await readFile('/proc/slipway').catch((reason: unknown) => reason);
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    assert.deepEqual(outcomeOf(new TaskFailure('media', undefined, full)), {
      exitCode: 2,
      message: 'slipway: ENOSPC: no space left on device, write\n  task: media',
    });
    assert.equal(outcomeOf(noPlace).exitCode, 2, 'a folder that cannot be made was wanted by the user');
    assert.equal(outcomeOf(missing).exitCode, 70, 'a file of ours that does not exist is our bug');
  });

  it('3: a step, a proof or a program failed, with the log', () => {
    assert.deepEqual(
      outcomeOf(
        new TaskFailure('media', '/l/media.log', new CommandError(command, 'exit', 5, 'x\nno room\n')),
      ),
      {
        exitCode: 3,
        message:
          "slipway: xorriso ended with exit code 5: no room\n  command: xorriso -o 'a b'\n  task: media\n  log: /l/media.log",
      },
    );
    assert.deepEqual(outcomeOf(new FailedError('the ISO is torn')), {
      exitCode: 3,
      message: 'slipway: the ISO is torn',
    });
    assert.deepEqual(outcomeOf(new StepFailure('timeout', 'no peer', 'start it')), {
      exitCode: 3,
      message: 'slipway: no peer\n  hint: start it',
    });
  });

  it('70: our bug, with its stack and what to do', () => {
    const { exitCode, message } = outcomeOf(
      new TaskFailure('rpm', undefined, new TypeError('x is undefined')),
    );
    assert.equal(exitCode, 70);
    assert.match(
      message,
      /bug in slipway[\s\S]*task: rpm[\s\S]*TypeError: x is undefined\n {4}at [\s\S]*report/,
    );
  });

  it('70: even if what was thrown is no error', () => {
    assert.equal(outcomeOf('text').exitCode, 70);
    assert.equal(outcomeOf(undefined).exitCode, 70);
  });
});

describe('the command line', () => {
  /** Parses and answers how it ended and what was printed. */
  async function run(...argv: readonly string[]): Promise<{ exitCode: number; text: string }> {
    let text = '';
    const program = createProgram();
    for (const each of [program, ...program.commands]) {
      each.configureOutput({ writeOut: (more) => (text += more), writeErr: (more) => (text += more) });
    }
    try {
      await program.parseAsync(['node', 'slipway', ...argv]);
      return { exitCode: 0, text };
    } catch (error) {
      assert.ok(error instanceof CommanderError, String(error));
      return { exitCode: outcomeOf(error).exitCode, text };
    }
  }

  it('lists its commands', async () => {
    const { exitCode, text } = await run('--help');
    assert.equal(exitCode, 0);
    for (const name of ['check', 'plan', 'init', 'schema', 'render', 'lint', 'iso']) {
      assert.match(text, new RegExp(`^ {2}${name} `, 'm'));
    }
  });

  it('says its version', async () => {
    assert.match((await run('--version')).text, /^\d+\.\d+\.\d+/);
  });

  for (const argv of [['isso'], ['iso', '--no-such-option'], ['iso', 'a', 'b'], ['iso', '--out']]) {
    it(`takes '${argv.join(' ')}' for the user's mistake`, async () => {
      const { exitCode, text } = await run(...argv);
      assert.equal(exitCode, 1);
      assert.match(text, /^error: /);
    });
  }

  it('says how to be asked when nothing is asked', async () => {
    const { exitCode, text } = await run();
    assert.equal(exitCode, 1);
    assert.match(text, /^Usage: slipway/);
  });
});
