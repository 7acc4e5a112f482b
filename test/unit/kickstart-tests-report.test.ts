import assert from 'node:assert/strict';
import { join } from 'node:path';
import { inTempDir } from '../helpers/tmp.ts';
import { parseArguments } from '../kickstart-tests/arguments.ts';
import { conformancePage, consoleTable, totalsOf } from '../kickstart-tests/report.ts';
import { loadResults, saveResults, type TestResult } from '../kickstart-tests/results.ts';
import { skippedCheck } from '../kickstart-tests/shell-guard.ts';
import { TIERS, tierOf } from '../kickstart-tests/tiers.ts';

const OF = { suite: 'c0ffee', iso: 'ab'.repeat(32), platform: 'rhel10' };
const results = (...all: readonly TestResult[]): ReadonlyMap<string, TestResult> =>
  new Map(all.map((result) => [result.test, result]));
const SOME = results(
  { test: 'raid-1', tier: 'A', verdict: 'passed', seconds: 61.2, boots: [{ booted: true, expected: true }] },
  { test: 'lvm-1', tier: 'A', verdict: 'failed', message: '*** a | b\nc', seconds: 50 },
  { test: 'authselect', tier: 'B', verdict: 'not applicable', message: 'needs authselect', seconds: 0 },
);

describe('the tiers', () => {
  it('hold each test once', () => {
    const all = Object.values(TIERS).flat();
    assert.equal(new Set(all).size, all.length);
    assert.equal(tierOf('raid-luks-1'), 'C');
    assert.equal(tierOf('anabot-1'), undefined);
  });
});

describe('the report', () => {
  it('counts what was not run and what cannot be run apart from what passed', () => {
    assert.deepEqual(totalsOf(SOME)[0], {
      tier: 'A',
      tests: 13,
      passed: 1,
      failed: 1,
      notApplicable: 0,
      notRun: 11,
    });
    assert.match(consoleTable(SOME), /tier B: 0 passed, 0 failed, 1 not applicable, 64 not run, of 65$/);
  });

  it('is a page with a row for each test, whatever its message holds', () => {
    const page = conformancePage({ ...OF, date: '2024-01-01', machine: 'M', version: '1' }, SOME);
    const rows = page.split('\n');
    assert.ok(rows.includes('| raid-1 | passed | 61 | boots with all disks |'));
    assert.ok(rows.includes('| lvm-1 | failed | 50 | *** a \\| b c |'));
    assert.ok(rows.includes('| lvm-2 | not run |  |  |'));
    assert.ok(rows.includes('| authselect | not applicable |  | needs authselect |'));
    assert.match(page, /commit `c0ffee`, macros of `rhel10`/);
  });

  it('keeps what was measured of tiers that were not run again, and how', () => {
    const facts = { ...OF, machine: 'M', version: '1' };
    const first = conformancePage({ ...facts, date: '2024-01-01' }, SOME);
    const luks = results({ test: 'part-luks-1', tier: 'C', verdict: 'passed', seconds: 9 });
    const second = conformancePage({ ...facts, date: '2024-02-02', machine: 'N' }, luks, first);
    assert.ok(second.includes('| A | 13 | 1 | 1 | 0 | 11 |'));
    assert.ok(second.includes('| C | 21 | 1 | 0 | 0 | 20 |'));
    const [, a = '', b = '', c = '', d = ''] = second.split('## Tier ');
    assert.match(a, /- 2024-01-01, M\n[\s\S]*\| raid-1 \| passed \| 61 /);
    assert.match(b, /- 2024-01-01, M\n/);
    assert.match(c, /- 2024-02-02, N\n[\s\S]*\| part-luks-1 \| passed \| 9 /);
    assert.doesNotMatch(d, /Suite/);
    assert.equal(conformancePage({ ...facts, date: '2024-02-02', machine: 'N' }, luks, second), second);
  });

  it('shows a start that went against expectation', () => {
    const boots = [
      { without: 1, booted: false, expected: false },
      { without: 2, booted: false, expected: true },
    ];
    const table = consoleTable(
      results({ test: 'lvm-raid-1', tier: 'A', verdict: 'failed', seconds: 1, boots }),
    );
    assert.match(table, /does not boot without disk 1, as it must be/);
    assert.match(table, /DOES NOT BOOT WITHOUT DISK 2, against/);
  });
});

describe('a pass', () => {
  it('is none when a shell other than bash skipped checks', () => {
    assert.match(
      skippedCheck('a\r\n[ 1.0]   /tmp/ks-script-post-33: 9: [[: not found\r\nb') ?? '',
      /not bash.*9: \[\[/,
    );
    assert.match(skippedCheck('/tmp/x: 8: local: not in a function') ?? '', /not bash/);
  });

  it('is one when bash misses a program, or the kernel something', () => {
    for (const line of [
      '/tmp/x: line 9: nmcli: command not found',
      '[    1.2] vda: not found',
      'grep: a: 1: no',
    ]) {
      assert.equal(skippedCheck(line), undefined);
    }
  });
});

describe('results', () => {
  it('are kept for the same suite, ISO and platform only', async () => {
    await inTempDir(async (dir) => {
      const file = join(dir, 'results.json');
      assert.equal((await loadResults(file, OF)).size, 0);
      await saveResults(file, OF, SOME);
      assert.deepEqual(await loadResults(file, OF), SOME);
      for (const other of [{ suite: 'x' }, { iso: 'x' }, { platform: 'rhel9' }]) {
        assert.equal((await loadResults(file, { ...OF, ...other })).size, 0);
      }
    });
  });
});

describe('the command line', () => {
  it('takes tiers or names', () => {
    assert.deepEqual(parseArguments(['--suite', 'S', '--tier', 'A']).tests, TIERS.A);
    assert.deepEqual(parseArguments(['--suite', 'S', '--tier', 'D', '--tier', 'A']).tests, [
      ...TIERS.A,
      ...TIERS.D,
    ]);
    assert.deepEqual(parseArguments(['--suite', 'S', '--only', 'a', 'b', '--jobs', '2']).tests, ['a', 'b']);
    assert.equal(parseArguments(['--suite', 'S']).tests.length, 108);
  });

  it('says what is wrong with it', () => {
    for (const [args, message] of [
      [[], /--suite DIR/],
      [['--suite', 'S', 'raid-1'], /follow --only/],
      [['--suite', 'S', '--tier', 'E'], /--tier E: there are A, B, C, D/],
      [['--suite', 'S', '--jobs', '0'], /--jobs 0/],
      [['--suite', 'S', '--platform', 'suse'], /known are rhel8, /],
      [['--suite', 'S', '--only', 'a', '--tier', 'A'], /exclude/],
    ] as const) {
      assert.throws(() => parseArguments(args), message);
    }
  });
});
