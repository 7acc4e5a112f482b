/**
 * Every kickstart rendered from the golden specs, with what its %pre writes, before pykickstart's own checker:
 *
 *     npm run test:ksvalidator -- --pykickstart DIR
 *
 * DIR is a checkout of pykickstart, which is in neither Debian nor npm. Without one nothing is checked, and it says so.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Release } from '../../src/plan/types.ts';
import { goldenNames, goldenPlan, RELEASE_NAMES, render, withIncluded } from './rendered.ts';

/** pykickstart's names. The embedded installer speaks the language of RHEL 9. */
const VERSIONS: Readonly<Record<Release, string>> = {
  embedded: 'RHEL9',
  rhel8: 'RHEL8',
  rhel9: 'RHEL9',
  rhel10: 'RHEL10',
  fedora44: 'F44',
};

interface Verdict {
  readonly kickstart: string;
  /** Empty when the checker is content. */
  readonly complaint: string;
}

const { values } = parseArgs({ options: { pykickstart: { type: 'string' } } });
process.exitCode = main(values.pykickstart ?? process.env['PYKICKSTART']);

function main(checkout: string | undefined): number {
  if (checkout === undefined) {
    console.log('SKIPPED: ksvalidator has checked nothing. Give it a checkout: -- --pykickstart DIR');
    return 0;
  }
  if (!existsSync(join(checkout, 'tools', 'ksvalidator.py'))) {
    console.error(`${checkout} is no checkout of pykickstart: it has no tools/ksvalidator.py`);
    return 2;
  }
  const folder = mkdtempSync(join(tmpdir(), 'slipway-ksvalidator-'));
  try {
    const verdicts = goldenNames().flatMap((name) => verdictsOn(name, checkout, folder));
    const bad = verdicts.filter(({ complaint }) => complaint !== '');
    for (const { kickstart, complaint } of bad) console.log(`${kickstart}: ${complaint}`);
    console.log(`${verdicts.length - bad.length} passed, ${bad.length} failed, 0 skipped`);
    return bad.length === 0 && verdicts.length > 0 ? 0 : 3;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function verdictsOn(name: string, checkout: string, folder: string): readonly Verdict[] {
  return goldenPlan(name).nodes.flatMap((node) =>
    RELEASE_NAMES.map((release) => {
      const file = join(folder, `${node.name}.ks`);
      writeFileSync(file, withIncluded(render(node, release), name, node.name));
      return {
        kickstart: `${name}/${release}/${node.name}.ks`,
        complaint: complaintOf(checkout, VERSIONS[release], file),
      };
    }),
  );
}

function complaintOf(checkout: string, version: string, file: string): string {
  const { status, stdout, stderr, error } = spawnSync(
    'python3',
    [join(checkout, 'tools', 'ksvalidator.py'), '-v', version, file],
    { env: { ...process.env, PYTHONPATH: checkout }, encoding: 'utf8' },
  );
  if (error !== undefined) return `python3 cannot be started: ${error.message}`;
  return status === 0 ? '' : `${stdout}${stderr}`.trim() || `exit code ${status}`;
}
