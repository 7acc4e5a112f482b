import assert from 'node:assert/strict';
import { join } from 'node:path';
import { requireOffered } from '../../src/commands/iso-packages.ts';
import { formatProblems, InputError } from '../../src/errors/problem.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { smallSpec } from '../helpers/small-spec.ts';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';

const SPEC = smallSpec('packages: [site-tools, htp, nowhere]\n');

describe('the packages of a spec for the embedded base', () => {
  const refusal = (offered: readonly string[]) =>
    inTempDir(async (dir) => {
      await writeFiles(dir, { 'cluster.yaml': SPEC });
      const loaded = await loadSpec(join(dir, 'cluster.yaml'));
      try {
        requireOffered(loaded, offered);
      } catch (error) {
        assert.ok(error instanceof InputError);
        return formatProblems(error.problems, error.sources).replaceAll(`${dir}/`, '');
      }
      return undefined;
    });

  it('are on the medium or in the image', async () => {
    assert.equal(await refusal(['slipway-postinstall', 'site-tools', 'htp', 'nowhere']), undefined);
  });

  it('are each told with their place when they are neither', async () => {
    assert.equal(
      await refusal(['slipway-postinstall', 'site-tools', 'htop']),
      `cluster.yaml:3:24: error: neither the embedded base nor the medium has a package 'htp' [unknown-package]
  3 | packages: [site-tools, htp, nowhere]
    |                        ^^^
  hint: did you mean 'htop'? If not, bring it along with media.rpms, or a Debian package with base.packages
cluster.yaml:3:29: error: neither the embedded base nor the medium has a package 'nowhere' [unknown-package]
  3 | packages: [site-tools, htp, nowhere]
    |                             ^^^^^^^
  hint: bring it along with media.rpms, or a Debian package with base.packages`,
    );
  });
});
