import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { PRACTICE_RULES, rulesPage } from '../../src/kickstart/lint/catalogue.ts';
import { LANGUAGE_RULES } from '../../src/kickstart/lint/language.ts';
import { lintText } from '../../src/kickstart/lint/lint.ts';
import type { LintOptions } from '../../src/kickstart/lint/types.ts';

const RHEL9: LintOptions = { release: 'rhel9' };

function rules(text: string, options: LintOptions = RHEL9): readonly string[] {
  return lintText(text, 'test.ks', options).problems.map(({ rule }) => rule);
}

function languageErrors(text: string): readonly string[] {
  return lintText(text, 'test.ks', RHEL9)
    .problems.filter((problem) => problem.class === 'language')
    .map(({ rule }) => rule);
}

describe('examples of practice rules', () => {
  for (const { name, wrong, right } of PRACTICE_RULES) {
    it(`${name}: the wrong one is found, the right one is not, and both are kickstarts`, () => {
      assert.ok(rules(wrong).includes(name), rules(wrong).join(' '));
      assert.ok(!rules(right).includes(name), rules(right).join(' '));
      assert.deepEqual(languageErrors(wrong), []);
      assert.deepEqual(languageErrors(right), []);
    });
  }
});

describe('examples of language rules', () => {
  // What the bytes of a file are is not to be seen in a text.
  for (const { name, wrong, right } of LANGUAGE_RULES.filter((rule) => rule.name !== 'not-utf8')) {
    it(`${name}: the wrong one is found, the right one has no fault`, () => {
      assert.ok(languageErrors(wrong).includes(name), languageErrors(wrong).join(' '));
      assert.deepEqual(languageErrors(right), []);
    });
  }
});

describe('docs/rules.md', () => {
  it('is what the rules say', async () => {
    const page = await readFile(new URL('../../docs/rules.md', import.meta.url), 'utf8');
    assert.equal(page, rulesPage(), 'run: node --import tsx scripts/rules-page.ts');
  });
});
