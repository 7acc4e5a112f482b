import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { registerRender } from '../../src/commands/render.ts';
import { goldenPlan, render } from '../helpers/rendered.ts';
import { makeTempDir } from '../helpers/tmp.ts';

const SPEC = join(import.meta.dirname, '..', 'golden', 'two-disks', 'cluster.yaml');

describe('slipway render', () => {
  let folder: string;
  const run = (...args: readonly string[]): Promise<Command> => {
    const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
    registerRender(program);
    return program.parseAsync(['node', 'slipway', 'render', ...args]);
  };
  beforeEach(() => {
    folder = makeTempDir('slipway-render-');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("writes a kickstart per node, for the spec's release or another", async () => {
    const out = join(folder, 'deep', 'out');
    const [first] = goldenPlan('two-disks').nodes;
    assert.ok(first);
    await run(SPEC, '--out', out);
    assert.deepEqual(readdirSync(out), ['node-a.ks', 'node-b.ks']);
    assert.equal(readFileSync(join(out, 'node-a.ks'), 'utf8'), render(first, 'embedded'));
    await run(SPEC, '--out', out, '--for', 'rhel8');
    assert.equal(readFileSync(join(out, 'node-a.ks'), 'utf8'), render(first, 'rhel8'));
  });

  it('writes nothing when the spec has a problem', async () => {
    const spec = join(folder, 'cluster.yaml');
    writeFileSync(spec, 'slipway: 1\ncluster: broken\nnodes: []\n');
    await assert.rejects(run(spec, '--out', join(folder, 'out')), { name: 'InputError' });
    assert.equal(existsSync(join(folder, 'out')), false);
  });

  it('knows no other releases and wants to know where to write', async () => {
    await assert.rejects(run(SPEC, '--out', folder, '--for', 'rhel7'), { code: 'commander.invalidArgument' });
    await assert.rejects(run(SPEC), { code: 'commander.missingMandatoryOptionValue' });
  });
});
