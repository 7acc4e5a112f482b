/** UUIDs read from the devices, for configuration that must hold whatever the kernel calls them next time. */
import type { Machine } from '../engine/machine.ts';
import { readFileSystem } from '../storage/file-system.ts';
import { readMdSuperblock } from '../storage/md-superblock.ts';
import type { StorageModel } from './model.ts';

export interface DeviceIds {
  /** UUID of the file system on a device of the model. */
  fileSystem(device: string): string;
  /** UUID of an array as mdadm writes it, by the array's name. */
  array(name: string): string;
}

export async function deviceIds(machine: Machine, model: StorageModel): Promise<DeviceIds> {
  const fileSystems = new Map<string, string | undefined>();
  for (const { device } of model.fileSystems) {
    fileSystems.set(device, (await readFileSystem(machine, device))?.uuid);
  }
  const partitions = model.disks.flatMap((disk) => disk.partitions);
  const arrays = new Map<string, string | undefined>();
  for (const { name, members } of model.arrays) {
    const member = partitions.find(({ device }) => device === members[0]);
    if (member === undefined) continue;
    const superblock = await readMdSuperblock(machine, member.device, 0, member.sectors);
    arrays.set(name, superblock?.arrayUuid);
  }
  const found = (map: ReadonlyMap<string, string | undefined>, key: string): string => {
    const value = map.get(key);
    if (value === undefined) throw new Error(`${key} has no UUID`);
    return value;
  };
  return { fileSystem: (device) => found(fileSystems, device), array: (name) => found(arrays, name) };
}
