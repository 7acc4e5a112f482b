/** Everything the installer's steps work from. Made once, after the last refusal and before the first write. */

import type { Section } from '../kickstart/types.ts';
import type { NodeRole } from '../plan/types.ts';
import type { StorageModel } from './model.ts';
import type { SystemConfig } from './system-config.ts';

/** Where the system being installed is mounted, as Anaconda has it. */
export const TARGET = '/mnt/sysroot';

export interface Installation {
  /** The node's name, or the host name of a kickstart that is none of ours. */
  readonly node: string;
  readonly role?: NodeRole;
  readonly model: StorageModel;
  readonly config: SystemConfig;
  readonly preInstall: readonly Section[];
  readonly post: readonly Section[];
  /** Copies of the kickstart for the installed system: path → text. */
  readonly kickstarts?: ReadonlyMap<string, string>;
}

/** A path of the installed system as the installer sees it. */
export const onTarget = (path: string): string => `${TARGET}${path}`;

/** Every device the model makes beside disks and partitions. */
export function builtDevices(model: StorageModel): readonly string[] {
  return [
    ...model.arrays.map((array) => array.device),
    ...model.volumeGroups.flatMap((group) => group.volumes.map((volume) => volume.device)),
    ...model.snapshots.map(({ group, name }) => `/dev/${group}/${name}`),
    ...model.crypts.map((crypt) => crypt.device),
  ];
}
