/** One look at everything on the disks that identifies a layout: partition tables, md superblocks, running arrays. */
import { StepFailure } from '../engine/failure.ts';
import type { Machine } from '../engine/machine.ts';
import { type Disk, readDisks } from './block-devices.ts';
import type { BootMember } from './boot-proof.ts';
import { type FileSystemSignature, identifyFileSystem, SIGNATURE_BYTES } from './file-system.ts';
import { type GptPartition, type GptTable, readGpt, SECTOR_BYTES } from './gpt.ts';
import { type ArrayState, readArrays } from './md.ts';
import { type MdSuperblock, readMdSuperblock } from './md-superblock.ts';

export interface Observation {
  readonly disks: readonly ObservedDisk[];
  readonly arrays: readonly ArrayState[];
}

export interface ObservedDisk {
  readonly disk: Disk;
  /** Undefined: no GPT, or both of its copies are damaged. */
  readonly table?: GptTable;
  readonly partitions: readonly ObservedPartition[];
}

export interface ObservedPartition extends GptPartition {
  /** `sda2`, the name that arrays and mounts use; undefined when the kernel does not know the partition. */
  readonly device?: string;
  readonly superblock?: MdSuperblock;
}

export async function observe(machine: Machine): Promise<Observation> {
  const disks = await readDisks(machine);
  return {
    disks: await Promise.all(disks.map((disk) => observeDisk(machine, disk))),
    arrays: await readArrays(machine),
  };
}

async function observeDisk(machine: Machine, disk: Disk): Promise<ObservedDisk> {
  try {
    return await lookAtDisk(machine, disk);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StepFailure(
      'verify-failed',
      `${disk.path} cannot be read: ${why}`,
      'look for a failing disk in `dmesg`',
    );
  }
}

async function lookAtDisk(machine: Machine, disk: Disk): Promise<ObservedDisk> {
  const table = await readGpt(machine, disk);
  if (table === undefined) return { disk, partitions: [] };
  const partitions = await Promise.all(
    table.partitions.map(async (partition) => {
      const device = disk.partitions.find((known) => known.number === partition.number)?.name;
      const superblock = await readMdSuperblock(machine, disk.path, partition.start, partition.sectors);
      return {
        ...partition,
        ...(device === undefined ? {} : { device }),
        ...(superblock === undefined ? {} : { superblock }),
      };
    }),
  );
  return { disk, table, partitions };
}

/** The file system that begins at a byte of a device. */
export async function readSignature(
  machine: Machine,
  path: string,
  startSector = 0,
): Promise<FileSystemSignature | undefined> {
  return identifyFileSystem(await machine.readBytes(path, startSector * SECTOR_BYTES, SIGNATURE_BYTES, true));
}

/** A disk as the boot proof wants it; `roleOf` tells what each of its partitions is for. */
export function bootMember(
  { disk, partitions }: ObservedDisk,
  arrays: readonly ArrayState[],
  roleOf: (partition: ObservedPartition) => string | undefined,
): BootMember {
  const biosBoot = partitions.find((partition) => roleOf(partition) === 'biosboot');
  const esp = partitions.find((partition) => roleOf(partition) === 'esp');
  const member = arrays.flatMap(({ members }) => members).find(({ device }) => device === esp?.device);
  const isSpare = member?.flags.includes('spare') === true && member.slot === undefined;
  return {
    disk: disk.path,
    ...(biosBoot === undefined ? {} : { biosBoot }),
    ...(isSpare ? { spare: true } : esp === undefined ? {} : { esp }),
  };
}
