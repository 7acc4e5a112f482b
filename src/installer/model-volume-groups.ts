/** The part of the model that LVM makes: volume groups and their logical volumes. */
import type { CommandLine } from '../kickstart/types.ts';
import { flag, number, option, placeOf, text } from './command-words.ts';
import type { ModelLogicalVolume, ModelVolumeGroup } from './model.ts';
import { membersOf } from './model-arrays.ts';
import { contentOf, type MadeDevice, type Refuse, targetOf } from './model-contents.ts';

/** LVM's default physical extent. */
const EXTENT_MIB = 4;
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
    return buildVolumeGroup(group, volumes, devices, commands, refuse);
  });
  return { volumeGroups: built.map(({ group }) => group), made: built.flatMap(({ made }) => made) };
}

function buildVolumeGroup(
  command: CommandLine,
  logical: readonly CommandLine[],
  devices: readonly MadeDevice[],
  commands: readonly CommandLine[],
  refuse: Refuse,
): { readonly group: ModelVolumeGroup; readonly made: readonly MadeDevice[] } {
  const name = targetOf(command);
  if (!LVM_NAME.test(name)) refuse(command, 'group-name', `a volume group cannot be named '${name}'`);
  const [, second] = logical.filter((volume) => flag(volume, '--grow'));
  if (second !== undefined) refuse(second, 'two-growing', `two volumes of ${name} want to grow`);
  const physical = membersOf(command, 'pv', devices, commands, refuse);
  const room = physical.reduce((total, { sizeMiB }) => total + wholeExtents(sizeMiB - PV_HEADER_MIB), 0);
  const volumes = logical.map((volume) => logicalVolume(volume, name, refuse));
  const needed = volumes.reduce((total, { sizeMiB }) => total - wholeExtents(-sizeMiB), 0);
  // Where one is missing or has no size, that was refused, and is the better reason.
  const isWhole = physical.length > 0 && physical.length === command.positionals.length - 1;
  if (needed > room && isWhole && physical.every(({ sizeMiB }) => sizeMiB > 0)) {
    refuse(
      command,
      'too-small',
      `${name} is too small: its volumes need ${needed} MiB, it has room for ${room} MiB`,
    );
  }
  volumes.forEach((volume, index) => {
    if (volumes.slice(0, index).some((other) => other.name === volume.name)) {
      refuse(volume.place, 'duplicate-volume', `two volumes of ${name} are named ${volume.name}`);
    }
  });
  return {
    group: {
      name,
      physicalVolumes: physical.map(({ device }) => device),
      volumes,
      place: placeOf(command),
    },
    made: logical.map((volume) => madeVolume(volume, name, refuse)),
  };
}

/** MiB in extents, rounded down. */
const wholeExtents = (sizeMiB: number): number => Math.floor(sizeMiB / EXTENT_MIB) * EXTENT_MIB;

function logicalVolume(command: CommandLine, group: string, refuse: Refuse): ModelLogicalVolume {
  const name = text(command, '--name') ?? '';
  if (!LVM_NAME.test(name)) refuse(command, 'volume-name', `a logical volume cannot be named '${name}'`);
  const sizeMiB = number(command, '--size') ?? 0;
  const grow = flag(command, '--grow');
  if (sizeMiB === 0 && !grow) refuse(command, 'no-size', 'a logical volume of no size', 'give it --size=MiB');
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
    grow,
    ...(max === undefined ? {} : { maxSizeMiB: max }),
    place: placeOf(command),
  };
}

function madeVolume(command: CommandLine, group: string, refuse: Refuse): MadeDevice {
  const content = contentOf(command, refuse);
  if (content.kind !== 'file-system' && content.kind !== 'nothing') {
    refuse(command, 'volume-content', `a logical volume cannot be ${targetOf(command)}`);
  }
  const device = `/dev/${group}/${text(command, '--name') ?? ''}`;
  return { device, command, content, sizeMiB: number(command, '--size') ?? 0 };
}
