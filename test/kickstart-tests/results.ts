/** What came of the tests, kept from one run to the next. */
import { readFile } from 'node:fs/promises';
import { writeFileAtomically } from '../../src/host/atomic.ts';
import type { Tier } from './tiers.ts';

export interface TestResult {
  readonly test: string;
  /** Absent for a test that belongs to none. */
  readonly tier?: Tier;
  readonly verdict: 'passed' | 'failed' | 'not applicable';
  /** Why not passed. */
  readonly message?: string;
  /** Of the whole test: installing, starting where it asks for that, reading the disks. Zero when nothing ran. */
  readonly seconds: number;
  /** Starts after the installation, where they were asked for. */
  readonly boots?: readonly BootResult[];
}

export interface BootResult {
  /** The disk that was left out, counted from 1; none when all were there. */
  readonly without?: number;
  readonly booted: boolean;
  readonly expected: boolean;
}

/** Results are of one suite, one ISO and one platform; those of others are no results here. */
export interface ResultsOf {
  readonly suite: string;
  /** SHA-256 of the ISO. */
  readonly iso: string;
  readonly platform: string;
}

interface ResultsFile extends ResultsOf {
  readonly version: 1;
  readonly results: readonly TestResult[];
}

/** What an earlier run of the same left behind, by name of the test. */
export async function loadResults(file: string, of: ResultsOf): Promise<Map<string, TestResult>> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return new Map();
  const { results, suite, iso, platform }: ResultsFile = JSON.parse(text);
  const same = suite === of.suite && iso === of.iso && platform === of.platform;
  return new Map(same ? results.map((result) => [result.test, result]) : []);
}

export async function saveResults(
  file: string,
  of: ResultsOf,
  results: ReadonlyMap<string, TestResult>,
): Promise<void> {
  const content: ResultsFile = { version: 1, ...of, results: [...results.values()] };
  await writeFileAtomically(file, `${JSON.stringify(content, undefined, 2)}\n`);
}
