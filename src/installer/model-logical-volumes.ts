/** What the `logvol` commands of a volume group ask for: ordinary volumes, thin pools, thin volumes, caches. */
import type { CommandLine } from '../kickstart/types.ts';
import { flag, list, number, option, placeOf, text } from './command-words.ts';
import type { ModelCache, ModelLogicalVolume, VolumeSegment } from './model.ts';
import { contentOf, keepsFormat, type MadeDevice, type Refuse, reuses, targetOf } from './model-contents.ts';
import type { Ground } from './model-requests.ts';
import { readSize } from './model-sizes.ts';
import type { ExistingVolume, ExistingVolumeGroup } from './storage-facts.ts';

/** What LVM takes for the name of a group or volume; it begins with no hyphen. */
export const LVM_NAME = /^[\w.+][\w.+-]{0,99}$/;

/** The group that a volume is part of. */
export interface VolumeParent {
  readonly name: string;
  /** Its physical volumes, as the kickstart names them. */
  readonly physical: readonly MadeDevice[];
  /** Only for a group that is there already. */
  readonly existing?: ExistingVolumeGroup;
  /** Whether it should be there and is not: then its volumes are refused with it. */
  readonly missing: boolean;
}

export function logicalVolume(
  command: CommandLine,
  parent: VolumeParent,
  ground: Ground,
  refuse: Refuse,
): ModelLogicalVolume {
  const name = text(command, '--name') ?? '';
  if (!LVM_NAME.test(name)) refuse(command, 'volume-name', `a logical volume cannot be named '${name}'`);
  const there = existingVolume(command, parent, refuse);
  const { size, grow, max } = readSize(command, ground, refuse);
  const percent = number(command, '--percent');
  if (size === 0 && percent === undefined && !grow && !reuses(command)) {
    refuse(command, 'no-size', 'a logical volume of no size', 'give it --size=MiB');
  }
  return {
    name,
    device: `/dev/${parent.name}/${name}`,
    segment: there === undefined ? newSegment(command, parent, refuse) : segmentOf(there),
    sizeMiB: size,
    ...(percent === undefined ? {} : { percent }),
    grow,
    ...(max === undefined ? {} : { maxSizeMiB: max }),
    ...(there === undefined
      ? {}
      : { existing: { extents: there.extents, resize: flag(command, '--resize') } }),
    place: placeOf(command),
  };
}

/** The volume that a command goes on using; undefined for one that is to be made. */
function existingVolume(
  command: CommandLine,
  { name: group, existing, missing }: VolumeParent,
  refuse: Refuse,
): ExistingVolume | undefined {
  if (missing) return undefined;
  const name = text(command, '--name') ?? '';
  const found = existing?.volumes.find((volume) => volume.name === name);
  if (!reuses(command)) {
    if (found !== undefined) {
      refuse(command, 'duplicate-volume', `${group} has a volume ${name} already`, 'add --useexisting');
    }
    return undefined;
  }
  if (found === undefined) {
    refuse(command, 'no-such-volume', `there is no logical volume ${name} in ${group}`);
    return undefined;
  }
  if (flag(command, '--resize') && found.segment !== 'linear' && found.segment !== 'thin') {
    refuse(command, 'resize', `this installer does not change the size of a volume of type ${found.segment}`);
  }
  return found;
}

function segmentOf({ segment, pool = '' }: ExistingVolume): VolumeSegment {
  switch (segment) {
    case 'thin':
      return { type: 'thin', pool };
    case 'thin-pool':
      return { type: 'thin-pool' };
    // Whatever it is made of, it is a device of its size.
    default:
      return { type: 'linear' };
  }
}

function newSegment(command: CommandLine, parent: VolumeParent, refuse: Refuse): VolumeSegment {
  if (flag(command, '--thinpool')) return thinPool(command, refuse);
  if (flag(command, '--thin')) return { type: 'thin', pool: text(command, '--poolname') ?? '' };
  const cache = cacheOf(command, parent, refuse);
  return { type: 'linear', ...(cache === undefined ? {} : { cache }) };
}

/** Those of Debian's and of EL's LVM. */
const PROFILES = ['thin-generic', 'thin-performance'];
/** KiB, lvmthin(7). */
const CHUNK = { least: 64, most: 1024 ** 2 } as const;

function thinPool(command: CommandLine, refuse: Refuse): VolumeSegment {
  const metadataMiB = number(command, '--metadatasize');
  const chunkKiB = number(command, '--chunksize');
  const profile = option(command, '--profile');
  if (chunkKiB !== undefined && (chunkKiB < CHUNK.least || chunkKiB > CHUNK.most || chunkKiB % 64 !== 0)) {
    refuse(
      option(command, '--chunksize') ?? command,
      'chunk-size',
      `a pool cannot have chunks of ${chunkKiB} KiB`,
      `give a multiple of 64 KiB up to 1 GiB`,
    );
  }
  if (metadataMiB !== undefined && (metadataMiB < 2 || metadataMiB > 16 * 1024)) {
    refuse(
      option(command, '--metadatasize') ?? command,
      'metadata-size',
      `a pool cannot have ${metadataMiB} MiB of metadata`,
      'give 2 to 16384 MiB, or leave it out',
    );
  }
  if (profile !== undefined && !PROFILES.includes(profile.text)) {
    refuse(profile, 'profile', `LVM has no profile ${profile.text}`, `write ${PROFILES.join(' or ')}`);
  }
  if (flag(command, '--encrypted')) {
    refuse(command, 'encrypted', 'a thin pool cannot be encrypted', 'encrypt its volumes or what it lies on');
  }
  return {
    type: 'thin-pool',
    ...(metadataMiB === undefined ? {} : { metadataMiB }),
    ...(chunkKiB === undefined ? {} : { chunkKiB }),
    ...(profile === undefined ? {} : { profile: profile.text }),
  };
}

function cacheOf(command: CommandLine, parent: VolumeParent, refuse: Refuse): ModelCache | undefined {
  const names = list(command, '--cachepvs');
  if (names.length === 0) return undefined;
  const word = option(command, '--cachepvs') ?? command;
  const fast = names.flatMap((name) => {
    const found = parent.physical.find(
      ({ content, device }) => (content.kind === 'pv' && content.id === name) || device === `/dev/${name}`,
    );
    if (found === undefined) refuse(word, 'cache', `${parent.name} has no physical volume ${name}`);
    return found?.device ?? [];
  });
  const sizeMiB = number(command, '--cachesize') ?? 0;
  // Data of the least size beside 8 MiB of metadata and as much for LVM's spare.
  if (sizeMiB < 32) {
    refuse(option(command, '--cachesize') ?? word, 'cache', `a cache of ${sizeMiB} MiB is too small`);
  }
  return {
    physicalVolumes: fast,
    sizeMiB,
    mode: text(command, '--cachemode') === 'writeback' ? 'writeback' : 'writethrough',
  };
}

/** The device that a volume is, with what lies on it. */
export function madeVolume(
  command: CommandLine,
  { name: group, existing }: VolumeParent,
  { segment, device, name }: ModelLogicalVolume,
  sizeMiB: number,
  { facts }: Ground,
  refuse: Refuse,
): MadeDevice {
  if (segment.type === 'thin-pool') return { device, command, content: { kind: 'nothing' }, sizeMiB };
  const there = existing?.volumes.find((volume) => volume.name === name);
  // One that is not there has been refused for that.
  if (keepsFormat(command) && there === undefined) {
    return { device, command, content: { kind: 'nothing' }, sizeMiB };
  }
  const kept = keepsFormat(command) ? (there?.content ?? '') : undefined;
  const content = contentOf(command, facts.fileSystem, refuse, kept);
  if (!['file-system', 'unformatted', 'nothing'].includes(content.kind)) {
    refuse(command, 'volume-content', `a logical volume of ${group} cannot be ${targetOf(command)}`);
  }
  return { device, command, content, sizeMiB };
}
