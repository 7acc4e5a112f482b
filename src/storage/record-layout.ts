/** Writes down what an installation really made: identities re-read from the disks, not copied from the plan. */
import { StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';
import { type AssignedDisk, assignRoles, type LayoutDemand } from './assign-roles.ts';
import type { BootMember } from './boot-proof.ts';
import { startedByUefi } from './efi-entries.ts';
import type {
  ArrayRecord,
  DiskRecord,
  FileSystemRecord,
  LayoutRecord,
  PartitionRecord,
} from './layout-record.ts';
import { bootMember, type Observation, observe, readSignature } from './observe.ts';

/**
 * Makes the GPT names, and the ESP's type on each member, what the plan says (Anaconda leaves its own), and resolves
 * with the layout as it then is on the disks. Writes nothing else; the caller keeps the record.
 *
 * Rejects with a StepFailure of class `verify-failed` when the disks do not hold the planned layout.
 */
export async function recordLayout(machine: Machine, demand: LayoutDemand): Promise<LayoutRecord> {
  const before = await look(machine, demand);
  const changes = before.disks.flatMap((disk) => labelChanges(demand, disk));
  for (const args of changes) {
    await machine.exec({
      file: 'sfdisk',
      args: ['--quiet', '--no-reread', '--no-tell-kernel', ...args],
      effect: 'write',
    });
  }
  const after = changes.length === 0 ? before : await look(machine, demand);
  const undone = after.disks.flatMap((disk) => labelChanges(demand, disk));
  if (undone.length > 0) {
    throw new StepFailure(
      'verify-failed',
      `the partition table did not take: ${undone.map((a) => a.join(' ')).join('; ')}`,
    );
  }
  return {
    version: 1,
    node: demand.name,
    kind: demand.layout.kind,
    firmware: (await startedByUefi(machine)) ? 'uefi' : 'bios',
    disks: after.disks.map(diskRecord),
    arrays: arrayRecords(demand, after),
    fileSystems: await fileSystemRecords(machine, demand, after),
  };
}

/** The layout's disks for the boot proof, found as {@link recordLayout} finds them. */
export async function findBootMembers(
  machine: Machine,
  demand: LayoutDemand,
): Promise<readonly BootMember[]> {
  const { disks, arrays } = await look(machine, demand);
  return disks.map((disk) => bootMember(disk, arrays, ({ number }) => disk.roles.get(number)));
}

interface View extends Observation {
  readonly disks: readonly AssignedDisk[];
  readonly mounts: readonly Mount[];
}

async function look(machine: Machine, demand: LayoutDemand): Promise<View> {
  const observation = await observe(machine);
  const mounts = await readMounts(machine);
  const uses = new Map(mounts.map(({ device, mountPoint }) => [device, mountPoint]));
  return { ...observation, mounts, disks: assignRoles(demand, observation, uses) };
}

/** sfdisk arguments that make a disk's labels what the plan says. */
function labelChanges(
  demand: LayoutDemand,
  { disk, partitions, roles }: AssignedDisk,
): readonly (readonly string[])[] {
  return partitions.flatMap((partition) => {
    const role = roles.get(partition.number);
    const planned = demand.layout.partitions.find((candidate) => candidate.role === role);
    if (planned === undefined) return [];
    const number = String(partition.number);
    const changes: (readonly string[])[] = [];
    if (partition.name !== planned.gptName)
      changes.push(['--part-label', disk.path, number, planned.gptName]);
    if (role === 'esp' && partition.typeGuid !== planned.typeGuid.toUpperCase()) {
      changes.push(['--part-type', disk.path, number, planned.typeGuid]);
    }
    return changes;
  });
}

function diskRecord({ disk, table, partitions, roles }: AssignedDisk): DiskRecord {
  return {
    ids: disk.ids,
    ...(disk.serial === undefined ? {} : { serial: disk.serial }),
    ...(disk.wwn === undefined ? {} : { wwn: disk.wwn }),
    sizeBytes: disk.sizeBytes,
    tableUuid: table.diskGuid,
    partitions: partitions.flatMap((partition): PartitionRecord[] => {
      const role = roles.get(partition.number);
      if (role === undefined) return [];
      const { number, name, partUuid, typeGuid, start, sectors } = partition;
      return [{ role, number, gptName: name, partUuid, typeGuid, start, sectors }];
    }),
  };
}

function arrayRecords(demand: LayoutDemand, view: View): readonly ArrayRecord[] {
  const partitions = view.disks.flatMap((disk) => disk.partitions);
  return demand.layout.arrays.map(({ role, name }): ArrayRecord => {
    const array = view.arrays.find((candidate) => candidate.name === name);
    const devices = (array?.members ?? []).map((member) => member.device);
    const members = partitions.filter(({ device }) => device !== undefined && devices.includes(device));
    const superblock = members[0]?.superblock;
    if (array === undefined || superblock === undefined) {
      throw new StepFailure('verify-failed', `array ${name}: no superblock on its members`);
    }
    const { arrayUuid: uuid, level, metadata, raidDisks } = superblock;
    return { role, name, uuid, level, metadata, raidDisks, members: members.map(({ partUuid }) => partUuid) };
  });
}

async function fileSystemRecords(
  machine: Machine,
  demand: LayoutDemand,
  view: View,
): Promise<readonly FileSystemRecord[]> {
  const records: FileSystemRecord[] = [];
  for (const { role, fileSystem, mountPoint, on } of demand.layout.volumes) {
    if (fileSystem === undefined) continue;
    const place = volumePlace(demand, view, {
      role,
      on,
      ...(mountPoint === undefined ? {} : { mountPoint }),
    });
    const signature = place === undefined ? undefined : await readSignature(machine, place.path, place.start);
    if (signature === undefined)
      throw new StepFailure('verify-failed', `the ${role} volume holds no file system`);
    const { uuid, type } = signature;
    records.push({ role, uuid, type, ...(mountPoint === undefined ? {} : { mountPoint }) });
  }
  return records;
}

interface Place {
  readonly path: string;
  /** In sectors. */
  readonly start: number;
}

/** Where a volume begins. */
function volumePlace(
  { layout }: LayoutDemand,
  view: View,
  volume: { readonly role: string; readonly on: 'partition' | 'array' | 'lv'; readonly mountPoint?: string },
): Place | undefined {
  switch (volume.on) {
    case 'array': {
      const name = layout.arrays.find(({ role }) => role === volume.role)?.name;
      const array = view.arrays.find((candidate) => candidate.name === name);
      return array === undefined ? undefined : { path: `/dev/${array.device}`, start: 0 };
    }
    case 'partition': {
      const disk = view.disks[0];
      const partition = disk?.partitions.find(({ number }) => disk.roles.get(number) === volume.role);
      return disk === undefined || partition === undefined
        ? undefined
        : { path: disk.disk.path, start: partition.start };
    }
    case 'lv': {
      const mount = view.mounts.find(({ mountPoint }) => mountPoint === volume.mountPoint);
      const path = mount?.source ?? `/dev/${layout.volumeGroup?.name}/${volume.role}`;
      return { path, start: 0 };
    }
  }
}

interface Mount {
  /** `/dev/sda2` */
  readonly source: string;
  /** `sda2` */
  readonly device: string;
  /** `swap` for swap space. */
  readonly mountPoint: string;
}

/** Mounted block devices (proc(5), mountinfo) and swap space in use. */
async function readMounts(machine: Machine): Promise<readonly Mount[]> {
  const mountInfo = (await machine.readFile('/proc/self/mountinfo')) ?? '';
  const swaps = (await machine.readFile('/proc/swaps')) ?? '';
  const mounted = mountInfo.split('\n').flatMap((line) => {
    const [fields = '', rest = ''] = line.split(' - ');
    const mountPoint = fields.split(' ')[4];
    const source = rest.split(' ')[1];
    return mountPoint === undefined || source === undefined ? [] : [{ source, mountPoint }];
  });
  const swapping = swaps
    .split('\n')
    .map((line) => ({ source: line.split(/\s/)[0] ?? '', mountPoint: 'swap' }));
  return [...mounted, ...swapping]
    .filter(({ source }) => source.startsWith('/dev/'))
    .map(({ source, mountPoint }) => ({ source, mountPoint, device: source.replace(/^\/dev\//, '') }));
}
