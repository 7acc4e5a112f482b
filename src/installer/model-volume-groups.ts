/** The part of the model that LVM makes: volume groups and their logical volumes. */
import type { CommandLine } from '../kickstart/types.ts';
import { flag, number, option, placeOf, text } from './command-words.ts';
import type { ModelLogicalVolume, ModelVolumeGroup } from './model.ts';
import { membersOf } from './model-arrays.ts';
import { contentOf, type MadeDevice, type Refuse, targetOf } from './model-contents.ts';
import { advisedSwap, type Ground } from './model-requests.ts';
import { extentOf, sizeVolumes } from './volume-sizes.ts';

/** What LVM keeps in front of the first extent. */
const PV_HEADER_MIB = 1;

/** What LVM takes for the name of a group or volume; it begins with no hyphen. */
const LVM_NAME = /^[\w.+][\w.+-]{0,99}$/;

export interface VolumeGroupModel {
  readonly volumeGroups: readonly ModelVolumeGroup[];
  readonly made: readonly MadeDevice[];
}

/** @param devices partitions and arrays, what physical volumes are looked up in */
export function buildVolumeGroups(
  commands: readonly CommandLine[],
  devices: readonly MadeDevice[],
  ground: Ground,
  refuse: Refuse,
): VolumeGroupModel {
  const groups = commands.filter(({ name }) => name === 'volgroup');
  const logical = commands.filter(({ name }) => name === 'logvol');
  for (const volume of logical) {
    const group = text(volume, '--vgname') ?? '';
    if (groups.some((one) => targetOf(one) === group)) continue;
    refuse(option(volume, '--vgname') ?? volume, 'no-such-group', `no volume group is named ${group}`);
  }
  const built = groups.map((group, index) => {
    if (groups.slice(0, index).some((other) => targetOf(other) === targetOf(group))) {
      refuse(group, 'duplicate-group', `two volume groups are named ${targetOf(group)}`);
    }
    const volumes = logical.filter((volume) => text(volume, '--vgname') === targetOf(group));
    return buildVolumeGroup(group, { volumes, devices, commands }, ground, refuse);
  });
  return { volumeGroups: built.map(({ group }) => group), made: built.flatMap(({ made }) => made) };
}

interface GroupParts {
  /** Its `logvol` commands. */
  readonly volumes: readonly CommandLine[];
  readonly devices: readonly MadeDevice[];
  readonly commands: readonly CommandLine[];
}

function buildVolumeGroup(
  command: CommandLine,
  { volumes: logical, devices, commands }: GroupParts,
  ground: Ground,
  refuse: Refuse,
): { readonly group: ModelVolumeGroup; readonly made: readonly MadeDevice[] } {
  const name = targetOf(command);
  if (!LVM_NAME.test(name)) refuse(command, 'group-name', `a volume group cannot be named '${name}'`);
  const physical = membersOf(command, 'pv', devices, commands, refuse);
  const volumes = logical.map((volume) => logicalVolume(volume, name, ground, refuse));
  volumes.forEach((volume, index) => {
    if (volumes.slice(0, index).some((other) => other.name === volume.name)) {
      refuse(volume.place, 'duplicate-volume', `two volumes of ${name} are named ${volume.name}`);
    }
  });
  const group: ModelVolumeGroup = {
    name,
    physicalVolumes: physical.map(({ device }) => device),
    volumes,
    ...groupOptions(command, refuse),
    place: placeOf(command),
  };
  const sizes = checkedSizes(group, physical, command, refuse);
  return {
    group,
    made: logical.map((volume, index) => madeVolume(volume, name, sizes[index] ?? 0, ground, refuse)),
  };
}

/** KiB: powers of two from 1 KiB on, as far as blivet offers them. */
const isExtent = (kib: number): boolean =>
  kib >= 1 && kib <= 16 * 1024 ** 2 && Number.isInteger(Math.log2(kib));

function groupOptions(
  command: CommandLine,
  refuse: Refuse,
): Pick<ModelVolumeGroup, 'extentKiB' | 'reservedMiB' | 'reservedPercent'> {
  const extentKiB = number(command, '--pesize');
  const reservedMiB = number(command, '--reserved-space');
  const reservedPercent = number(command, '--reserved-percent');
  if (extentKiB !== undefined && extentKiB !== 0 && !isExtent(extentKiB)) {
    refuse(option(command, '--pesize') ?? command, 'extent-size', `${extentKiB} KiB is no size of an extent`);
  }
  return {
    ...(extentKiB === undefined || extentKiB === 0 ? {} : { extentKiB }),
    ...(reservedMiB === undefined ? {} : { reservedMiB }),
    ...(reservedPercent === undefined ? {} : { reservedPercent }),
  };
}

/** MiB of each volume, by what the group is going to have; LVM is asked again when it is made. */
function checkedSizes(
  group: ModelVolumeGroup,
  physical: readonly MadeDevice[],
  command: CommandLine,
  refuse: Refuse,
): readonly number[] {
  const { name, volumes } = group;
  const extentMiB = extentOf(group) / 1024;
  const share = volumes.reduce((total, { percent = 0 }) => total + percent, 0);
  if (share > 100) refuse(command, 'too-small', `the volumes of ${name} want ${share} % of it`);
  const available = physical.reduce(
    (total, { sizeMiB }) => total + Math.max(0, Math.floor((sizeMiB - PV_HEADER_MIB) / extentMiB)),
    0,
  );
  const { extents, needed } = sizeVolumes(group, available);
  // Where one is missing or has no size, that was refused, and is the better reason.
  const isWhole = physical.length > 0 && physical.length === command.positionals.length - 1;
  if (extents === undefined && isWhole && physical.every(({ sizeMiB }) => sizeMiB > 0)) {
    refuse(
      command,
      'too-small',
      `${name} is too small: its volumes need ${needed * extentMiB} MiB, it has room for ${available * extentMiB} MiB`,
    );
  }
  return volumes.map((_, index) => (extents?.[index] ?? 0) * extentMiB);
}

function logicalVolume(
  command: CommandLine,
  group: string,
  ground: Ground,
  refuse: Refuse,
): ModelLogicalVolume {
  const name = text(command, '--name') ?? '';
  if (!LVM_NAME.test(name)) refuse(command, 'volume-name', `a logical volume cannot be named '${name}'`);
  const sizeMiB = advisedSwap(command, ground) ?? number(command, '--size') ?? 0;
  const percent = number(command, '--percent');
  const grow = flag(command, '--grow');
  if (sizeMiB === 0 && percent === undefined && !grow) {
    refuse(command, 'no-size', 'a logical volume of no size', 'give it --size=MiB');
  }
  const max = number(command, '--maxsize');
  if (max !== undefined && max < sizeMiB) {
    refuse(
      option(command, '--maxsize') ?? command,
      'max-below-size',
      `--maxsize=${max} is less than --size=${sizeMiB}`,
    );
  }
  return {
    name,
    device: `/dev/${group}/${name}`,
    sizeMiB,
    ...(percent === undefined ? {} : { percent }),
    grow,
    ...(max === undefined ? {} : { maxSizeMiB: max }),
    place: placeOf(command),
  };
}

function madeVolume(
  command: CommandLine,
  group: string,
  sizeMiB: number,
  { facts }: Ground,
  refuse: Refuse,
): MadeDevice {
  const content = contentOf(command, facts.fileSystem, refuse);
  if (content.kind !== 'file-system' && content.kind !== 'nothing') {
    refuse(command, 'volume-content', `a logical volume cannot be ${targetOf(command)}`);
  }
  const device = `/dev/${group}/${text(command, '--name') ?? ''}`;
  return { device, command, content, sizeMiB };
}
