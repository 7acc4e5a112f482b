/** The storage model in lines for people: what goes, what stays, what is made. It holds no secret. */
import type { ModelBtrfs, ModelDisk, ModelFileSystem, ModelLogicalVolume, StorageModel } from './model.ts';
import { SECTORS_PER_MIB } from './model-regions.ts';

/** One line each, in the order in which it is done. */
export function describeModel(model: StorageModel): readonly string[] {
  return [
    ...model.disks.flatMap(describeDisk),
    ...model.snapshots.map(({ group, origin, name, when }) => {
      const time = when === 'pre-install' ? 'before anything is changed' : 'after the last script';
      return `${group}/${name}: snapshot of ${origin}, ${time}`;
    }),
    ...model.arrays.map(({ device, level, members, spares, chunkKiB, metadata, keep }) => {
      const chunk = chunkKiB === undefined ? '' : `, chunks of ${chunkKiB} KiB`;
      const waiting = spares === 0 ? '' : `, ${spares} of them spare`;
      const stays = keep ? ', stays' : '';
      return `${device}: ${level} of ${names(members)}${waiting}${chunk}, metadata ${metadata}${stays}`;
    }),
    ...model.volumeGroups.flatMap(({ name, physicalVolumes, volumes, existing }) => [
      `${name}: volume group on ${names(physicalVolumes)}${existing === undefined ? '' : ', stays'}`,
      ...volumes.map(describeVolume),
    ]),
    ...model.btrfs.map(describeBtrfs),
    ...model.crypts.map(
      ({ container, version, device }) => `${container}: LUKS${version}, open as ${device}`,
    ),
    ...model.fileSystems.map(describeFileSystem),
    ...model.unformatted.map((device) => `${device}: empty, for the cluster`),
    describeBoot(model),
  ];
}

function describeVolume(volume: ModelLogicalVolume): string {
  const { device, segment, sizeMiB, percent, grow, maxSizeMiB, existing } = volume;
  const most = maxSizeMiB === undefined ? '' : ` up to ${maxSizeMiB} MiB`;
  const size = percent === undefined ? `${sizeMiB} MiB` : `${percent} %`;
  const what =
    segment.type === 'thin-pool'
      ? ', thin pool'
      : segment.type === 'thin'
        ? `, thin, in ${segment.pool}`
        : segment.cache === undefined
          ? ''
          : `, ${segment.cache.mode} cache of ${segment.cache.sizeMiB} MiB on ${names(segment.cache.physicalVolumes)}`;
  if (existing === undefined) return `  ${device}: ${size}${grow ? `, growing${most}` : ''}${what}`;
  return `  ${device}: stays${existing.resize ? `, becomes ${size}` : ''}${what}`;
}

function describeBtrfs({ devices, label, data, metadata, subvolumes }: ModelBtrfs): string {
  return [
    `btrfs on ${names(devices)}`,
    ...(label === undefined ? [] : [`label ${label}`]),
    ...(data === undefined ? [] : [`data ${data}`]),
    ...(metadata === undefined ? [] : [`metadata ${metadata}`]),
    ...(subvolumes.length === 0 ? [] : [`subvolumes ${subvolumes.join(', ')}`]),
  ].join(', ');
}

const names = (devices: readonly string[]): string => devices.map(shortName).join(', ');
const shortName = (device: string): string => device.replace(/^\/dev\//, '');

function describeDisk(disk: ModelDisk): readonly string[] {
  const { name, fresh, label, removed, kept, partitions } = disk;
  const table = fresh
    ? `new ${label.toUpperCase()}, everything on it goes`
    : [
        `its ${label.toUpperCase()} stays`,
        ...(removed.length === 0
          ? []
          : [`without partition ${removed.toSorted((a, b) => a - b).join(', ')}`]),
      ].join(' ');
  return [
    `${name}: ${table}`,
    ...kept.map(({ device, content, sectors, formerSectors }) => {
      const was = formerSectors === undefined ? '' : `, now ${mib(formerSectors)} MiB`;
      return `  ${device}: ${mib(sectors)} MiB${was}, stays: ${content ?? 'unknown'}`;
    }),
    ...partitions.map(({ device, sectors, gptName, role }) => {
      const what =
        role === 'extended' ? 'for the logical ones' : gptName.replace(/^slipway-/, '') || 'member';
      return `  ${device}: ${mib(sectors)} MiB, ${what}${role === 'logical' ? ', logical' : ''}`;
    }),
  ];
}

const mib = (sectors: number): number => Math.floor(sectors / SECTORS_PER_MIB);

function describeFileSystem({
  device,
  type,
  mountPoint,
  mountOptions,
  label,
  subvolume,
  keep,
}: ModelFileSystem): string {
  return [
    `${mountPoint ?? (type === 'swap' ? 'swap' : 'nowhere')}: ${type}${type === 'tmpfs' ? '' : ` on ${device}`}`,
    ...(label === undefined ? [] : [`label ${label}`]),
    ...(subvolume === undefined ? [] : [`subvolume ${subvolume}`]),
    ...(mountOptions === undefined ? [] : [`options ${mountOptions}`]),
    ...(keep ? ['as it is'] : []),
  ].join(', ');
}

function describeBoot({ boot, fileSystems }: StorageModel): string {
  if (!boot.loader) return 'boot loader: none';
  const bios = boot.bios.map(({ disk, partition }) => partition ?? `/dev/${disk} behind its MBR`);
  const uefi = fileSystems.find(({ mountPoint }) => mountPoint === '/boot/efi')?.device;
  return [
    `boot loader: ${bios.length === 0 ? 'no BIOS' : `BIOS by ${names(bios)}`}`,
    uefi === undefined ? 'no UEFI' : `UEFI by ${shortName(uefi)}`,
  ].join(', ');
}
