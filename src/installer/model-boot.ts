/** What starts the installed system, and whether each disk that has to can do it. */
import type { CommandLine } from '../kickstart/types.ts';
import { PARTITION_TYPE } from '../plan/types.ts';
import { flag, option, text } from './command-words.ts';
import type {
  ModelArray,
  ModelBiosBoot,
  ModelBoot,
  ModelDisk,
  ModelFileSystem,
  ModelVolumeGroup,
} from './model.ts';
import type { MadeDevice, Refuse } from './model-contents.ts';
import type { Ground } from './model-requests.ts';

interface BootParts {
  readonly commands: readonly CommandLine[];
  readonly disks: readonly ModelDisk[];
  readonly partitions: readonly MadeDevice[];
  readonly arrays: readonly ModelArray[];
  readonly volumeGroups: readonly ModelVolumeGroup[];
  readonly fileSystems: readonly ModelFileSystem[];
}

export function buildBoot(parts: BootParts, ground: Ground, refuse: Refuse): ModelBoot {
  const command = parts.commands.findLast(({ name }) => name === 'bootloader');
  if (command !== undefined) refuseLoaders(command, refuse);
  const password = command === undefined ? undefined : bootPassword(command);
  const hibernation = resumeDevice(parts);
  const extra = {
    ...(password === undefined ? {} : { password }),
    ...(hibernation === undefined ? {} : { hibernation }),
  };
  const unwanted =
    command !== undefined && (flag(command, '--disabled') || text(command, '--location') === 'none');
  if (unwanted) return { loader: false, bios: [], ...extra };
  const disks = disksOfBoot(parts, ground);
  const bios = biosBoot(parts, disks, ground);
  checkFirmware(parts, bios, ground, refuse);
  checkReadable(parts, refuse);
  if (ground.facts.own) checkBootDisks(parts, refuse);
  // The MBR stays as it is: whoever says so has a boot loader there already.
  const keepsMbr = command !== undefined && flag(command, '--nombr');
  return { loader: true, bios: keepsMbr ? [] : bios, ...extra };
}

function bootPassword(command: CommandLine): ModelBoot['password'] {
  const password = text(command, '--password');
  if (password === undefined || password === '') return undefined;
  return { kind: flag(command, '--iscrypted') ? 'hash' : 'plain', text: password };
}

/** The swap that was asked for with `--hibernation`. */
function resumeDevice({ commands, fileSystems }: BootParts): string | undefined {
  const wanted = commands.some((command) => flag(command, '--hibernation'));
  return wanted ? fileSystems.find(({ type }) => type === 'swap')?.device : undefined;
}

function refuseLoaders(command: CommandLine, refuse: Refuse): void {
  for (const name of ['--extlinux', '--sdboot', '--md5pass']) {
    const given = command.options.get(name)?.[0];
    if (given !== undefined) {
      refuse(given.option, 'unsupported-option', `this installer does not know ${name}: it installs GRUB 2`);
    }
  }
  const location = option(command, '--location');
  if (location?.text === 'partition') {
    refuse(location, 'boot-location', 'this installer puts no boot loader into a partition');
  }
}

/** Partitions below what is mounted at a place: itself, or the members of its array. */
function partitionsBelow(
  { partitions, arrays, fileSystems }: BootParts,
  mountPoint: string,
): readonly MadeDevice[] {
  const device = fileSystems.find((one) => one.mountPoint === mountPoint)?.device;
  const members = arrays.find((array) => array.device === device)?.members ?? [];
  return partitions.filter((one) => one.device === device || members.includes(one.device));
}

/** Disks whose partitions hold a copy of /boot, else the one boot disk. */
function disksOfBoot(parts: BootParts, { bootDisk }: Ground): readonly string[] {
  const boot = partitionsBelow(parts, '/boot');
  const holding = boot.length > 0 ? boot : partitionsBelow(parts, '/');
  const names = [...new Set(holding.flatMap(({ disk }) => disk ?? []))];
  return names.length > 1 ? names : bootDisk === undefined ? names : [bootDisk.disk.name];
}

/** A new BIOS boot partition is for GRUB; one that was there, and the room behind an MBR, only where /boot lies. */
function biosBoot(parts: BootParts, disks: readonly string[], { facts }: Ground): readonly ModelBiosBoot[] {
  return parts.disks.flatMap((disk): readonly ModelBiosBoot[] => {
    const made = parts.partitions.find(
      ({ content, disk: name }) => content.kind === 'biosboot' && name === disk.name,
    );
    if (made !== undefined) return [{ disk: disk.name, partition: made.device }];
    if (facts.firmware !== 'bios' || !disks.includes(disk.name)) return [];
    if (disk.label === 'mbr') return [{ disk: disk.name }];
    const kept = disk.kept.find(({ type }) => type === PARTITION_TYPE.biosboot);
    return kept === undefined ? [] : [{ disk: disk.name, partition: kept.device }];
  });
}

function checkFirmware(
  { commands, partitions, fileSystems }: BootParts,
  bios: readonly ModelBiosBoot[],
  { facts }: Ground,
  refuse: Refuse,
): void {
  const at = partitions[0]?.command ?? commands.find(({ name }) => name === 'mount');
  const hasEsp = fileSystems.some(({ mountPoint }) => mountPoint === '/boot/efi');
  if (at === undefined) return;
  if (!hasEsp && bios.length === 0) {
    refuse(
      at,
      'no-boot-loader',
      'there is neither a biosboot partition nor /boot/efi: no firmware could start this system',
      'add part biosboot, or part /boot/efi --fstype=efi',
    );
  } else if (facts.firmware === 'uefi' && !hasEsp) {
    refuse(
      at,
      'no-boot-loader',
      'this machine starts by UEFI, and nothing is mounted at /boot/efi',
      'add reqpart',
    );
  } else if (facts.firmware === 'bios' && bios.length === 0) {
    refuse(
      at,
      'no-boot-loader',
      'this machine starts by BIOS, and there is no biosboot partition',
      'add reqpart',
    );
  }
}

/** GRUB reads no thin or cached volume, and the configuration written here finds no subvolume. */
function checkReadable({ fileSystems, volumeGroups }: BootParts, refuse: Refuse): void {
  const at = (mountPoint: string) => fileSystems.find((one) => one.mountPoint === mountPoint);
  const boot = at('/boot') ?? at('/');
  if (boot === undefined) return;
  const volume = volumeGroups.flatMap(({ volumes }) => volumes).find(({ device }) => device === boot.device);
  const segment = volume?.segment;
  const what =
    boot.type === 'btrfs'
      ? 'btrfs'
      : segment?.type === 'thin'
        ? 'a thin volume'
        : segment?.type === 'linear' && segment.cache !== undefined
          ? 'a cached volume'
          : undefined;
  if (what === undefined) return;
  refuse(
    boot.place,
    'boot-volume',
    `/boot lies on ${what}, which the boot loader does not read`,
    'give /boot a partition of its own: part /boot --size=1024',
  );
}

/** A disk that holds /boot and cannot be started from is found out when it is the last one left. */
function checkBootDisks(parts: BootParts, refuse: Refuse): void {
  const esp = partitionsBelow(parts, '/boot/efi');
  const biosBoot = parts.partitions.filter(({ content }) => content.kind === 'biosboot');
  const boot = partitionsBelow(parts, '/boot');
  for (const { disk, command } of boot.length > 0 ? boot : partitionsBelow(parts, '/')) {
    for (const [name, there] of [
      ['biosboot partition', biosBoot],
      ['EFI system partition', esp],
    ] as const) {
      if (there.length === 0 || there.some((one) => one.disk === disk)) continue;
      refuse(command, 'boot-disk', `${disk} holds a part of /boot and has no ${name}, as other disks have`);
    }
  }
}
