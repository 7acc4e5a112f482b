/** The disks that must be able to start the machine, with the partitions that make them so. */
import type { Machine } from '../engine/machine.ts';
import { PARTITION_TYPE } from '../plan/types.ts';
import type { BootMember, BootPartition } from '../storage/boot-proof.ts';
import { readGpt } from '../storage/gpt.ts';
import { readMbr } from '../storage/mbr.ts';
import { type ModelDisk, partitionsOf, type StorageModel } from './model.ts';

/** Disks that get GRUB for BIOS or hold a part of the ESP, as their partition tables have it. */
export async function bootMembers(machine: Machine, model: StorageModel): Promise<readonly BootMember[]> {
  const members: BootMember[] = [];
  for (const disk of model.disks) {
    const found = await readPartitions(machine, disk);
    const find = (device: string | undefined): BootPartition | undefined => {
      const number = partitionsOf(disk).find((one) => one.device === device)?.number;
      return found.find((one) => one.number === number);
    };
    const bios = model.boot.bios.find((one) => one.disk === disk.name);
    const biosBoot =
      bios === undefined ? undefined : bios.partition === undefined ? behindMbr(found) : find(bios.partition);
    const { device, spare } = espOf(disk, model);
    const esp = find(device);
    if (biosBoot === undefined && esp === undefined) continue;
    members.push({
      disk: `/dev/${disk.name}`,
      ...(biosBoot === undefined ? {} : { biosBoot }),
      ...(esp === undefined ? {} : { esp }),
      ...(spare ? { spare } : {}),
    });
  }
  return members;
}

async function readPartitions(machine: Machine, disk: ModelDisk): Promise<readonly BootPartition[]> {
  const path = `/dev/${disk.name}`;
  const { sizeBytes, sectorBytes } = disk;
  if (disk.label === 'gpt') {
    return (await readGpt(machine, { path, sizeBytes, blockBytes: sectorBytes }))?.partitions ?? [];
  }
  const table = await readMbr(machine, path, sectorBytes);
  return (table?.partitions ?? []).map(({ number, type, start, sectors }) => ({
    ...{ number, start, sectors },
    partUuid: `${table?.signature}-${String(number).padStart(2, '0')}`,
    typeGuid: type === 'ef' ? PARTITION_TYPE.esp : type,
  }));
}

/** Where core.img lies when there is no partition for it: from the sector behind the MBR. */
function behindMbr(partitions: readonly BootPartition[]): BootPartition {
  const first = Math.min(...partitions.map(({ start }) => start));
  return { number: 0, partUuid: '', typeGuid: '', start: 1, sectors: first - 1 };
}

/** The disk's partition that holds the ESP, itself or as a member of its array, and whether it is one in waiting. */
function espOf(disk: ModelDisk, model: StorageModel): { readonly device?: string; readonly spare: boolean } {
  const esp = model.fileSystems.find(({ mountPoint }) => mountPoint === '/boot/efi');
  const array = model.arrays.find(({ device }) => device === esp?.device);
  if (esp === undefined) return { spare: false };
  const devices = array?.members ?? [esp.device];
  const active = array === undefined ? 1 : array.members.length - array.spares;
  const own = partitionsOf(disk).map(({ device }) => device);
  const index = devices.findIndex((device) => own.includes(device));
  const device = devices[index];
  return device === undefined ? { spare: false } : { device, spare: index >= active };
}
