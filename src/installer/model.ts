/** What the disks will look like: worked out from a kickstart and the disks' sizes before anything is written. */
import type { Place } from '../kickstart/types.ts';

/** A disk as far as the model needs it. */
export interface TargetDisk {
  /** Kernel name, `vda`. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Bytes per logical sector: 512 or 4096. */
  readonly sectorBytes: number;
  /** Why it cannot be written, whatever the kickstart says: `it is read-only`. */
  readonly unusable?: string;
}

export interface StorageModel {
  readonly disks: readonly ModelDisk[];
  readonly arrays: readonly ModelArray[];
  readonly volumeGroups: readonly ModelVolumeGroup[];
  readonly fileSystems: readonly ModelFileSystem[];
}

export interface ModelDisk extends Omit<TargetDisk, 'unusable'> {
  readonly partitions: readonly ModelPartition[];
}

export interface ModelPartition {
  /** `/dev/vda2` */
  readonly device: string;
  readonly number: number;
  /** In 512-byte sectors, whatever the disk's block size. */
  readonly start: number;
  readonly sectors: number;
  readonly typeGuid: string;
  readonly gptName: string;
  readonly place: Place;
}

export interface ModelArray {
  /** `boot`; the device is `/dev/md/boot`. */
  readonly name: string;
  readonly device: string;
  /** mdadm's word: `raid1`. */
  readonly level: string;
  readonly metadata: '1.0' | '1.2';
  /** Member partitions, spares last. */
  readonly members: readonly string[];
  readonly spares: number;
  readonly bitmap: boolean;
  readonly place: Place;
}

export interface ModelVolumeGroup {
  readonly name: string;
  readonly physicalVolumes: readonly string[];
  readonly volumes: readonly ModelLogicalVolume[];
  readonly place: Place;
}

export interface ModelLogicalVolume {
  readonly name: string;
  /** `/dev/vg/lv` */
  readonly device: string;
  readonly sizeMiB: number;
  /** Takes what the others leave. */
  readonly grow: boolean;
  /** Only for one that grows. */
  readonly maxSizeMiB?: number;
  readonly place: Place;
}

export interface ModelFileSystem {
  readonly device: string;
  readonly type: 'ext2' | 'ext3' | 'ext4' | 'xfs' | 'vfat' | 'swap';
  /** Undefined for swap. */
  readonly mountPoint?: string;
  readonly label?: string;
  readonly mountOptions?: string;
  readonly mkfsOptions: readonly string[];
  readonly place: Place;
}

/** `/dev/vda2`, `/dev/nvme0n1p2`: a disk whose name ends in a digit gets a `p` between. */
export function partitionDevice(disk: string, number: number): string {
  return `/dev/${disk}${/\d$/.test(disk) ? 'p' : ''}${number}`;
}
