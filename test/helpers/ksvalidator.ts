/**
 * Runs every rendered kickstart below test/golden through ksvalidator, for the release its folder is named after.
 *
 *     npm run test:ksvalidator -- --pykickstart DIR        a checkout of pykickstart
 *
 * What %pre writes (folders named `included`) is judged for every vendor release. `embedded` is our own installer,
 * which ksvalidator does not know. Exits 1 when a kickstart is refused.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VERSIONS: Readonly<Record<string, string>> = {
  rhel8: 'RHEL8',
  rhel9: 'RHEL9',
  rhel10: 'RHEL10',
  fedora44: 'F44',
};

const VALIDATOR = 'tools/ksvalidator.py';

interface Verdict {
  /** The validator's count of errors; anything else than 0 is a refusal. */
  readonly exitCode: number | null;
  readonly output: string;
}

const { values } = parseArgs({ options: { pykickstart: { type: 'string' } } });
process.exitCode = values.pykickstart === undefined ? skip() : await validate(values.pykickstart);

function skip(): number {
  process.stdout.write(
    [
      '',
      '  SKIPPED  SKIPPED  SKIPPED',
      '  No kickstart was shown to ksvalidator: it comes with pykickstart, which is neither in Debian nor in npm.',
      '  Run: npm run test:ksvalidator -- --pykickstart DIR-OF-A-CHECKOUT',
      '',
      '0 passed, 0 failed, all skipped',
      '',
    ].join('\n'),
  );
  return 0;
}

async function validate(checkout: string): Promise<number> {
  if (!existsSync(join(checkout, VALIDATOR))) {
    process.stderr.write(`${checkout} is no checkout of pykickstart: it has no ${VALIDATOR}\n`);
    return 2;
  }
  let passed = 0;
  let failed = 0;
  for (const [release, files] of await kickstartsByRelease()) {
    if (files.length === 0) throw new Error(`test/golden holds no kickstart for ${release}`);
    const refused = await refusedFiles(checkout, VERSIONS[release] ?? '', files);
    for (const { file, output } of refused)
      process.stdout.write(`${release}: ${relative(ROOT, file)}\n${output}\n`);
    process.stdout.write(`${release}: ${files.length - refused.length} of ${files.length} pass\n`);
    passed += files.length - refused.length;
    failed += refused.length;
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

async function kickstartsByRelease(): Promise<ReadonlyMap<string, readonly string[]>> {
  const byRelease = new Map<string, string[]>(Object.keys(VERSIONS).map((release) => [release, []]));
  for (const file of await filesBelow(join(ROOT, 'test/golden'))) {
    const folder = basename(dirname(file));
    const releases = folder === 'included' ? [...byRelease.keys()] : [folder];
    for (const release of releases) byRelease.get(release)?.push(file);
  }
  return byRelease;
}

/** One call for all files; only when it finds something, one for each, to learn which. */
async function refusedFiles(
  checkout: string,
  version: string,
  files: readonly string[],
): Promise<readonly { readonly file: string; readonly output: string }[]> {
  if ((await ksvalidator(checkout, version, files)).exitCode === 0) return [];
  const refused: { file: string; output: string }[] = [];
  for (const file of files) {
    const { exitCode, output } = await ksvalidator(checkout, version, [file]);
    if (exitCode !== 0) refused.push({ file, output });
  }
  return refused;
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ks'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function ksvalidator(checkout: string, version: string, files: readonly string[]): Promise<Verdict> {
  const env = { ...process.env, PYTHONPATH: checkout };
  return new Promise((resolve, reject) => {
    const child = spawn('python3', [join(checkout, VALIDATOR), '-v', version, ...files], { env });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, output }));
  });
}
