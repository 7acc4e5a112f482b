/** What lies below a device of the model: to open the root, and to name what a boot loader has to read. */
import type { ModelCrypt, StorageModel } from './model.ts';

/** The containers that must be open before `device` can be read, lowest first. */
export function cryptsBelow(model: StorageModel, device: string): readonly ModelCrypt[] {
  // All devices of a btrfs volume are needed, though it is mounted by one of them.
  const volume = model.btrfs.find(({ devices }) => devices[0] === device);
  return [...new Set((volume?.devices ?? [device]).flatMap((one) => cryptsBelowOne(model, one)))];
}

function cryptsBelowOne(model: StorageModel, device: string): readonly ModelCrypt[] {
  const crypt = model.crypts.find((one) => one.device === device);
  if (crypt !== undefined) return [...cryptsBelowOne(model, crypt.container), crypt];
  const group = model.volumeGroups.find(({ volumes }) => volumes.some((one) => one.device === device));
  const array = model.arrays.find((one) => one.device === device);
  const below = group?.physicalVolumes ?? array?.members ?? [];
  return below.flatMap((one) => cryptsBelowOne(model, one));
}
