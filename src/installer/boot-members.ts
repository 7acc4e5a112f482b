/** The disks that must be able to start the machine, with the partitions that make them so. */
import type { Machine } from '../engine/machine.ts';
import type { BootMember, BootPartition } from '../storage/boot-proof.ts';
import { readGpt } from '../storage/gpt.ts';
import type { ModelDisk, StorageModel } from './model.ts';

/** Disks with a BIOS boot partition or a part of the ESP, as their partition tables have it. */
export async function bootMembers(machine: Machine, model: StorageModel): Promise<readonly BootMember[]> {
  const members: BootMember[] = [];
  for (const disk of model.disks) {
    const table = await readGpt(machine, {
      path: `/dev/${disk.name}`,
      sizeBytes: disk.sizeBytes,
      blockBytes: disk.sectorBytes,
    });
    const find = (device: string | undefined): BootPartition | undefined => {
      const number = disk.partitions.find((one) => one.device === device)?.number;
      return table?.partitions.find((one) => one.number === number);
    };
    const biosBoot = find(disk.partitions.find(({ gptName }) => gptName === 'slipway-biosboot')?.device);
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

/** The disk's partition that holds the ESP, itself or as a member of its array, and whether it is one in waiting. */
function espOf(disk: ModelDisk, model: StorageModel): { readonly device?: string; readonly spare: boolean } {
  const esp = model.fileSystems.find(({ mountPoint }) => mountPoint === '/boot/efi');
  const array = model.arrays.find(({ device }) => device === esp?.device);
  if (esp === undefined) return { spare: false };
  const devices = array?.members ?? [esp.device];
  const active = array === undefined ? 1 : array.members.length - array.spares;
  const index = devices.findIndex((device) => disk.partitions.some((one) => one.device === device));
  const device = devices[index];
  return device === undefined ? { spare: false } : { device, spare: index >= active };
}
