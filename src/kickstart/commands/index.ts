/** All command tables. */
import type { CommandSpec } from '../spec.ts';
import { BOOT } from './boot.ts';
import { DEVICES } from './devices.ts';
import { NETWORK } from './network.ts';
import { PARTITIONS } from './partitions.ts';
import { RAID_AND_LVM } from './raid-lvm.ts';
import { SOURCES } from './sources.ts';
import { SYSTEM } from './system.ts';
import { USERS } from './users.ts';

export const COMMANDS: readonly CommandSpec[] = [
  ...PARTITIONS,
  ...RAID_AND_LVM,
  ...DEVICES,
  ...BOOT,
  ...NETWORK,
  ...SOURCES,
  ...SYSTEM,
  ...USERS,
];
