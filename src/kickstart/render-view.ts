/** What the templates see: the node's plan, its release, and the names that only a kickstart has. Pure. */
import { memberAddresses, memberPorts } from '../plan/ha.ts';
import type {
  ArrayPlan,
  HaPlan,
  InterfacePlan,
  NodePlan,
  PartitionPlan,
  Plan,
  VolumePlan,
} from '../plan/types.ts';
import { RELEASES, type ReleaseFacts } from './releases.ts';
import { type Quoted, quoted, type StaticAddress, staticAddress } from './render-values.ts';

/** Where things lie on the medium, and where the installer mounts it. */
export interface MediumPaths {
  readonly mountPoint: string;
  readonly repository: string;
  readonly squashfs: string;
  /** Of the repository, when it is signed. */
  readonly signingKey: string;
  node(name: string): string;
  /** The public key of another repository. */
  key(repository: string): string;
}

/** The locals of every template. Printed values still pass `escapeValue`. */
export interface KickstartView {
  readonly node: NodePlan;
  readonly release: ReleaseFacts;
  readonly releaseName: string;
  readonly medium: MediumView;
  /** Repositories beside the medium's that the installer reads. */
  readonly repositories: readonly RepositoryView[];
  /** Those that the installed system gets a .repo file of. */
  readonly installed: readonly RepositoryView[];
  /** Where the key of the medium's repository lies on the medium; undefined when it is not signed. */
  readonly signingKey?: string;
  readonly network: readonly NetworkView[];
  /**
   * `%pre` writes the `network` lines: either some name their cards by MAC where kickstart knows interface names only,
   * or several are for one device, which is a mistake in a kickstart and only a warning to its reader.
   */
  readonly networkInPre: boolean;
  readonly guard: GuardView;
  readonly storage: StorageView;
  readonly packages: readonly string[];
  /** Who else speaks to the agent, to DRBD and to corosync; undefined for a node by itself. */
  readonly members?: MembersView;
  /** `text` may ask on the console (for a LUKS passphrase), `cmdline` never does. */
  readonly display: 'text' | 'cmdline';
  readonly bootsFrom: { readonly bios: boolean; readonly uefi: boolean };
  readonly quoted: typeof quoted;
}

export interface MediumView {
  readonly root: string;
  readonly squashfs: string;
  readonly repository: string;
  readonly node: string;
}

/** Ports between the members of a cluster, and the members' addresses, with commas between them. */
export interface MembersView {
  readonly tcp: string;
  readonly udp: string;
  /** As `firewall --port` takes them: `7787:tcp,5405:udp`. */
  readonly ports: string;
  readonly addresses: string;
}

/** A repository as dnf knows it. */
export interface RepositoryView {
  readonly name: string;
  readonly url: string;
  /** The medium is not always there, so its repository waits to be asked for by name. */
  readonly enabled: 0 | 1;
  /** Where its public key lies on the medium and on the installed system; undefined: it signs nothing. */
  readonly key?: { readonly onMedium: string; readonly installed: string };
}

/** One `network` line. */
export interface NetworkView {
  /** MAC address, `link` or a bond's name. */
  readonly device: string;
  /** `none` for a bond that only carries a VLAN. */
  readonly ip: StaticAddress | 'dhcp' | 'none';
  readonly gateway?: string;
  readonly nameServers?: string;
  readonly vlan?: number;
  readonly bond?: BondView;
  /** The connection belongs to the card of this MAC address, whatever the kernel calls it next time. */
  readonly bindToMac: boolean;
}

export interface BondView {
  readonly options: string;
  readonly macs: readonly string[];
  /** The shell variable of %pre that holds the interface names of the ports. */
  readonly ports: string;
}

/** What the disk guard is told, in the words of its shell. */
export interface GuardView {
  /** Empty when the disks are chosen by predicate. */
  readonly identified: readonly { readonly by: string; readonly value: string; readonly wipe: YesNo }[];
  readonly count: number;
  readonly match: {
    /** 0: no bound. */
    readonly minMiB: number;
    readonly maxMiB: number;
    /** Empty: any. */
    readonly bus: string;
    readonly model: string;
    readonly rotational: '' | '0' | '1';
    readonly wipe: YesNo;
  };
  readonly minimumMiB: number;
  readonly firmware: string;
}

type YesNo = 'yes' | 'no';

export interface StorageView {
  /** One entry per disk of the layout. */
  readonly disks: readonly DiskView[];
  readonly arrays: readonly ArrayView[];
  /** The volume group with the name of the physical volume it lies on. */
  readonly volumeGroup?: { readonly name: string; readonly pv: string };
  readonly logical: readonly LogicalView[];
}

export interface DiskView {
  readonly index: number;
  readonly partitions: readonly (PartitionPlan & { readonly target: TargetView })[];
}

export interface ArrayView {
  readonly name: string;
  readonly level: number;
  readonly spares: number;
  readonly members: readonly string[];
  readonly target: TargetView;
}

export interface LogicalView {
  readonly name: string;
  readonly sizeMiB: number;
  readonly grow: boolean;
  readonly maxSizeMiB?: number;
  readonly target: TargetView;
}

/** What comes to lie on a partition, an array or a logical volume, in kickstart's words. */
export interface TargetView {
  /** Mount point, `swap`, `biosboot`, `raid.*`, `pv.*`, or what stands for "not mounted". */
  readonly name: string | Quoted;
  /** Undefined where the name already says it. */
  readonly fsType?: string;
  readonly label?: string;
  readonly encrypted: boolean;
}

export interface ViewOptions {
  readonly medium: MediumPaths;
  readonly signed?: boolean;
  /** Packages of the node's role, under the names of the plan's release. */
  readonly rolePackages?: readonly string[];
}

export function kickstartView(node: NodePlan, plan: Plan, options: ViewOptions): KickstartView {
  const { medium } = options;
  const release = RELEASES[plan.release];
  const network = node.interfaces.flatMap((face, index) => networkLines(face, index, node, release));
  const repositories = (plan.repositories ?? []).map(({ name, url, signed }) =>
    repositoryView(name, url, 1, signed ? `${medium.mountPoint}/${medium.key(name)}` : undefined),
  );
  const signingKey = options.signed === true ? `${medium.mountPoint}/${medium.signingKey}` : undefined;
  const own = repositoryView('slipway', `file://${medium.mountPoint}/${medium.repository}`, 0, signingKey);
  const encrypted = node.layout.volumes.some((volume) => volume.encrypted === true);
  return {
    node,
    release,
    releaseName: plan.release,
    medium: {
      root: medium.mountPoint,
      squashfs: `${medium.mountPoint}/${medium.squashfs}`,
      repository: `${medium.mountPoint}/${medium.repository}`,
      node: `${medium.mountPoint}/${medium.node(node.name)}`,
    },
    repositories,
    installed: [...(own.key === undefined ? [] : [own]), ...repositories],
    ...(signingKey === undefined ? {} : { signingKey }),
    network,
    networkInPre:
      network.some((line) => line.bond !== undefined) ||
      new Set(network.map((line) => line.device)).size < network.length,
    guard: guardView(node),
    storage: storageView(node),
    packages: [
      ...packagesOf(node, release, encrypted, options.rolePackages ?? []),
      ...(plan.packages ?? []),
      'slipway-postinstall',
    ],
    ...(node.ha === undefined ? {} : { members: membersView(node.ha) }),
    // No passphrase stands in a kickstart, for a kickstart lies on the medium: the installer asks for it.
    display: encrypted ? 'text' : 'cmdline',
    bootsFrom: {
      bios: node.layout.firmware.includes('bios'),
      uefi: node.layout.firmware.includes('uefi'),
    },
    quoted,
  };
}

const repositoryView = (
  name: string,
  url: string,
  enabled: 0 | 1,
  onMedium: string | undefined,
): RepositoryView => ({
  name,
  url,
  enabled,
  ...(onMedium === undefined ? {} : { key: { onMedium, installed: `/etc/pki/rpm-gpg/RPM-GPG-KEY-${name}` } }),
});

function membersView(ha: HaPlan): MembersView {
  const ports = memberPorts(ha);
  const of = (protocol: string): string =>
    ports.flatMap((port) => (port.endsWith(`/${protocol}`) ? [port.split('/')[0]] : [])).join(',');
  return {
    tcp: of('tcp'),
    udp: of('udp'),
    ports: ports.map((port) => port.replace('/', ':')).join(','),
    addresses: memberAddresses(ha).join(','),
  };
}

function packagesOf(
  node: NodePlan,
  release: ReleaseFacts,
  encrypted: boolean,
  ofRole: readonly string[],
): readonly string[] {
  // What an image holds was decided when it was made.
  if (release.payload === 'image') return [];
  return [
    ...release.packages,
    ...ofRole,
    ...(node.layout.volumeGroup === undefined ? [] : ['lvm2']),
    ...(encrypted ? ['cryptsetup'] : []),
    ...(node.timeServers.length > 0 ? ['chrony'] : []),
  ];
}

function networkLines(
  face: InterfacePlan,
  index: number,
  { nameServers }: NodePlan,
  { vlanOnBond }: ReleaseFacts,
): readonly NetworkView[] {
  const address = {
    ip: staticAddress(face.address) ?? ('dhcp' as const),
    ...(face.gateway === undefined ? {} : { gateway: face.gateway }),
    ...(index > 0 || nameServers.length === 0 ? {} : { nameServers: nameServers.join(',') }),
  };
  const vlan = face.vlan === undefined ? {} : { vlan: face.vlan };
  if (face.bond === undefined) {
    // A VLAN is bound to its parent, which the MAC address has already named.
    const bindToMac = face.mac !== undefined && face.vlan === undefined;
    return [{ device: face.mac ?? 'link', ...address, ...vlan, bindToMac }];
  }
  const device = `bond${index}`;
  const bond = {
    options: `mode=${face.bond.mode},miimon=100`,
    macs: face.bond.macs,
    ports: `ports${index}`,
  };
  if (face.vlan !== undefined && vlanOnBond === 'two-lines') {
    return [
      { device, ip: 'none', bond, bindToMac: true },
      { device, ...address, ...vlan, bindToMac: false },
    ];
  }
  return [{ device, ...address, ...vlan, bond, bindToMac: true }];
}

function guardView({ disks, layout }: NodePlan): GuardView {
  const match = disks.kind === 'matching' ? disks.match : {};
  const rotational = match.rotational === true ? '1' : '0';
  return {
    identified:
      disks.kind === 'identified' ? disks.disks.map((disk) => ({ ...disk, wipe: yesNo(disk.wipe) })) : [],
    count: layout.diskCount,
    match: {
      minMiB: match.minSizeMiB ?? 0,
      maxMiB: match.maxSizeMiB ?? 0,
      bus: match.bus ?? '',
      model: match.model ?? '',
      rotational: match.rotational === undefined ? '' : rotational,
      wipe: yesNo(disks.kind === 'matching' && disks.wipe),
    },
    minimumMiB: layout.minimumDiskMiB,
    firmware: layout.firmware.join(' '),
  };
}

function yesNo(flag: boolean): YesNo {
  return flag ? 'yes' : 'no';
}

function storageView({ layout }: NodePlan): StorageView {
  const raid = layout.kind === 'raid1';
  const disks = Array.from({ length: layout.diskCount }, (_, index) => ({
    index,
    partitions: layout.partitions.map((partition) => ({
      ...partition,
      target: partitionTarget(partition, index, raid, layout.volumes),
    })),
  }));
  const logical = layout.volumes.filter((volume) => volume.on === 'lv');
  return {
    disks,
    arrays: layout.arrays.map((array) => arrayView(array, layout)),
    ...(layout.volumeGroup === undefined
      ? {}
      : { volumeGroup: { name: layout.volumeGroup.name, pv: PV_NAME } }),
    logical: logical.map((volume) => ({
      name: keyOf(volume),
      sizeMiB: volume.sizeMiB,
      grow: volume.grow,
      ...(volume.maxSizeMiB === undefined ? {} : { maxSizeMiB: volume.maxSizeMiB }),
      target: volumeTarget(volume),
    })),
  };
}

// An installer names a partition by what follows the dot, and this one is `slipway-pv`.
const PV_NAME = 'pv.pv';
const PV: TargetView = { name: PV_NAME, encrypted: false };

function arrayView(array: ArrayPlan, layout: NodePlan['layout']): ArrayView {
  const volume = layout.volumes.find((one) => one.on === 'array' && keyOf(one) === array.name);
  if (volume === undefined && array.role !== 'pv') throw new Error(`array ${array.name} carries no volume`);
  return {
    name: array.name,
    level: array.level,
    spares: layout.spares,
    members: Array.from({ length: layout.diskCount }, (_, disk) => memberName(array.name, disk)),
    target: volume === undefined ? PV : volumeTarget(volume),
  };
}

function partitionTarget(
  partition: PartitionPlan,
  disk: number,
  raid: boolean,
  volumes: readonly VolumePlan[],
): TargetView {
  const key = partition.gptName.replace(/^slipway-/, '');
  if (partition.role === 'biosboot') {
    return { name: biosBootName(disk), fsType: 'biosboot', encrypted: false };
  }
  if (raid) return { name: memberName(key, disk), encrypted: false };
  if (partition.role === 'pv') return PV;
  const volume = volumes.find((one) => one.on === 'partition' && keyOf(one) === key);
  if (volume === undefined) throw new Error(`partition ${partition.gptName} carries no volume`);
  return volumeTarget(volume);
}

/** `raid.boot0`; a key that ends in a digit keeps its distance, or `a` on disk 10 and `a1` on disk 0 were one. */
function memberName(key: string, disk: number): string {
  return `raid.${key}${/\d$/.test(key) ? '-' : ''}${disk}`;
}

/**
 * pykickstart takes a second `part biosboot`, and a second `part None`, for a mistake, since it compares the mount
 * points. Anaconda gives `None` no mount point, and never uses that of a type that is not mounted, so the third
 * disk's may have a name of its own. What counts for all of them is `--fstype=biosboot`.
 */
function biosBootName(disk: number): string {
  return ['biosboot', 'None'][disk] ?? `biosboot${disk}`;
}

function volumeTarget(volume: VolumePlan): TargetView {
  const common = {
    encrypted: volume.encrypted === true,
    ...(volume.label === undefined ? {} : { label: volume.label }),
  };
  if (volume.role === 'swap') return { ...common, name: 'swap', fsType: 'swap' };
  // Without `--fstype=efi` the ESP gets the default file system.
  if (volume.role === 'esp') return { ...common, name: '/boot/efi', fsType: 'efi' };
  if (volume.fileSystem !== undefined && volume.mountPoint !== undefined) {
    return { ...common, name: volume.mountPoint, fsType: volume.fileSystem };
  }
  return { ...common, ...unformatted(volume.on) };
}

/**
 * A volume that is neither formatted nor mounted, as DRBD wants it. Kickstart has no word for it: without
 * `--fstype` Anaconda makes the default file system, and an unknown type is refused. `mdmember` is the one type it
 * knows and for which it writes nothing (blivet's MDRaidMember has no create action). `part` takes `None` for "no
 * mount point", `raid` only an empty one.
 */
function unformatted(on: VolumePlan['on']): Pick<TargetView, 'name' | 'fsType'> {
  return { name: on === 'partition' ? 'None' : quoted(''), fsType: 'mdmember' };
}

function keyOf(volume: VolumePlan): string {
  return volume.name ?? volume.role;
}
