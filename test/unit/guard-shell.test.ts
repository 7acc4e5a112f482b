import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { Release } from '../../src/plan/types.ts';
import { nodeOf, render, scriptsOf } from '../helpers/rendered.ts';

describe('the scripts of a kickstart', () => {
  for (const [name, release] of [
    ['bond', 'embedded'],
    ['raid1-spare', 'rhel8'],
    ['lvm', 'fedora44'],
  ] as const satisfies readonly (readonly [string, Release])[]) {
    it(`are what shellcheck asks for: ${name} for ${release}`, function () {
      if (spawnSync('shellcheck', ['--version']).error !== undefined) this.skip();
      const text = render(nodeOf(name), release);
      const scripts = [...scriptsOf(text, 'pre'), ...scriptsOf(text, 'post')];
      assert.ok(scripts.length >= 3);
      for (const script of scripts) {
        const { status, stdout } = spawnSync('shellcheck', ['--shell=bash', '-'], {
          input: script,
          encoding: 'utf8',
        });
        assert.equal(status, 0, stdout);
      }
    });
  }
});
