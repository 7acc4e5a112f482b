/** Brings Pacemaker's configuration to what is desired: compared here, patched by its own tools. */
import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import type { DesiredCib } from './cib.ts';
import { type MergeOptions, mergeCib } from './cib-merge.ts';
import { readCib } from './cluster-state.ts';
import { formatXml } from './xml.ts';

const FOLDER = '/run/slipway';
const BEFORE = `${FOLDER}/cib-before.xml`;
const AFTER = `${FOLDER}/cib-after.xml`;
const PATCH = `${FOLDER}/cib-patch.xml`;

/** Whether everything desired is in the configuration; undefined when Pacemaker does not answer. */
export async function isConfigured(
  machine: Machine,
  desired: DesiredCib,
  options: MergeOptions = {},
): Promise<boolean | undefined> {
  const cib = await readCib(machine);
  return cib === undefined ? undefined : mergeCib(cib, desired, options) === cib;
}

/**
 * Patches the running configuration. The new one is verified before anybody sees it. The patch names no version: what
 * it changes it finds by its id, and Pacemaker counts on every few seconds by itself. A patch that no longer fits is
 * refused and rejects as `transient`.
 */
export async function configure(
  machine: Machine,
  desired: DesiredCib,
  options: MergeOptions = {},
): Promise<void> {
  const before = await readCib(machine);
  if (before === undefined) throw new StepFailure('transient', 'Pacemaker does not answer');
  const after = mergeCib(before, desired, options);
  if (after === before) return;
  await machine.writeFile(BEFORE, formatXml(before), 0o600);
  await machine.writeFile(AFTER, formatXml(after), 0o600);
  await machine.exec({ file: 'crm_verify', args: ['--xml-file', AFTER, '--verbose'], effect: 'read' });
  const { stdout: patch } = await machine.exec({
    file: 'crm_diff',
    args: ['--original', BEFORE, '--new', AFTER, '--no-version'],
    effect: 'read',
    // 1: they differ.
    accept: [0, 1],
  });
  await machine.writeFile(PATCH, patch, 0o600);
  const { exitCode, stderr } = await machine.exec({
    file: 'cibadmin',
    args: ['--patch', '--xml-file', PATCH],
    effect: 'write',
    accept: [0, ...STALE],
  });
  if (STALE.includes(exitCode))
    throw new StepFailure(
      'transient',
      `somebody else changed the configuration: ${stderr.trim().split('\n').at(-1)}`,
    );
}

/** CRM_EX_OLD and CRM_EX_DIGEST: the patch is for another version of the configuration. */
const STALE = [103, 104];
