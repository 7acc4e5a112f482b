/** What the disks will look like: worked out from a kickstart and the machine's disks before anything is written. */
import type { Place } from '../kickstart/types.ts';

/** A disk as far as the model needs it, with what lies on it now. */
export interface TargetDisk {
  /** Kernel name, `vda`. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Bytes per logical sector: 512 or 4096. */
  readonly sectorBytes: number;
  /** Why it cannot be written, whatever the kickstart says: `it is read-only`. */
  readonly unusable?: string;
  /** Its partition table; absent from a disk that has none. */
  readonly table?: ExistingTable;
  /** What lies on the whole disk where a partition table would be, in the words of blkid: `ext4`, `LVM2_member`. */
  readonly content?: string;
}

export type TableLabel = 'gpt' | 'mbr';

export interface ExistingTable {
  readonly label: TableLabel;
  readonly partitions: readonly ExistingPartition[];
}

export interface ExistingPartition {
  /** `/dev/vda2` */
  readonly device: string;
  readonly number: number;
  readonly role: PartitionRole;
  /** In 512-byte sectors. */
  readonly start: number;
  readonly sectors: number;
  /** GPT: the type's GUID, upper case. MBR: two hex digits, lower case. */
  readonly type: string;
  /** In the words of blkid. */
  readonly content?: string;
  /** What it has now, where `sectors` is what it is to have. */
  readonly formerSectors?: number;
}

/** Only an MBR has others than primary ones. */
export type PartitionRole = 'primary' | 'extended' | 'logical';

export interface StorageModel {
  readonly disks: readonly ModelDisk[];
  readonly arrays: readonly ModelArray[];
  readonly volumeGroups: readonly ModelVolumeGroup[];
  readonly btrfs: readonly ModelBtrfs[];
  readonly snapshots: readonly ModelSnapshot[];
  readonly resizes: readonly ModelResize[];
  /** Encrypted devices, in the order in which they can be opened. */
  readonly crypts: readonly ModelCrypt[];
  readonly fileSystems: readonly ModelFileSystem[];
  /** Devices made here and left to a cluster; only nodes of a medium have one. */
  readonly unformatted: readonly string[];
  readonly boot: ModelBoot;
  /**
   * Whether the system starts without those of its file systems that it can do without. So it is for the nodes of a
   * medium, whose agent says what is missing; any other kickstart gets an fstab as Anaconda writes it.
   */
  readonly tolerant: boolean;
}

/** Where the installed system is started from. */
export interface ModelBoot {
  /** False: the kickstart wants no boot loader. */
  readonly loader: boolean;
  /** Disks that get GRUB for BIOS. */
  readonly bios: readonly ModelBiosBoot[];
  /** Of whoever wants to change an entry of the boot menu; a secret. */
  readonly password?: { readonly kind: 'hash' | 'plain'; readonly text: string };
  /** The swap that a hibernated system is read from. */
  readonly hibernation?: string;
}

export interface ModelBiosBoot {
  /** Kernel name. */
  readonly disk: string;
  /** The BIOS boot partition; absent where core.img lies behind an MBR, in front of the first partition. */
  readonly partition?: string;
}

export interface ModelDisk extends Pick<TargetDisk, 'name' | 'sizeBytes' | 'sectorBytes'> {
  readonly label: TableLabel;
  /** Whether it gets a new partition table. */
  readonly fresh: boolean;
  /** Numbers of partitions to be removed from a table that stays, highest first. */
  readonly removed: readonly number[];
  /** What stays. */
  readonly kept: readonly ExistingPartition[];
  /** What is made. */
  readonly partitions: readonly ModelPartition[];
}

export interface ModelPartition {
  /** `/dev/vda2` */
  readonly device: string;
  readonly number: number;
  readonly role: PartitionRole;
  /** In 512-byte sectors, whatever the disk's block size. */
  readonly start: number;
  readonly sectors: number;
  readonly typeGuid: string;
  /** The type in an MBR, two hex digits, lower case. */
  readonly typeByte: string;
  readonly gptName: string;
  readonly place: Place;
}

export interface ModelArray {
  /** `boot`, or `0` for an array that is known by its number. */
  readonly name: string;
  /** `/dev/md/boot`, `/dev/md0` */
  readonly device: string;
  /** mdadm's word: `raid1`. */
  readonly level: string;
  readonly metadata: '1.0' | '1.2';
  /** Member devices, spares last. */
  readonly members: readonly string[];
  readonly spares: number;
  readonly bitmap: boolean;
  /** Absent: mdadm's own choice. */
  readonly chunkKiB?: number;
  /** Only for one that is there already and stays. */
  readonly keep?: true;
  readonly place: Place;
}

export interface ModelVolumeGroup {
  readonly name: string;
  readonly physicalVolumes: readonly string[];
  readonly volumes: readonly ModelLogicalVolume[];
  /** Absent: LVM's own, 4 MiB. */
  readonly extentKiB?: number;
  /** What growing volumes leave free. */
  readonly reservedMiB?: number;
  readonly reservedPercent?: number;
  /** Whether room stays free for the pool to grow, as autopart has it. */
  readonly poolReserve?: true;
  /** Only for a group that is there already. */
  readonly existing?: {
    /** Extents that nothing of this model may use: those of volumes it does not name, and what LVM keeps for itself. */
    readonly takenExtents: number;
    /** Of LVM's spare for the metadata of pools, which are among them. */
    readonly spareExtents: number;
  };
  readonly place: Place;
}

export interface ModelLogicalVolume {
  readonly name: string;
  /** `/dev/vg/lv` */
  readonly device: string;
  readonly segment: VolumeSegment;
  readonly sizeMiB: number;
  /** Of what the group, or for a thin volume its pool, has left beside volumes of a fixed size. */
  readonly percent?: number;
  /** Takes what the others leave. */
  readonly grow: boolean;
  /** Only for one that grows. */
  readonly maxSizeMiB?: number;
  /** Only for one that is there already: its size now, and whether it is to become that of `sizeMiB`. */
  readonly existing?: { readonly extents: number; readonly resize: boolean };
  readonly place: Place;
}

/** What LVM calls the type of a volume's segments. */
export type VolumeSegment =
  | { readonly type: 'linear'; readonly cache?: ModelCache }
  | {
      readonly type: 'thin-pool';
      /** Absent: by the size of the pool. */
      readonly metadataMiB?: number;
      /** Absent: LVM's own choice. */
      readonly chunkKiB?: number;
      /** One of LVM's own profiles: `thin-performance`. */
      readonly profile?: string;
    }
  | { readonly type: 'thin'; readonly pool: string };

export interface ModelCache {
  /** The fast ones, which hold the whole cache. */
  readonly physicalVolumes: readonly string[];
  /** With its metadata, and with LVM's spare for them where there is none yet. */
  readonly sizeMiB: number;
  readonly mode: 'writethrough' | 'writeback';
}

export type BtrfsProfile = 'single' | 'raid0' | 'raid1' | 'raid10';

/** A new btrfs volume. What is mounted of it stands among the file systems, under its first device. */
export interface ModelBtrfs {
  readonly devices: readonly string[];
  readonly label?: string;
  /** Absent: the choice of mkfs.btrfs. */
  readonly data?: BtrfsProfile;
  readonly metadata?: BtrfsProfile;
  readonly subvolumes: readonly string[];
  readonly mkfsOptions: readonly string[];
  readonly place: Place;
}

/** A snapshot of a thin volume. */
export interface ModelSnapshot {
  readonly group: string;
  readonly origin: string;
  readonly name: string;
  /** Before anything is changed, or once the last script has run. */
  readonly when: 'pre-install' | 'post-install';
  readonly place: Place;
}

/** A file system that stays and gets the size of its device, which changes. */
export interface ModelResize {
  readonly device: string;
  readonly sizeMiB: number;
  readonly grows: boolean;
  readonly place: Place;
}

/** A LUKS container. The passphrase is a secret: no description, log or argument may hold it. */
export interface ModelCrypt {
  /** What is encrypted: `/dev/vda2`, `/dev/md/root`. */
  readonly container: string;
  readonly uuid: string;
  /** `luks-` and the UUID, as Anaconda has it. */
  readonly name: string;
  /** `/dev/mapper/luks-…` */
  readonly device: string;
  readonly version: 1 | 2;
  readonly cipher?: string;
  readonly pbkdf: {
    readonly type?: string;
    readonly memoryKiB?: number;
    readonly iterations?: number;
    readonly timeMs?: number;
  };
  readonly passphrase: string;
  readonly place: Place;
}

export interface ModelFileSystem {
  /** `tmpfs` for one that lies on no device. */
  readonly device: string;
  readonly type: 'ext2' | 'ext3' | 'ext4' | 'xfs' | 'vfat' | 'btrfs' | 'swap' | 'tmpfs';
  /** Undefined for swap and for what is mounted nowhere. */
  readonly mountPoint?: string;
  readonly label?: string;
  readonly mountOptions?: string;
  readonly mkfsOptions: readonly string[];
  /** What is mounted of a btrfs volume; absent: its top level. */
  readonly subvolume?: string;
  /** Only for one that is there already and stays. */
  readonly keep?: true;
  readonly place: Place;
}

/** `/dev/vda2`, `/dev/nvme0n1p2`: a disk whose name ends in a digit gets a `p` between. */
export function partitionDevice(disk: string, number: number): string {
  return `/dev/${disk}${/\d$/.test(disk) ? 'p' : ''}${number}`;
}

/** Every partition a disk will have. */
export function partitionsOf(disk: ModelDisk): readonly (ExistingPartition | ModelPartition)[] {
  return [...disk.kept, ...disk.partitions];
}
