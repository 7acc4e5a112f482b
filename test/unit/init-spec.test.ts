import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { initSpec } from '../../src/commands/init-spec.ts';
import { InputError } from '../../src/errors/problem.ts';
import { checkSpecText, loadSpec } from '../../src/spec/load.ts';
import { STARTER_DEFAULTS, type StarterAnswers, starterSpec } from '../../src/spec/starter.ts';
import { makeTempDir } from '../helpers/tmp.ts';

describe('the spec that init writes', () => {
  const answers: readonly StarterAnswers[] = [
    STARTER_DEFAULTS,
    { cluster: 'mirror', kind: 'raid1', addresses: ['dhcp'] },
    {
      cluster: 'alone',
      kind: 'single',
      addresses: ['10.0.0.5/24'],
      sshKey: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(40)} me@desk`,
    },
  ];

  for (const answer of answers) {
    it(`is sound as it stands: ${answer.kind}`, () => {
      const { spec, problems } = checkSpecText(starterSpec(answer), 'cluster.yaml');
      assert.deepEqual(problems, []);
      assert.equal(spec?.cluster, answer.cluster);
      assert.deepEqual(
        spec?.nodes.map(({ interfaces }) => interfaces[0]?.address),
        answer.addresses,
      );
      assert.deepEqual(spec?.access.sshKeys, answer.sshKey === undefined ? [] : [answer.sshKey]);
    });
  }

  it('stays sound when its commented lines about disks take the place of the predicate', () => {
    const text = starterSpec({ cluster: 'alone', kind: 'single', addresses: ['dhcp'] })
      .replace(/ {4}disks:\n {6}count: 1\n {6}match: .*\n/, '')
      .replace('    # disks:\n    #   - {', '    disks:\n      - {');
    const { spec, problems } = checkSpecText(text, 'cluster.yaml');
    assert.deepEqual(problems, []);
    assert.deepEqual(spec?.nodes[0]?.disks, [{ serial: 'S45PNA0M100001', wipe: true }]);
  });
});

describe('slipway init --yes', () => {
  let dir: string;
  beforeEach(() => {
    dir = makeTempDir('slipway-init-');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('writes a spec that loads', async () => {
    await initSpec({ yes: true, dir });
    assert.equal((await loadSpec(join(dir, 'cluster.yaml'))).spec.cluster, STARTER_DEFAULTS.cluster);
  });

  it('leaves a spec that is there as it is', async () => {
    writeFileSync(join(dir, 'cluster.yaml'), 'mine');
    await assert.rejects(initSpec({ yes: true, dir }), (error: unknown) => {
      assert.ok(error instanceof InputError);
      assert.deepEqual(
        error.problems.map(({ rule }) => rule),
        ['spec-exists'],
      );
      return true;
    });
    assert.equal(readFileSync(join(dir, 'cluster.yaml'), 'utf8'), 'mine');
  });
});
