/** What the storage model has to know about the machine beside the kickstart. */
import type { TableLabel, TargetDisk } from './model.ts';

export interface StorageFacts {
  /** Every disk of the machine; those that commands name are found without it. */
  readonly disks: readonly TargetDisk[];
  /** What the machine was started by. Absent: the kickstart is for both. */
  readonly firmware?: 'bios' | 'uefi';
  readonly memoryMiB: number;
  /** What a file system is where the kickstart does not say: RHEL's, for whose kickstarts this installer stands in. */
  readonly fileSystem: 'ext4' | 'xfs';
  /** The partition table new disks get: `inst.disklabel=`. */
  readonly label: TableLabel;
  /**
   * Whether the kickstart is one of the medium's own. Those are held to more than Anaconda asks: a disk that holds a
   * part of /boot must be able to start the machine, and an array's members lie on as many disks.
   */
  readonly own: boolean;
  /** A UUID for a new LUKS container. */
  readonly newUuid: () => string;
  /** Volume groups that the kickstart says it goes on using. */
  readonly groups?: readonly ExistingVolumeGroup[];
  /** Arrays that the kickstart says it goes on using. */
  readonly arrays?: readonly ExistingArray[];
  /** The device that `UUID=…`, `LABEL=…` or a link below /dev leads to. */
  readonly resolve?: (name: string) => string | undefined;
}

export interface ExistingVolumeGroup {
  readonly name: string;
  /** Why it cannot be used, whatever the kickstart says: `/dev/dm-2 is mounted at /mnt`. */
  readonly unusable?: string;
  readonly extentKiB: number;
  readonly extents: number;
  readonly freeExtents: number;
  /** Of what LVM keeps to mend the metadata of pools with. */
  readonly spareExtents: number;
  /** By the kernel's names: `/dev/vda2`. */
  readonly physicalVolumes: readonly string[];
  /** Those that people see. */
  readonly volumes: readonly ExistingVolume[];
}

export interface ExistingVolume {
  readonly name: string;
  /** LVM's word: `linear`, `thin-pool`, `thin`, `raid1`, … */
  readonly segment: string;
  readonly extents: number;
  /** The pool of a thin volume. */
  readonly pool?: string;
  /** In the words of blkid. */
  readonly content?: string;
}

export interface ExistingArray {
  readonly name: string;
  /** As of a volume group. */
  readonly unusable?: string;
  /** By the kernel's name: `/dev/md127`. */
  readonly device: string;
  /** mdadm's word: `raid1`. */
  readonly level: string;
  readonly metadata: string;
  /** Active members. */
  readonly raidDisks: number;
  /** By the kernel's names. */
  readonly members: readonly string[];
  readonly sizeMiB: number;
  /** In the words of blkid. */
  readonly content?: string;
}

/** A machine about which nothing is known but the disks that a kickstart names. */
export const NO_FACTS: StorageFacts = {
  disks: [],
  memoryMiB: 2048,
  fileSystem: 'ext4',
  label: 'gpt',
  own: true,
  newUuid: () => '00000000-0000-0000-0000-000000000000',
};
