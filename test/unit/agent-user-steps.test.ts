import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allSteps } from '../../postinstall/run.ts';
import { programCommand, readUserSteps } from '../../postinstall/user-steps.ts';
import { localMachine } from '../../src/engine/local-machine.ts';
import { runStep } from '../../src/engine/run-step.ts';
import { fakeMachine } from '../helpers/fake-machine.ts';
import { PLAN } from '../helpers/installed-node.ts';
import { makeTempDir } from '../helpers/tmp.ts';

describe("the user's own steps", () => {
  let dir = '';
  beforeEach(() => {
    dir = makeTempDir('slipway-steps-');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const facts = { plan: PLAN, builtAt: 0 };
  const write = (name: string, files: Readonly<Record<string, string>>): void => {
    mkdirSync(join(dir, name));
    for (const [file, text] of Object.entries(files)) {
      writeFileSync(join(dir, name, file), text);
      chmodSync(join(dir, name, file), 0o755);
    }
  };
  const steps = () => readUserSteps(localMachine(), ['set-identity'], dir);
  const runFirst = async () => {
    const [step] = await steps();
    assert.ok(step !== undefined);
    return runStep(step, localMachine(), facts);
  };

  it('are programs in any language that get the facts as JSON and as variables', async () => {
    write('motd', {
      'step.json': '{"title":"Message of the day","after":[],"timeoutSeconds":9}',
      check: '#!/bin/sh\ntest -e done || { echo looking; echo "there is no message"; exit 1; }\necho found\n',
      apply: `#!/bin/sh\ncat > done\nprintf '%s\\n' "$SLIPWAY_NODE/$SLIPWAY_CLUSTER/$SLIPWAY_ROLE/$SLIPWAY_RANK/$SLIPWAY_STEP/$SLIPWAY_HOSTS" > env\n`,
    });
    const [step] = await steps();
    assert.deepEqual(
      [step?.title, step?.after, step?.timeoutSeconds],
      ['Message of the day', ['set-identity'], 9],
    );
    const report = await runFirst();
    assert.equal(report.outcome, 'changed');
    assert.deepEqual(report.outcome === 'changed' && report.evidence, { said: 'found' });
    const machine = localMachine({ root: join(dir, 'motd') });
    assert.equal(
      await machine.readFile('/env'),
      'node-a/demo/ha-pair/0/motd/node-a=10.0.0.11 node-b=10.0.0.12\n',
    );
    const given = JSON.parse((await machine.readFile('/done')) ?? '');
    assert.deepEqual([given.node.name, given.cluster], ['node-a', { name: 'demo', hosts: PLAN.hosts }]);
  });

  it('are given no password, not even as a hash', () => {
    assert.doesNotMatch(programCommand('x', '/x', 'check', facts, 1).stdin ?? '', /hash|access/);
  });

  it('fail with their own last line: not done after apply, a check that errs, an apply that fails', async () => {
    const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
      [
        { check: '#!/bin/sh\necho "no luck"; exit 1\n', apply: '#!/bin/sh\n' },
        /^applied, but still: no luck$/,
      ],
      [
        { check: '#!/bin/sh\nexit 1\n', apply: '#!/bin/sh\n' },
        /^applied, but still: its check says no more than exit code 1$/,
      ],
      [
        { check: '#!/bin/sh\necho boom >&2; exit 2\n', apply: '#!/bin/sh\n' },
        /check ended with exit code 2: boom$/,
      ],
      [
        { check: '#!/bin/sh\nexit 1\n', apply: '#!/bin/sh\necho full >&2\nexit 1\n' },
        /apply ended with exit code 1: full$/,
      ],
      [{ check: 'no-such-program-anywhere', apply: '#!/bin/sh\n' }, /check ended with exit code 127/],
    ];
    for (const [files, expected] of cases) {
      write('step', files);
      const report = await runFirst();
      assert.equal(report.outcome, 'failed');
      assert.match(report.problem.message, expected);
      rmSync(join(dir, 'step'), { recursive: true });
    }
  });

  it('are all looked at before one is run', async () => {
    write('half', { check: '#!/bin/sh\n' });
    write('odd', { check: '', apply: '', 'step.json': '{"after":"x"}' });
    write('broken', { check: '', apply: '', 'step.json': '{' });
    await assert.rejects(steps(), {
      failureClass: 'config-invalid',
      message: `${dir}/broken/step.json is not what a step is described by; ${dir}/half has no apply; ${dir}/odd/step.json is not what a step is described by`,
    });
  });

  it('come after all of the agent’s own, in the order they ask for', async () => {
    const at = '/usr/lib/slipway/steps';
    const files = Object.fromEntries(
      ['alpha', 'beta'].flatMap((id) => [
        [`${at}/${id}/check`, ''],
        [`${at}/${id}/apply`, ''],
      ]),
    );
    const machine = fakeMachine({ files: { ...files, [`${at}/alpha/step.json`]: '{"after":["beta"]}' } });
    assert.deepEqual(
      (await allSteps(machine)).slice(-3).map(({ id }) => id),
      ['match-interfaces', 'beta', 'alpha'],
    );
  });
});
