/** The storage model in lines for people: what goes, what stays, what is made. It holds no secret. */
import type { ModelDisk, ModelFileSystem, StorageModel } from './model.ts';
import { SECTORS_PER_MIB } from './model-regions.ts';

/** One line each, in the order in which it is done. */
export function describeModel(model: StorageModel): readonly string[] {
  return [
    ...model.disks.flatMap(describeDisk),
    ...model.arrays.map(({ device, level, members, spares, chunkKiB, metadata }) => {
      const chunk = chunkKiB === undefined ? '' : `, chunks of ${chunkKiB} KiB`;
      const waiting = spares === 0 ? '' : `, ${spares} of them spare`;
      return `${device}: ${level} of ${names(members)}${waiting}${chunk}, metadata ${metadata}`;
    }),
    ...model.volumeGroups.flatMap(({ name, physicalVolumes, volumes }) => [
      `${name}: volume group on ${names(physicalVolumes)}`,
      ...volumes.map(({ device, sizeMiB, percent, grow, maxSizeMiB }) => {
        const most = maxSizeMiB === undefined ? '' : ` up to ${maxSizeMiB} MiB`;
        const size = percent === undefined ? `${sizeMiB} MiB` : `${percent} %`;
        return `  ${device}: ${size}${grow ? `, growing${most}` : ''}`;
      }),
    ]),
    ...model.crypts.map(
      ({ container, version, device }) => `${container}: LUKS${version}, open as ${device}`,
    ),
    ...model.fileSystems.map(describeFileSystem),
    describeBoot(model),
  ];
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
    ...kept.map(
      ({ device, content, sectors }) => `  ${device}: ${mib(sectors)} MiB, stays: ${content ?? 'unknown'}`,
    ),
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
  keep,
}: ModelFileSystem): string {
  return [
    `${mountPoint ?? (type === 'swap' ? 'swap' : 'nowhere')}: ${type}${type === 'tmpfs' ? '' : ` on ${device}`}`,
    ...(label === undefined ? [] : [`label ${label}`]),
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
