import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFencingFile } from '../../src/commands/fencing-file.ts';
import { formatProblems, InputError } from '../../src/errors/problem.ts';
import { withTempDir } from '../../src/host/atomic.ts';

const NODES = ['node-a', 'node-b'];

const read = (text: string) =>
  withTempDir(async (dir) => {
    const file = join(dir, 'passwords.yaml');
    await writeFile(file, text);
    return readFencingFile(file, NODES);
  });

/** What the user is told, by place and rule. */
async function refusal(text: string): Promise<string> {
  const error = await read(text).then(
    () => assert.fail('it was read'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof InputError, String(error));
  return formatProblems(error.problems, error.sources).replaceAll(/^.*passwords\.yaml/gm, 'FILE');
}

describe('passwords of fence devices', () => {
  it('are read by node', async () => {
    assert.deepEqual(await read('node-a: "one: two"\nnode-b: \'003\'\n'), {
      'node-a': 'one: two',
      'node-b': '003',
    });
  });

  for (const [what, text, expected] of [
    ['of a node that is not there', 'node-a: x\nnode-c: y\n', /FILE:2:1: .*no node 'node-c'/],
    ['that YAML takes for a number', 'node-a: 0123\n', /FILE:1:9: .*node-a is no text[\s\S]*quotes/],
    ['that are none', '# later\n', /FILE:1:1: .*no password[\s\S]*node-a, node-b/],
    ['in a list', '- hunter2\n', /FILE:1:1: .*no password/],
    ['with a quote that is never closed', 'node-a: "hunter2\n', /FILE:2:1: .*quote/],
    ['given twice', 'node-a: hunter2\nnode-a: hunter3\n', /FILE:2:1: .*twice/],
  ] as const) {
    it(`${what} are refused with their place, and not repeated`, async () => {
      const told = await refusal(text);
      assert.match(told, expected);
      assert.doesNotMatch(told, /hunter|0123/);
    });
  }

  it('are asked for where there is no file', async () => {
    await assert.rejects(
      readFencingFile('/nowhere/passwords.yaml', NODES),
      (error) => error instanceof InputError && /no such file/.test(error.message),
    );
  });
});
