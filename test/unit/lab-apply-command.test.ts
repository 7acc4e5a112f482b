import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabApplyOptions, Usage } from '../../src/commands/lab.ts';
import { labApply } from '../../src/commands/lab-apply.ts';
import { MissingError } from '../../src/errors/exit.ts';
import { LabFolder } from '../../src/lab/lab-folder.ts';
import { LAB_VERSION, type LabPlan } from '../../src/lab/lab-plan.ts';
import { inTempDir } from '../helpers/tmp.ts';

const PLAN: LabPlan = {
  version: LAB_VERSION,
  name: 'two',
  engine: { kind: 'qemu', acceleration: 'tcg', iso: '/o/two.iso' },
  network: { own: [], taps: [], leases: [] },
  nodes: [],
  atOnce: 1,
};

const usage: Usage = (message) => {
  throw new RangeError(message);
};

/** What `lab apply` refuses with, in a folder with this lab. */
async function refusal(plan: LabPlan | undefined, options: Partial<LabApplyOptions> = {}): Promise<Error> {
  let refused: Error | undefined;
  await inTempDir(async (parent) => {
    const dir = join(parent, 'lab');
    await mkdir(dir);
    if (plan !== undefined) await new LabFolder(dir).writePlan(plan);
    await labApply({ dir, ...options }, usage).catch((error: Error) => {
      refused = error;
    });
  });
  assert.ok(refused !== undefined);
  return refused;
}

describe('slipway lab apply', () => {
  it('needs a lab', async () => {
    const error = await refusal(undefined);
    assert.ok(error instanceof MissingError);
    assert.match(error.message, /^there is no lab in /);
  });

  it('needs installed nodes', async () => {
    const error = await refusal(PLAN);
    assert.ok(error instanceof MissingError);
    assert.match(error.message, /are bare: there is no agent on them$/);
  });

  it('needs a lab that runs', async () => {
    const error = await refusal({ ...PLAN, source: { spec: '/s.yaml', out: '/o', plan: 'h' } });
    assert.ok(error instanceof MissingError);
    assert.match(error.message, /does not run any more$/);
  });

  it('takes an engine for fresh nodes only', async () => {
    const error = await refusal(PLAN, { engine: 'qemu' });
    assert.equal(error.message, '--engine is for --fresh');
  });
});

describe("a lab's folder", () => {
  it('is not removed where it holds what is no lab', async () => {
    await inTempDir(async (dir) => {
      await mkdir(join(dir, 'own'));
      await assert.rejects(new LabFolder(dir).remove(), /is no lab, and holds own$/);
      await assert.rejects(new LabFolder(dir).requireOurs(), MissingError);
    });
  });
});
