import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { COMMANDS } from '../../src/kickstart/commands/index.ts';
import { lintText } from '../../src/kickstart/lint/lint.ts';
import type { VendorRelease } from '../../src/kickstart/spec.ts';

const RELEASES: Readonly<Record<string, VendorRelease>> = {
  RHEL8: 'rhel8',
  RHEL9: 'rhel9',
  RHEL10: 'rhel10',
  F41: 'fedora41',
  F42: 'fedora42',
  F43: 'fedora43',
  F44: 'fedora44',
};

interface Recorded {
  readonly kickstart: string;
  /** E or `.`, one letter per release of the header. */
  readonly verdicts: string;
}

async function recorded(): Promise<{
  readonly releases: readonly VendorRelease[];
  readonly rows: readonly Recorded[];
}> {
  const table = await readFile(new URL('../fixtures/kickstart/verdicts.tsv', import.meta.url), 'utf8');
  const [header = '', ...lines] = table.trimEnd().split('\n');
  const releases = (header.slice(2).split(',')[0] ?? '').split(' ').map((name) => {
    const release = RELEASES[name];
    assert.ok(release !== undefined, name);
    return release;
  });
  const rows = lines.map((line) => {
    const tab = line.indexOf('\t');
    return { verdicts: line.slice(0, tab), kickstart: `${line.slice(tab + 1).replaceAll('⏎', '\n')}\n` };
  });
  return { releases, rows };
}

function verdict(kickstart: string, release: VendorRelease): string {
  const { problems } = lintText(kickstart, 'case.ks', { release });
  const faulty = problems.some((problem) => problem.class === 'language' && problem.severity === 'error');
  return faulty ? 'E' : '.';
}

describe('verdicts recorded from ksvalidator', () => {
  it('are ours, for every line and every release', async () => {
    const { releases, rows } = await recorded();
    const different = rows.flatMap(({ kickstart, verdicts }) => {
      const ours = releases.map((release) => verdict(kickstart, release)).join('');
      return ours === verdicts ? [] : [`${JSON.stringify(kickstart)}: recorded ${verdicts}, ours ${ours}`];
    });
    assert.deepEqual(different, []);
  });

  it('hold both verdicts for every release, and every command', async () => {
    const { releases, rows } = await recorded();
    assert.ok(rows.length >= 400, `${rows.length} lines`);
    for (const [index, release] of releases.entries()) {
      const errors = rows.filter(({ verdicts }) => verdicts[index] === 'E').length;
      assert.ok(
        errors >= 100 && rows.length - errors >= 100,
        `${release}: ${errors} errors in ${rows.length} lines`,
      );
    }
    const used = new Set(
      rows.flatMap(({ kickstart }) => kickstart.split('\n').map((line) => line.split(' ')[0])),
    );
    const missing = COMMANDS.flatMap(({ names }) => names).filter((name) => !used.has(name));
    assert.deepEqual(missing, []);
  });
});
