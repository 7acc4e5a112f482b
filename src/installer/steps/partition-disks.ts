import type { Command } from '../../engine/command.ts';
import { StepFailure } from '../../engine/failure.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { readGptCopies, SECTOR_BYTES } from '../../storage/gpt.ts';
import { readMbr } from '../../storage/mbr.ts';
import type { Installation } from '../installation.ts';
import { madeHere } from '../made-here.ts';
import type { ExistingPartition, ModelDisk, ModelPartition, StorageModel } from '../model.ts';

const partitioned = madeHere();

/** Gives each disk its partitions, in a new table or in the one it has, with sfdisk: sgdisk takes ten seconds a call under emulation. */
export const partitionDisks: Step<Installation> = {
  id: 'partition-disks',
  title: 'Partition the disks',
  async check(machine, { model }) {
    for (const disk of model.disks) {
      const why = await tableDifference(machine, disk);
      if (why !== undefined) return { done: false, why };
      if (disk.fresh && !partitioned.has(model, disk.name)) {
        return { done: false, why: `${disk.name} has the table it had before` };
      }
    }
    const evidence = model.disks.map((disk) => `${disk.name}: ${disk.partitions.length} partitions`);
    return { done: true, evidence: { disks: evidence } };
  },
  async apply(machine, { model }, say) {
    for (const command of sleepCommands(model)) await machine.exec(command);
    for (const disk of model.disks) {
      if (!disk.fresh && (await tableDifference(machine, disk)) === undefined) continue;
      const made = disk.partitions.map(({ gptName }) => gptName.replace('slipway-', '')).join(', ');
      const kept = disk.fresh
        ? ''
        : `; ${disk.kept.map(({ device }) => device).join(', ') || 'nothing'} stays`;
      say(`${disk.name}: ${made || 'no partitions'}${kept}`);
      for (const command of partitionCommands(disk)) await machine.exec(command);
      partitioned.add(model, disk.name);
    }
    await machine.exec({ file: 'udevadm', args: ['settle', '--timeout=30'], effect: 'read' });
    const made = model.disks.flatMap(({ partitions }) =>
      partitions.filter(({ role }) => role !== 'extended'),
    );
    for (const { device } of made) {
      if (!(await machine.exists(device))) throw new StepFailure('verify-failed', `${device} did not appear`);
    }
  },
};

/** The kernel reads no table anew of a disk that is in use; what goes on being used wakes up again in its own step. */
export const sleepCommands = ({ volumeGroups, arrays }: StorageModel): readonly Command[] => [
  ...volumeGroups
    .filter(({ existing }) => existing !== undefined)
    .map(
      ({ name }): Command => ({
        file: 'vgchange',
        args: ['--quiet', '--activate', 'n', name],
        effect: 'write',
      }),
    ),
  ...arrays
    .filter(({ keep }) => keep)
    .map(({ device }): Command => ({ file: 'mdadm', args: ['--stop', '--quiet', device], effect: 'write' })),
];

/** The calls that make a disk's table what the model says, in their order. */
export function partitionCommands(disk: ModelDisk): readonly Command[] {
  const path = `/dev/${disk.name}`;
  // Old signatures inside the new partitions would come back to life as arrays or file systems.
  const wipe = '--wipe-partitions=always';
  if (disk.fresh) {
    return [
      {
        file: 'sfdisk',
        args: ['--quiet', '--wipe=always', wipe, path],
        stdin: sfdiskScript(disk),
        effect: 'write',
      },
    ];
  }
  const removal: Command = {
    file: 'sfdisk',
    args: ['--quiet', '--delete', path, ...disk.removed.map(String)],
    effect: 'write',
  };
  const addition: Command = {
    file: 'sfdisk',
    args: ['--quiet', '--append', '--wipe=never', wipe, path],
    stdin: ['unit: sectors', ...partitionLines(disk), ''].join('\n'),
    effect: 'write',
  };
  return [
    ...(disk.removed.length > 0 ? [removal] : []),
    ...disk.kept.flatMap((partition) => resizeCommand(disk, partition)),
    ...(disk.partitions.length > 0 ? [addition] : []),
  ];
}

/** Another end for a partition that stays. */
function resizeCommand(disk: ModelDisk, partition: ExistingPartition): readonly Command[] {
  const { number, start, sectors, formerSectors } = partition;
  if (formerSectors === undefined || formerSectors === sectors) return [];
  const per = disk.sectorBytes / SECTOR_BYTES;
  return [
    {
      file: 'sfdisk',
      args: ['--quiet', '--wipe=never', '--partno', String(number), `/dev/${disk.name}`],
      stdin: `unit: sectors\nstart=${start / per}, size=${sectors / per}\n`,
      effect: 'write',
    },
  ];
}

/** The script sfdisk reads for a new table; its sectors are the disk's own. */
export function sfdiskScript(disk: ModelDisk): string {
  const label = disk.label === 'gpt' ? 'gpt' : 'dos';
  return [`label: ${label}`, 'unit: sectors', ...partitionLines(disk), ''].join('\n');
}

function partitionLines(disk: ModelDisk): readonly string[] {
  const per = disk.sectorBytes / SECTOR_BYTES;
  return disk.partitions.map(({ device, start, sectors, typeGuid, typeByte, gptName }) => {
    const place = `start=${start / per}, size=${sectors / per}`;
    const what =
      disk.label === 'gpt' ? `${place}, type=${typeGuid}, name="${gptName}"` : `${place}, type=${typeByte}`;
    // In a new GPT the lines are numbered as they stand.
    return disk.label === 'gpt' && disk.fresh ? what : `${device} : ${what}`;
  });
}

type Found = Pick<ModelPartition, 'number' | 'start' | 'sectors'> & {
  readonly type: string;
  /** Only in a GPT. */
  readonly name?: string;
};

/** Why a disk's table is not what the model says, read from its bytes; undefined when it is. */
export async function tableDifference(machine: Machine, disk: ModelDisk): Promise<string | undefined> {
  const found = disk.label === 'gpt' ? await readGptOf(machine, disk) : await readMbrOf(machine, disk);
  if (typeof found === 'string') return found;
  const wanted = disk.kept.length + disk.partitions.length;
  if (found.length !== wanted) {
    return `${disk.name} has ${found.length} partitions, ${wanted} are wanted`;
  }
  const isThere = ({ number, start, sectors }: Omit<Found, 'type'>, type: string): boolean =>
    found.some(
      (one) => one.number === number && one.start === start && one.sectors === sectors && one.type === type,
    );
  for (const want of disk.kept) {
    if (!isThere(want, want.type)) {
      return `${want.device}, which stays, is no longer of type ${want.type} and ${want.sectors} sectors at ${want.start}`;
    }
  }
  for (const want of disk.partitions) {
    const named = found.find(({ number }) => number === want.number)?.name;
    const same = isThere(want, disk.label === 'gpt' ? want.typeGuid : want.typeByte);
    if (!same || (named !== undefined && named !== want.gptName)) {
      return `${want.device} is not ${want.gptName} of ${want.sectors} sectors at ${want.start}`;
    }
  }
  return undefined;
}

async function readGptOf(machine: Machine, disk: ModelDisk): Promise<readonly Found[] | string> {
  const copies = await readGptCopies(machine, {
    path: `/dev/${disk.name}`,
    sizeBytes: disk.sizeBytes,
    blockBytes: disk.sectorBytes,
  });
  if (!copies.primary.ok) return `${disk.name} has no partition table: ${copies.primary.why}`;
  // One that stays is not for us to repair.
  if (!copies.backup.ok && disk.fresh)
    return `${disk.name} has no backup partition table: ${copies.backup.why}`;
  return copies.primary.table.partitions.map((one) => ({ ...one, type: one.typeGuid }));
}

async function readMbrOf(machine: Machine, disk: ModelDisk): Promise<readonly Found[] | string> {
  const table = await readMbr(machine, `/dev/${disk.name}`, disk.sectorBytes);
  if (table === undefined) return `${disk.name} has no MBR partition table`;
  return table.partitions;
}
