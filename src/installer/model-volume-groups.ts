/** The part of the model that LVM makes: volume groups and their logical volumes. */
import type { CommandLine } from '../kickstart/types.ts';
import { flag, number, option, placeOf, text } from './command-words.ts';
import type { ModelLogicalVolume, ModelVolumeGroup } from './model.ts';
import { membersOf } from './model-arrays.ts';
import type { ClearedDisk } from './model-clear.ts';
import { type MadeDevice, type Refuse, reuses, targetOf } from './model-contents.ts';
import { LVM_NAME, logicalVolume, madeVolume, type VolumeParent } from './model-logical-volumes.ts';
import { findPartition, type Ground } from './model-requests.ts';
import type { ExistingVolumeGroup } from './storage-facts.ts';
import { EXTENT_KIB, extentOf, sizeVolumes, type VolumeSize } from './volume-sizes.ts';

/** What LVM keeps in front of the first extent. */
const PV_HEADER_MIB = 1;

export interface VolumeGroupModel {
  readonly volumeGroups: readonly ModelVolumeGroup[];
  readonly made: readonly MadeDevice[];
  /** Disks of groups that were there already. */
  readonly disks: readonly ClearedDisk[];
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
  return {
    volumeGroups: built.map(({ group }) => group),
    made: built.flatMap(({ made }) => made),
    disks: [...new Set(built.flatMap(({ disks }) => disks))],
  };
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
): {
  readonly group: ModelVolumeGroup;
  readonly made: readonly MadeDevice[];
  readonly disks: readonly ClearedDisk[];
} {
  const name = targetOf(command);
  if (!LVM_NAME.test(name)) refuse(command, 'group-name', `a volume group cannot be named '${name}'`);
  const existing = reuses(command) ? existingGroup(command, ground, refuse) : undefined;
  const physical = membersOf(command, 'pv', devices, commands, refuse);
  const missing = reuses(command) && existing === undefined;
  const parent: VolumeParent = { name, physical, missing, ...(existing === undefined ? {} : { existing }) };
  const volumes = logical.map((volume) => logicalVolume(volume, parent, ground, refuse));
  checkVolumes(volumes, name, refuse);
  const group: ModelVolumeGroup = {
    name,
    physicalVolumes: existing?.physicalVolumes ?? physical.map(({ device }) => device),
    volumes,
    ...groupOptions(command, refuse),
    ...(existing === undefined ? {} : taken(existing, volumes)),
    place: placeOf(command),
  };
  const sizes = checkedSizes(group, parent, command, refuse);
  const extentMiB = extentOf(group) / 1024;
  return {
    group,
    made: logical.flatMap((one, index) => {
      const volume = volumes[index];
      const sizeMiB = (sizes[index]?.extents ?? 0) * extentMiB;
      return volume === undefined ? [] : madeVolume(one, parent, volume, sizeMiB, ground, refuse);
    }),
    disks: existing === undefined ? [] : disksOf(existing, ground, command, refuse),
  };
}

function existingGroup(
  command: CommandLine,
  { facts }: Ground,
  refuse: Refuse,
): ExistingVolumeGroup | undefined {
  const name = targetOf(command);
  const found = facts.groups?.find((group) => group.name === name);
  if (found === undefined) {
    refuse(
      command.positionals[0] ?? command,
      'no-such-group',
      `there is no volume group ${name} on the disks of this machine`,
      'name the arrays that it lies on with raid --useexisting',
    );
  } else if (found.unusable !== undefined) {
    refuse(command, 'disk-in-use', `${name} cannot be used: ${found.unusable}`);
  }
  return found;
}

/** What an existing group has no room for, and its own extent. */
function taken(
  { extentKiB, extents, freeExtents, spareExtents, volumes: there }: ExistingVolumeGroup,
  volumes: readonly ModelLogicalVolume[],
): Pick<ModelVolumeGroup, 'extentKiB' | 'existing'> {
  const fat = there.filter(({ segment, name }) => {
    return segment !== 'thin' && volumes.some((volume) => volume.name === name && volume.existing);
  });
  const ours = fat.reduce((total, volume) => total + volume.extents, 0);
  return {
    ...(extentKiB === EXTENT_KIB ? {} : { extentKiB }),
    existing: { takenExtents: extents - freeExtents - ours, spareExtents },
  };
}

/** The disks below an existing group, of which nothing may go. */
function disksOf(
  { name, physicalVolumes }: ExistingVolumeGroup,
  ground: Ground,
  command: CommandLine,
  refuse: Refuse,
): readonly ClearedDisk[] {
  const arrays = ground.facts.arrays ?? [];
  const partitions = physicalVolumes.flatMap(
    (device) => arrays.find((array) => array.device === device)?.members ?? [device],
  );
  return partitions.flatMap((device) => {
    const found = findPartition(device, ground);
    if (found === undefined) {
      refuse(
        command,
        'no-such-group',
        `${name} lies on ${device}, which the kickstart removes, or its disk is not to be used`,
        device.startsWith('/dev/md') ? 'name that array with raid --useexisting --noformat' : undefined,
      );
    } else if (found.disk.disk.unusable !== undefined) {
      refuse(command, 'disk-in-use', `${name} cannot be used: ${found.disk.disk.unusable}`);
    }
    return found?.disk ?? [];
  });
}

function checkVolumes(volumes: readonly ModelLogicalVolume[], group: string, refuse: Refuse): void {
  volumes.forEach(({ name, place, segment }, index) => {
    const before = volumes.slice(0, index);
    if (before.some((other) => other.name === name)) {
      refuse(place, 'duplicate-volume', `two volumes of ${group} are named ${name}`);
    }
    if (segment.type !== 'thin') return;
    const isPool = (one: ModelLogicalVolume): boolean =>
      one.name === segment.pool && one.segment.type === 'thin-pool';
    if (!before.some(isPool)) {
      refuse(
        place,
        'no-such-pool',
        `there is no thin pool ${segment.pool} in front of ${name}`,
        'write the logvol --thinpool of that name before its volumes',
      );
    }
  });
}

/** KiB: powers of two from 1 KiB on, as far as blivet offers them. */
const isExtent = (kib: number): boolean =>
  kib >= 1 && kib <= 16 * 1024 ** 2 && Number.isInteger(Math.log2(kib));

/** An option that only autopart writes. */
export const POOL_RESERVE_OPTION = '--pool-reserve';

function groupOptions(
  command: CommandLine,
  refuse: Refuse,
): Pick<ModelVolumeGroup, 'extentKiB' | 'reservedMiB' | 'reservedPercent' | 'poolReserve'> {
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
    ...(flag(command, POOL_RESERVE_OPTION) ? { poolReserve: true } : {}),
  };
}

/** The sizes by what the group is going to have; LVM is asked again when it is made. */
function checkedSizes(
  group: ModelVolumeGroup,
  { physical, existing }: VolumeParent,
  command: CommandLine,
  refuse: Refuse,
): readonly VolumeSize[] {
  const { name, volumes } = group;
  const extentMiB = extentOf(group) / 1024;
  const share = volumes.reduce(
    (total, { percent = 0, segment }) => total + (segment.type === 'thin' ? 0 : percent),
    0,
  );
  if (share > 100) refuse(command, 'too-small', `the volumes of ${name} want ${share} % of it`);
  const available =
    existing?.extents ??
    physical.reduce(
      (total, { sizeMiB }) => total + Math.max(0, Math.floor((sizeMiB - PV_HEADER_MIB) / extentMiB)),
      0,
    );
  const { volumes: sizes, needed } = sizeVolumes(group, available);
  // Where one is missing or has no size, that was refused, and is the better reason.
  const isWhole =
    existing !== undefined ||
    (physical.length > 0 &&
      physical.length === command.positionals.length - 1 &&
      physical.every(({ sizeMiB }) => sizeMiB > 0));
  if (sizes === undefined && isWhole) {
    const room = available - (group.existing?.takenExtents ?? 0);
    refuse(
      command,
      'too-small',
      `${name} is too small: its volumes need ${needed * extentMiB} MiB, it has room for ${room * extentMiB} MiB`,
    );
  }
  return sizes ?? [];
}
