import { StepFailure } from '../../engine/failure.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { readGptCopies, SECTOR_BYTES } from '../../storage/gpt.ts';
import type { Installation } from '../installation.ts';
import type { ModelDisk } from '../model.ts';

/** Writes a new partition table to each disk, with sfdisk: sgdisk takes ten seconds a call under emulation. */
export const partitionDisks: Step<Installation> = {
  id: 'partition-disks',
  title: 'Partition the disks',
  async check(machine, { model }) {
    for (const disk of model.disks) {
      const why = await difference(machine, disk);
      if (why !== undefined) return { done: false, why };
    }
    const evidence = model.disks.map((disk) => `${disk.name}: ${disk.partitions.length} partitions`);
    return { done: true, evidence: { disks: evidence } };
  },
  async apply(machine, { model }, say) {
    for (const disk of model.disks) {
      say(`${disk.name}: ${disk.partitions.map((one) => one.gptName.replace('slipway-', '')).join(', ')}`);
      await machine.exec({
        file: 'sfdisk',
        // Old signatures inside the new partitions would come back to life as arrays or file systems.
        args: ['--quiet', '--wipe=always', '--wipe-partitions=always', `/dev/${disk.name}`],
        stdin: sfdiskScript(disk),
        effect: 'write',
      });
    }
    await machine.exec({ file: 'udevadm', args: ['settle', '--timeout=30'], effect: 'read' });
    for (const device of model.disks.flatMap((disk) => disk.partitions.map((one) => one.device))) {
      if (!(await machine.exists(device))) throw new StepFailure('verify-failed', `${device} did not appear`);
    }
  },
};

/** The script sfdisk reads; its sectors are the disk's own. */
export function sfdiskScript(disk: ModelDisk): string {
  const per = disk.sectorBytes / SECTOR_BYTES;
  const lines = disk.partitions.map(
    ({ start, sectors, typeGuid, gptName }) =>
      `start=${start / per}, size=${sectors / per}, type=${typeGuid}, name="${gptName}"`,
  );
  return ['label: gpt', 'unit: sectors', ...lines, ''].join('\n');
}

async function difference(machine: Machine, disk: ModelDisk): Promise<string | undefined> {
  const copies = await readGptCopies(machine, {
    path: `/dev/${disk.name}`,
    sizeBytes: disk.sizeBytes,
    blockBytes: disk.sectorBytes,
  });
  if (!copies.primary.ok) return `${disk.name} has no partition table: ${copies.primary.why}`;
  if (!copies.backup.ok) return `${disk.name} has no backup partition table: ${copies.backup.why}`;
  const found = copies.primary.table.partitions;
  if (found.length !== disk.partitions.length) {
    return `${disk.name} has ${found.length} partitions, ${disk.partitions.length} are wanted`;
  }
  for (const want of disk.partitions) {
    const have = found.find(({ number }) => number === want.number);
    const same =
      have !== undefined &&
      have.start === want.start &&
      have.sectors === want.sectors &&
      have.typeGuid === want.typeGuid &&
      have.name === want.gptName;
    if (!same) return `${want.device} is not ${want.gptName} of ${want.sectors} sectors at ${want.start}`;
  }
  return undefined;
}
