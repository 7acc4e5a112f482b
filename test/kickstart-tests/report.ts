/** The results for people: a table on the console, a page for the documentation. Pure. */
import Table from 'cli-table3';
import type { BootResult, ResultsOf, TestResult } from './results.ts';
import { TIERS, type Tier } from './tiers.ts';

const MESSAGE_WIDTH = 90;

export interface Totals {
  readonly tier: Tier;
  readonly tests: number;
  readonly passed: number;
  readonly failed: number;
  readonly notApplicable: number;
  readonly notRun: number;
}

export function totalsOf(results: ReadonlyMap<string, TestResult>): readonly Totals[] {
  return tiers().map(([tier, tests]) => {
    const count = (verdict: TestResult['verdict'] | undefined): number =>
      tests.filter((test) => results.get(test)?.verdict === verdict).length;
    return {
      tier,
      tests: tests.length,
      passed: count('passed'),
      failed: count('failed'),
      notApplicable: count('not applicable'),
      notRun: count(undefined),
    };
  });
}

const tiers = (): readonly (readonly [Tier, readonly string[]])[] =>
  (['A', 'B', 'C', 'D'] as const).map((tier) => [tier, TIERS[tier]]);

/** Every result, then the totals of each tier. */
export function consoleTable(results: ReadonlyMap<string, TestResult>): string {
  const table = new Table({
    head: ['test', 'tier', 'verdict', 's', ''],
    colAligns: ['left', 'left', 'left', 'right', 'left'],
    colWidths: [null, null, null, null, MESSAGE_WIDTH],
    wordWrap: true,
    style: { head: [], border: [], compact: true },
  });
  for (const result of results.values()) {
    const { test, tier = '', verdict, seconds } = result;
    table.push([test, tier, verdict, seconds === 0 ? '' : seconds.toFixed(0), remarks(result)]);
  }
  const totals = totalsOf(results)
    .filter(({ tests, notRun }) => notRun < tests)
    .map(
      ({ tier, tests, passed, failed, notApplicable, notRun }) =>
        `tier ${tier}: ${passed} passed, ${failed} failed, ${notApplicable} not applicable, ${notRun} not run, of ${tests}`,
    );
  return [table.toString(), ...totals].join('\n');
}

export interface PageFacts extends ResultsOf {
  /** YYYY-MM-DD */
  readonly date: string;
  readonly machine: string;
  readonly version: string;
}

/**
 * The whole of docs/conformance.md. A tier that has no result here keeps its part of the `previous` page: a whole suite
 * takes hours, and each part says what it was measured with.
 */
export function conformancePage(
  facts: PageFacts,
  results: ReadonlyMap<string, TestResult>,
  previous = '',
): string {
  const kept = (tier: Tier, tests: readonly string[]): KeptTier | undefined =>
    tests.some((test) => results.has(test)) ? undefined : keptTier(previous, tier);
  return `${[
    '# Conformance',
    '',
    'How Anaconda’s own test suite, [kickstart-tests](https://github.com/rhinstaller/kickstart-tests), judges the embedded',
    'installer. Each test installs a virtual machine by its kickstart; its `%post` inspects the installed system and writes',
    'the verdict to `/root/RESULT`, which is read off the disks after power-off. Where a test names package repositories it',
    'gets the image of the medium. A test passes when its own validation passes; time running out is a failure. A test that',
    'needs what the image cannot have is not applicable and never counts as passed.',
    '',
    'This page is written by `npm run test:kickstart-tests -- --suite DIR --record`, tier by tier.',
    '',
    ...markdownTable(
      ['tier', 'tests', 'passed', 'failed', 'not applicable', 'not run'],
      totalsOf(results).map((t) => {
        const { tier, tests, passed, failed, notApplicable, notRun } = t;
        const fresh = [tier, ...[tests, passed, failed, notApplicable, notRun].map(String)];
        return kept(tier, TIERS[tier])?.totals ?? fresh;
      }),
    ),
    ...tiers().flatMap(([tier, tests]) => [
      '',
      `## Tier ${tier}`,
      '',
      ...(kept(tier, tests)?.section ?? tierSection(facts, tests, results)),
    ]),
  ].join('\n')}\n`;
}

function tierSection(
  facts: PageFacts,
  tests: readonly string[],
  results: ReadonlyMap<string, TestResult>,
): readonly string[] {
  const rows = markdownTable(
    ['test', 'verdict', 'seconds', ''],
    tests.map((test) => {
      const result = results.get(test);
      if (result === undefined) return [test, 'not run', '', ''];
      const { verdict, seconds } = result;
      return [test, verdict, seconds === 0 ? '' : seconds.toFixed(0), remarks(result)];
    }),
  );
  if (!tests.some((test) => results.has(test))) return rows;
  return [
    `- Suite: commit \`${facts.suite}\`, macros of \`${facts.platform}\``,
    `- Slipway ${facts.version}, ISO \`${facts.iso.slice(0, 16)}\``,
    `- ${facts.date}, ${facts.machine}`,
    '',
    ...rows,
  ];
}

interface KeptTier {
  /** Cells of its row of totals. */
  readonly totals: readonly string[];
  readonly section: readonly string[];
}

/** A tier's part of a page, if something was measured for it. */
function keptTier(page: string, tier: Tier): KeptTier | undefined {
  const [, section] = new RegExp(`^## Tier ${tier}\n\n((?:(?!## ).*\n)*)`, 'm').exec(page) ?? [];
  const [, totals] = new RegExp(`^\\| ${tier} \\|(.*)\\|$`, 'm').exec(page) ?? [];
  if (section === undefined || totals === undefined || !section.startsWith('- Suite: ')) return undefined;
  return {
    totals: [tier, ...totals.split('|').map((cell) => cell.trim())],
    section: section.trimEnd().split('\n'),
  };
}

const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] => {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replace(/\s+/g, ' ')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)];
};

const remarks = ({ message, boots = [] }: TestResult): string =>
  [...(message === undefined ? [] : [message]), ...boots.map(bootRemark)].join('; ');

function bootRemark({ without, booted, expected }: BootResult): string {
  const which = without === undefined ? 'with all disks' : `without disk ${without}`;
  const did = booted ? `boots ${which}` : `does not boot ${which}`;
  if (booted === expected) return expected ? did : `${did}, as it must be`;
  return `${did.toUpperCase()}, against expectation`;
}
