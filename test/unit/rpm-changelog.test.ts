import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { changelogText, readNews } from '../../src/artefact/changelog.ts';

const EPOCH = 1_767_225_600;

const NEWS = `# News

## 0.3.0 (not released)
- One thing that is new.
- Another, told in
  two lines, 100% of it.

## 0.2.0 (2026-02-03)
- Older.
`;

describe('the changelog of a package', () => {
  it('is made of the headings and bullets of NEWS.md', () => {
    assert.deepEqual(readNews(NEWS), [
      { version: '0.3.0', notes: ['One thing that is new.', 'Another, told in two lines, 100% of it.'] },
      { version: '0.2.0', date: '2026-02-03', notes: ['Older.'] },
    ]);
  });

  it('has days in the order rpmbuild wants, though the build’s time stamp is older than the last release', () => {
    assert.equal(
      changelogText(readNews(NEWS), '1.abc', EPOCH),
      `* Tue Feb 03 2026 Slipway - 0.3.0-1.abc
- One thing that is new.
- Another, told in two lines, 100%% of it.

* Tue Feb 03 2026 Slipway - 0.2.0
- Older.`,
    );
    assert.match(
      changelogText(readNews(NEWS), '1', EPOCH + 60 * 86_400),
      /^\* Mon Mar 02 2026 Slipway - 0\.3\.0-1\n/,
    );
  });

  it('breaks long lines between words', () => {
    const text = changelogText([{ version: '1', notes: ['word '.repeat(40).trim()] }], '1', EPOCH);
    const lines = text.split('\n').slice(1);
    assert.ok(lines.length > 2 && lines.every((line) => line.length <= 78));
    assert.deepEqual(new Set(lines.map((line) => line.slice(0, 2))), new Set(['- ', '  ']));
  });

  it('can be made of our own NEWS.md', () => {
    const news = readNews(readFileSync(join(import.meta.dirname, '../../NEWS.md'), 'utf8'));
    assert.ok(news.length > 0 && news.every(({ notes }) => notes.length > 0));
  });
});
