/** Whether the checks of a test were really made. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How dash says that it does not know a word: `FILE: LINE: WORD: not found`. bash says `line LINE: WORD: command …`. */
const FOREIGN_SHELL = /\S+: \d+: \S+: (?:not found|not in a function)$/m;

/**
 * The suite's scripts ask for /bin/sh and are written for bash, which that is on the systems they are for. Another shell
 * takes `[[ … ]]` for a program that is not there: the check is false, and the test passes without having looked.
 */
export function skippedCheck(log: string): string | undefined {
  const line = FOREIGN_SHELL.exec(log.replaceAll('\r', ''))?.[0];
  return line === undefined
    ? undefined
    : `its scripts ran under a shell that is not bash, and skipped checks: ${line}`;
}

/** Looks at what scripts printed during the installation, and at the journal that tests of a first start leave. */
export async function skippedChecks(folder: string): Promise<string | undefined> {
  const index = await readFile(join(folder, 'system/index'), 'utf8').catch(() => '');
  const numbers = index.split('\n').flatMap((line) => line.split('\t')[0] || []);
  const logs = ['virt-install.log', ...numbers.map((number) => `system/${number}/var/log/anaconda/syslog`)];
  for (const log of logs) {
    const skipped = skippedCheck(await readFile(join(folder, log), 'utf8').catch(() => ''));
    if (skipped !== undefined) return skipped;
  }
  return undefined;
}
