import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { initStep } from '../../src/commands/init-step.ts';
import { InputError } from '../../src/errors/problem.ts';
import { readSteps } from '../../src/spec/steps.ts';
import { makeTempDir } from '../helpers/tmp.ts';

describe('slipway init --step', () => {
  let dir: string;
  beforeEach(() => {
    dir = makeTempDir('slipway-step-');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  /** Runs a program of the step with the folder in place of /etc. */
  const run = (program: 'check' | 'apply'): readonly [number | null, string] => {
    const file = join(dir, 'steps', 'list-hosts', program);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('/etc/', `${dir}/`));
    const env = {
      PATH: process.env['PATH'],
      SLIPWAY_CLUSTER: 'demo',
      SLIPWAY_HOSTS: 'node-a=10.0.0.1 node-b=10.0.0.2',
    };
    const { status, stdout, stderr } = spawnSync(file, { env, input: '{}', encoding: 'utf8' });
    assert.equal(stderr, '');
    return [status, stdout.trim().replaceAll(dir, '')];
  };

  it('writes a step that the spec takes, and that works as it stands', async () => {
    await initStep('list-hosts', dir);
    const { steps, problems } = await readSteps(join(dir, 'steps'));
    assert.deepEqual(
      [problems, steps.map(({ id, timeoutSeconds }) => [id, timeoutSeconds])],
      [[], [['list-hosts', 60]]],
    );
    assert.deepEqual(run('check'), [1, 'there is no /list-hosts.hosts']);
    assert.deepEqual(run('apply'), [0, '']);
    assert.deepEqual(run('check'), [0, '/list-hosts.hosts is right']);
    assert.equal(readFileSync(join(dir, 'list-hosts.hosts'), 'utf8'), 'node-a=10.0.0.1\nnode-b=10.0.0.2\n');
    writeFileSync(join(dir, 'list-hosts.hosts'), 'node-a=10.0.0.1\n');
    assert.deepEqual(run('check'), [1, '/list-hosts.hosts does not name the nodes of demo']);
    assert.deepEqual([run('apply')[0], run('apply')[0], run('check')[0]], [0, 0, 0]);
  });

  it('writes programs that anybody may run, in a shell that parses', async () => {
    await initStep('x', dir);
    for (const program of ['check', 'apply']) {
      const file = join(dir, 'steps', 'x', program);
      assert.equal(statSync(file).mode & 0o777, 0o755);
      execFileSync('sh', ['-n', file]);
    }
  });

  it('leaves a step that is there as it is, and takes no name that is none', async () => {
    await initStep('x', dir);
    const rule = (expected: string) => (error: unknown) => {
      assert.ok(error instanceof InputError);
      return error.problems[0]?.rule === expected;
    };
    await assert.rejects(initStep('x', dir), rule('step-exists'));
    for (const name of ['../x', 'X y', '']) await assert.rejects(initStep(name, dir), rule('bad-step'));
    assert.equal(existsSync(join(dir, 'x')), false);
  });
});
