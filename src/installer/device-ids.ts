/** UUIDs read from the devices, for configuration that must hold whatever the kernel calls them next time. */
import type { Machine } from '../engine/machine.ts';
import { readFileSystem } from '../storage/file-system.ts';
import { readMdSuperblock } from '../storage/md-superblock.ts';
import { partitionsOf, type StorageModel } from './model.ts';

export interface DeviceIds {
  /** UUID of the file system on a device of the model. */
  fileSystem(device: string): string;
  /** UUID of an array as mdadm writes it, by the array's name. */
  array(name: string): string;
}

export async function deviceIds(machine: Machine, model: StorageModel): Promise<DeviceIds> {
  const fileSystems = new Map<string, string | undefined>();
  for (const { device, type } of model.fileSystems) {
    if (type === 'tmpfs') continue;
    fileSystems.set(device, (await readFileSystem(machine, device))?.uuid);
  }
  const partitions = model.disks.flatMap(partitionsOf);
  const arrays = new Map<string, string | undefined>();
  for (const { name, members } of model.arrays) {
    const [member = ''] = members;
    const sectors =
      partitions.find(({ device }) => device === member)?.sectors ?? (await sectorsOf(machine, member));
    arrays.set(name, (await readMdSuperblock(machine, member, 0, sectors))?.arrayUuid);
  }
  const found = (map: ReadonlyMap<string, string | undefined>, key: string): string => {
    const value = map.get(key);
    if (value === undefined) throw new Error(`${key} has no UUID`);
    return value;
  };
  return { fileSystem: (device) => found(fileSystems, device), array: (name) => found(arrays, name) };
}

/** Of a device that is no partition, such as an open container. */
async function sectorsOf(machine: Machine, device: string): Promise<number> {
  const name = ((await machine.realPath(device)) ?? device).slice('/dev/'.length);
  return Number(((await machine.readFile(`/sys/class/block/${name}/size`)) ?? '0').trim());
}
