/**
 * Spec → plan.json → kickstart per release → what its %pre makes of it, held against the files beside this one.
 *
 * `UPDATE_GOLDEN=1` rewrites them; the commit then shows what changed. The shell functions of the disk guard are the
 * same in all kickstarts, so the expected ones hold one line in their place and the functions stand once, in
 * pre-disk-functions.sh.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseKickstart } from '../../src/kickstart/parse.ts';
import { RELEASES } from '../../src/kickstart/releases.ts';
import { makePlan } from '../../src/plan/plan.ts';
import type { Plan } from '../../src/plan/types.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { machineFor } from '../helpers/fake-disks.ts';
import {
  goldenNames,
  preScript,
  RELEASE_NAMES,
  render,
  TEMPLATES,
  withIncluded,
} from '../helpers/rendered.ts';

const HERE = import.meta.dirname;
const FUNCTIONS = join(HERE, 'pre-disk-functions.sh');
const STAND_IN = '# ... test/golden/pre-disk-functions.sh ...\n';

/** Equal to the file, or rewritten; mocha shows two texts that differ line by line. */
function same(path: string, actual: string): void {
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, actual);
  }
  assert.equal(actual, readFileSync(path, 'utf8'));
}

describe('golden files', () => {
  const functions = readFileSync(join(TEMPLATES, 'pre-disk-functions.ejs'), 'utf8');

  it('cover every release and at least a dozen specs', () => {
    assert.deepEqual(RELEASE_NAMES, Object.keys(RELEASES));
    assert.ok(goldenNames().length >= 12);
  });

  it('hold the functions of the disk guard once', () => same(FUNCTIONS, functions));

  for (const name of goldenNames()) {
    describe(name, () => {
      let plan: Plan;
      before(async () => {
        const { spec, warnings } = await loadSpec(join(HERE, name, 'cluster.yaml'));
        assert.deepEqual(warnings, []);
        plan = makePlan(spec, HERE);
      });

      it('plan.json', () => same(join(HERE, name, 'plan.json'), `${JSON.stringify(plan, undefined, 2)}\n`));

      for (const release of RELEASE_NAMES) {
        it(`kickstarts for ${release}`, () => {
          for (const node of plan.nodes) {
            const text = render(node, release);
            assert.equal(text.split(functions).length, 2, 'the functions stand in it once');
            same(
              join(HERE, name, release, `${node.name}.ks`),
              text.replace(functions, () => STAND_IN),
            );
          }
        });
      }

      it('what the disk guard and the network make of it on a machine as the spec wants it', async () => {
        await Promise.all(
          plan.nodes.map(async (node) => {
            const machine = machineFor(node);
            try {
              const { exitCode, stdout, stderr, commands, network } = await machine.run(
                preScript(render(node)),
              );
              assert.deepEqual([exitCode, stderr], [0, ''], stdout);
              const included = join(HERE, name, 'included');
              same(join(included, `${node.name}.disks.ks`), commands ?? assert.fail('no commands'));
              if (network !== undefined) same(join(included, `${node.name}.network.ks`), network);
            } finally {
              machine.remove();
            }
          }),
        );
      });

      for (const release of RELEASE_NAMES) {
        it(`kickstarts without a problem for ${release}, what they include as well`, () => {
          for (const node of plan.nodes) {
            const text = withIncluded(render(node, release), name, node.name);
            assert.deepEqual(parseKickstart(text, `${node.name}.ks`, release).problems, []);
          }
        });
      }
    });
  }
});
