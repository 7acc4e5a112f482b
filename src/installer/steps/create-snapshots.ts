import type { Command } from '../../engine/command.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { readFileSystem } from '../../storage/file-system.ts';
import type { Installation } from '../installation.ts';
import { readLvm } from '../lvm-report.ts';
import type { ModelSnapshot, StorageModel } from '../model.ts';

/** Where a snapshot is mounted once, to bring its journal to an end. */
const ASIDE = '/run/slipway/snapshot';

/**
 * Makes the snapshots of thin volumes that belong before everything else, or behind the last script. One of XFS gets a
 * UUID of its own, as with Anaconda: two file systems of the same UUID cannot be mounted.
 */
export const createSnapshots = (when: ModelSnapshot['when'], after?: string): Step<Installation> => ({
  id: when === 'pre-install' ? 'create-first-snapshots' : 'create-last-snapshots',
  title: 'Create the snapshots',
  ...(after === undefined ? {} : { after: [after] }),
  async check(machine, { model }) {
    const wanted = snapshotsOf(model, when);
    for (const snapshot of wanted) {
      const why = await difference(machine, snapshot);
      if (why !== undefined) return { done: false, why };
    }
    return { done: true, evidence: { snapshots: wanted.map(({ group, name }) => `${group}/${name}`) } };
  },
  async apply(machine, { model }, say) {
    for (const snapshot of snapshotsOf(model, when)) {
      say(`${snapshot.group}/${snapshot.name} of ${snapshot.origin}`);
      for (const command of createCommands(snapshot)) await machine.exec(command);
      await machine.exec({ file: 'udevadm', args: ['settle', '--timeout=30'], effect: 'read' });
      const device = deviceOf(snapshot);
      const { type } = (await readFileSystem(machine, device)) ?? {};
      if (type === 'xfs') for (const command of newUuidCommands(device)) await machine.exec(command);
      await machine.exec(lvm('lvchange', '--activate', 'n', `${snapshot.group}/${snapshot.name}`));
    }
  },
});

const snapshotsOf = ({ snapshots }: StorageModel, when: ModelSnapshot['when']) =>
  snapshots.filter((one) => one.when === when);

const deviceOf = ({ group, name }: ModelSnapshot): string => `/dev/${group}/${name}`;

const lvm = (file: string, ...args: readonly string[]): Command => ({
  file,
  args: ['--quiet', '--yes', ...args],
  effect: 'write',
});

/** The snapshot, awake: LVM leaves those of thin volumes asleep. */
const createCommands = ({ group, origin, name }: ModelSnapshot): readonly Command[] => [
  lvm('vgchange', '--activate', 'y', group),
  lvm('lvcreate', '--snapshot', '--name', name, `${group}/${origin}`),
  lvm('lvchange', '--activate', 'y', '--ignoreactivationskip', `${group}/${name}`),
];

/** xfs_admin wants an empty journal, and a mount empties it. */
const newUuidCommands = (device: string): readonly Command[] => [
  { file: 'mkdir', args: ['-p', ASIDE], effect: 'write' },
  { file: 'mount', args: ['-t', 'xfs', '-o', 'nouuid', device, ASIDE], effect: 'write' },
  { file: 'umount', args: [ASIDE], effect: 'write' },
  { file: 'xfs_admin', args: ['-U', 'generate', device], effect: 'write' },
];

async function difference(
  machine: Machine,
  { group, origin, name }: ModelSnapshot,
): Promise<string | undefined> {
  const rows = await readLvm(machine, 'lvs', ['lv_name', 'origin', 'segtype'], group);
  const row = rows.find(({ lv_name }) => lv_name === name);
  if (row === undefined) return `there is no snapshot ${group}/${name}`;
  if (row.segtype !== 'thin' || row.origin !== origin) return `${group}/${name} is no snapshot of ${origin}`;
  return undefined;
}
