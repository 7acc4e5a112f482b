/**
 * The plan: everything that follows from a spec, worked out, nothing done yet. Pure JSON.
 *
 * One node's part of it ({@link NodePlan}) travels on the ISO and lies on the installed node as
 * `/etc/slipway/node.json`; the agent compares the machine with it.
 */

export const PLAN_VERSION = 1;

/** What a volume is for. `clustered` is the one that a two-node role replicates. */
export type VolumeRole = 'esp' | 'boot' | 'root' | 'swap' | 'data' | 'clustered';
/** What a partition is for; `biosboot` holds GRUB's core image, `pv` a physical volume. */
export type PartitionRole = VolumeRole | 'biosboot' | 'pv';
export type NodeRole = 'standalone' | 'ha-pair' | 'cluster';
export type Release = 'embedded' | 'rhel8' | 'rhel9' | 'rhel10' | 'fedora44';
export type Firmware = 'bios' | 'uefi';
export type FileSystem = 'ext4' | 'xfs' | 'vfat' | 'swap';

/** GPT partition types, upper case: UEFI 2.10 table 5.7 (ESP), GRUB's manual (biosboot), the Discoverable Partitions list (the rest). */
export const PARTITION_TYPE = {
  biosboot: '21686148-6449-6E6F-744E-656564454649',
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  raid: 'A19D880F-05FC-4D3B-A006-743F0F84911E',
  lvm: 'E6D6D379-F507-44C2-A23C-238F2A3DF928',
  swap: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F',
  linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
} as const;

export interface Plan {
  readonly version: typeof PLAN_VERSION;
  readonly cluster: string;
  /** SHA-256 (hex) over the plan without this field and without where `stepsDir` lies, keys sorted. */
  readonly hash: string;
  readonly release: Release;
  readonly nodes: readonly NodePlan[];
  readonly media: MediaPlan;
  /** Packages and `@groups` for every node beside what the release and the roles need; absent when there are none. */
  readonly packages?: readonly string[];
  /** Repositories beside those of the medium; absent when there are none. */
  readonly repositories?: readonly RepositoryPlan[];
  /** The folder of the user's own steps, absolute; undefined when the spec names none. */
  readonly stepsDir?: string;
}

export interface RepositoryPlan {
  readonly name: string;
  readonly url: string;
  /** Its public key lies on the medium, and the installed node takes from it what that key signed and nothing else. */
  readonly signed: boolean;
}

export interface MediaPlan {
  /** ISO 9660 volume id: at most 32 of A-Z, 0-9 and `_`. */
  readonly volumeId: string;
  /** What the boot menu's time-out takes: `disk`, `by-mac`, or a node's name. */
  readonly default: string;
  /** Seconds. */
  readonly timeoutSeconds: number;
}

export interface NodePlan {
  readonly version: typeof PLAN_VERSION;
  readonly cluster: string;
  readonly name: string;
  /** Position in the spec from 0; the boot menu's hotkey is `index + 1` up to 9. */
  readonly index: number;
  readonly role: NodeRole;
  /** Position among the nodes of the same role group; 0 does cluster-wide actions. */
  readonly rank: number;
  readonly locale: string;
  readonly keyboard: string;
  readonly timezone: string;
  /** NTP servers; empty means none is configured. */
  readonly timeServers: readonly string[];
  readonly nameServers: readonly string[];
  readonly interfaces: readonly InterfacePlan[];
  /** Names of all nodes of the cluster with their addresses, this one included. */
  readonly hosts: readonly HostPlan[];
  readonly access: AccessPlan;
  readonly disks: DiskDemand;
  readonly layout: LayoutPlan;
  readonly afterInstall: 'poweroff' | 'reboot' | 'halt';
  /** Extra words for the installed kernel's command line. */
  readonly kernelArgs: readonly string[];
  /** The cluster this node forms with others; undefined for a node by itself. */
  readonly ha?: HaPlan;
}

export interface HostPlan {
  readonly name: string;
  readonly address: string;
}

export interface AccessPlan {
  /** A crypt(3) hash; undefined locks root's password. Never plain text. */
  readonly rootPasswordHash?: string;
  readonly sshKeys: readonly string[];
}

export interface InterfacePlan {
  /** The name in the spec, for people. */
  readonly name: string;
  /** Lower case, colon separated; undefined means "the first wired interface". */
  readonly mac?: string;
  /** With prefix length (`10.10.0.11/24`), or `dhcp`. */
  readonly address: string;
  readonly gateway?: string;
  readonly bond?: { readonly mode: string; readonly macs: readonly string[] };
  readonly vlan?: number;
}

/** How a machine's disks are chosen: each by its own identity, or a set by a predicate that must match exactly. */
export type DiskDemand =
  | { readonly kind: 'identified'; readonly disks: readonly DiskIdentity[] }
  | { readonly kind: 'matching'; readonly count: number; readonly match: DiskMatch; readonly wipe: boolean };

export interface DiskIdentity {
  readonly by: 'id' | 'serial' | 'wwn' | 'path';
  readonly value: string;
  /** Foreign data on this very disk may be destroyed. */
  readonly wipe: boolean;
}

export interface DiskMatch {
  /** Inclusive, MiB. */
  readonly minSizeMiB?: number;
  readonly maxSizeMiB?: number;
  readonly bus?: 'ata' | 'scsi' | 'nvme' | 'virtio' | 'usb';
  /** Exact text of the kernel's model attribute. */
  readonly model?: string;
  readonly rotational?: boolean;
}

export interface LayoutPlan {
  readonly kind: 'single' | 'raid1';
  readonly firmware: readonly Firmware[];
  /** Disks in the layout, spares included. */
  readonly diskCount: number;
  readonly spares: number;
  /** The same on every disk, in on-disk order. */
  readonly partitions: readonly PartitionPlan[];
  /** Empty for `single`. Disk i contributes its partition of that role. */
  readonly arrays: readonly ArrayPlan[];
  readonly volumeGroup?: VolumeGroupPlan;
  /** What is formatted and mounted, in mount order. */
  readonly volumes: readonly VolumePlan[];
  /** MiB a disk must have for the layout to fit, alignment and GPT included. */
  readonly minimumDiskMiB: number;
}

export interface PartitionPlan {
  readonly role: PartitionRole;
  /** GPT partition name, unique on the disk, e.g. `slipway-boot`. */
  readonly gptName: string;
  /** MiB; for a growing partition the minimum. */
  readonly sizeMiB: number;
  readonly grow: boolean;
  /** MiB; only for a growing partition. */
  readonly maxSizeMiB?: number;
  /** GPT type GUID, upper case. */
  readonly typeGuid: string;
}

export interface ArrayPlan {
  readonly role: PartitionRole;
  /** Name in /dev/md/, never `md*`. */
  readonly name: string;
  readonly level: 1;
  /** Superblock at the end (1.0) where firmware or a boot loader reads the member as a plain file system. */
  readonly metadata: '1.0' | '1.2';
}

export interface VolumeGroupPlan {
  readonly name: string;
  readonly volumes: readonly VolumeRole[];
}

export interface VolumePlan {
  readonly role: VolumeRole;
  /**
   * Tells several `data` volumes apart. `name ?? role` is the name of the volume's array and of its logical volume, and
   * ends its GPT name; layout.ts has `partitionOf` and `arrayOf`.
   */
  readonly name?: string;
  /** MiB; for a growing volume the minimum. */
  readonly sizeMiB: number;
  readonly grow: boolean;
  /** MiB; only for a growing volume. */
  readonly maxSizeMiB?: number;
  /** Undefined: left unformatted (a clustered volume belongs to DRBD). */
  readonly fileSystem?: FileSystem;
  /** Undefined for swap and for unformatted volumes. */
  readonly mountPoint?: string;
  readonly label?: string;
  readonly encrypted?: boolean;
  /** Device the volume lies on. */
  readonly on: 'partition' | 'array' | 'lv';
}

/** Several nodes that keep one service running. */
export interface HaPlan {
  /** By rank: the first one does what concerns all of them. */
  readonly members: readonly HaMember[];
  /** Two nodes that replicate their clustered volume; undefined when nothing is replicated. */
  readonly replication?: ReplicationPlan;
  readonly fencing: FencingPlan;
  /** The address that moves with the service. */
  readonly vip?: { readonly address: string; readonly prefixLength: number };
  /** systemd units that run where the address is, in the order they are started. */
  readonly services: readonly string[];
}

export interface HaMember {
  readonly name: string;
  /** Corosync's node id, from 1; never given to another node. */
  readonly id: number;
  /** IPv4 addresses of the links between the nodes, at most two, in the same order on all of them. */
  readonly links: readonly [string, ...string[]];
  /** IPv4 address of the link that carries the replicated data. */
  readonly replication: string;
}

export interface ReplicationPlan {
  /** Name of the DRBD resource. */
  readonly resource: string;
  readonly port: number;
  readonly fileSystem: 'ext4' | 'xfs';
  readonly mountPoint: string;
}

/** How a node that does not answer is made harmless. */
export type FencingPlan =
  | { readonly kind: 'devices'; readonly devices: readonly FenceDevicePlan[] }
  | {
      /** A shared disk with poison pills and a watchdog in every node. */
      readonly kind: 'sbd';
      readonly watchdog: string;
      readonly disks: readonly string[];
    }
  | { readonly kind: 'none'; readonly accepted: typeof SPLIT_BRAIN_ACCEPTED };

/** The words that stand in a spec without fencing. */
export const SPLIT_BRAIN_ACCEPTED = 'I accept split brain';

/** What switches one node off. Passwords are not in the plan: they travel with the join secret. */
export interface FenceDevicePlan {
  /** The node it switches off. */
  readonly node: string;
  readonly kind: 'ipmi' | 'redfish' | 'libvirt' | 'lab-switch';
  /** Host name or address of the device; for libvirt the host, for the lab's switch its URL. */
  readonly address: string;
  readonly port?: number;
  readonly user?: string;
  /** How the device calls the node: domain of libvirt, plug of the switch, system of Redfish. */
  readonly plug?: string;
}

/** TCP port the agent of a member listens on while it runs, for the other members. */
export const AGENT_PORT = 7787;

/** Where the join secret lies on its medium. */
export const KEY_MEDIUM = { volumeId: 'SLIPWAYKEY', file: 'join-secret.json' } as const;

/** The one secret of a cluster, from which all others are derived. It is never on the install medium. */
export interface JoinSecret {
  readonly version: 1;
  readonly cluster: string;
  /** 256 bits, 64 hex digits. */
  readonly secret: string;
  /** Passwords of fence devices, by the node they switch off. */
  readonly fencing: Readonly<Record<string, string>>;
}
