/**
 * Spec → plan.json → kickstart per release, held against the files beside this one.
 *
 * `UPDATE_GOLDEN=1` rewrites them; the commit then shows what changed. The shell functions of the disk guard are the
 * same in all kickstarts, so the expected ones hold one line in their place and the functions stand once, in
 * pre-disk-functions.sh.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseKickstart } from '../../src/kickstart/parse.ts';
import { RELEASES } from '../../src/kickstart/releases.ts';
import { renderKickstart } from '../../src/kickstart/render.ts';
import { MEDIUM } from '../../src/media/types.ts';
import { makePlan } from '../../src/plan/plan.ts';
import type { NodePlan, Plan, Release } from '../../src/plan/types.ts';
import { loadSpec } from '../../src/spec/load.ts';

const HERE = import.meta.dirname;
const TEMPLATES = join(HERE, '..', '..', 'kickstart');
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';
const FUNCTIONS = join(HERE, 'pre-disk-functions.sh');
const STAND_IN = '# ... test/golden/pre-disk-functions.sh ...\n';

const releases: readonly Release[] = ['embedded', 'rhel8', 'rhel9', 'rhel10', 'fedora44'];
const specs = readdirSync(HERE, { withFileTypes: true }).filter((entry) => entry.isDirectory());

describe('golden files', () => {
  const functions = readFileSync(join(TEMPLATES, 'pre-disk-functions.ejs'), 'utf8');

  it('cover every release and at least a dozen specs', () => {
    assert.deepEqual(releases, Object.keys(RELEASES));
    assert.ok(specs.length >= 12, `${specs.length} specs`);
  });

  it('hold the functions of the disk guard once', () => same(FUNCTIONS, functions));

  for (const { name } of specs) {
    describe(name, () => {
      let plan: Plan;
      before(async () => {
        const { spec, warnings } = await loadSpec(join(HERE, name, 'cluster.yaml'));
        assert.deepEqual(warnings, []);
        plan = makePlan(spec, HERE);
      });

      it('plan.json', () => same(join(HERE, name, 'plan.json'), `${JSON.stringify(plan, undefined, 2)}\n`));

      for (const release of releases) {
        it(`kickstarts for ${release}`, () => {
          for (const node of plan.nodes) {
            const text = render(node, { ...plan, release });
            assert.equal(text.split(functions).length, 2, 'the functions stand in it once');
            same(
              join(HERE, name, release, `${node.name}.ks`),
              text.replace(functions, () => STAND_IN),
            );
          }
        });

        it(`kickstarts our parser reads without a problem for ${release}`, () => {
          for (const node of plan.nodes) {
            const { problems } = parseKickstart(
              render(node, { ...plan, release }),
              `${node.name}.ks`,
              release,
            );
            assert.deepEqual(problems, []);
          }
        });
      }
    });
  }
});

function render(node: NodePlan, plan: Plan): string {
  return renderKickstart(node, plan, { templates: TEMPLATES, medium: MEDIUM });
}

/** Equal to the file, or rewritten; mocha shows two texts that differ line by line. */
function same(path: string, actual: string): void {
  if (UPDATE) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, actual);
  }
  assert.equal(actual, readFileSync(path, 'utf8'));
}
