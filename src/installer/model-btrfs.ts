/** The part of the model that btrfs makes: volumes over several devices, and their subvolumes. */
import type { CommandLine } from '../kickstart/types.ts';
import { flag, option, placeOf, text } from './command-words.ts';
import type { BtrfsProfile, ModelBtrfs, ModelFileSystem } from './model.ts';
import { membersOf } from './model-arrays.ts';
import {
  isMountPoint,
  type MadeDevice,
  mkfsWords,
  NOWHERE,
  type Refuse,
  targetOf,
} from './model-contents.ts';

export interface BtrfsModel {
  readonly btrfs: readonly ModelBtrfs[];
  /** What is mounted of them by `btrfs` commands. */
  readonly fileSystems: readonly ModelFileSystem[];
}

/** @param devices everything made that members are looked up in, and what is a btrfs of its own */
export function buildBtrfs(
  commands: readonly CommandLine[],
  devices: readonly MadeDevice[],
  refuse: Refuse,
): BtrfsModel {
  const all = commands.filter(({ name }) => name === 'btrfs');
  for (const command of all) refuseReuse(command, refuse);
  const subvolumes = all.filter((command) => flag(command, '--subvol'));
  const built = all
    .filter((command) => !flag(command, '--subvol') && !flag(command, '--useexisting'))
    .map((command) => volumeOf(command, commands, devices, refuse));
  const inside = subvolumes.map((command) => ({
    command,
    name: subvolumeName(command, refuse),
    volume: parentOf(command, built, refuse),
  }));
  inside.forEach(({ name, volume, command }, index) => {
    if (inside.slice(0, index).some((other) => other.name === name && other.volume === volume)) {
      refuse(option(command, '--name') ?? command, 'duplicate-subvolume', `two subvolumes are named ${name}`);
    }
  });
  return {
    btrfs: [
      ...built.map((one) => ({
        ...one.volume,
        subvolumes: inside.filter(({ volume }) => volume === one).map(({ name }) => name),
      })),
      ...devices.flatMap(ownVolume),
    ],
    fileSystems: [
      ...built.flatMap((one) => mounted(one.command, one, refuse)),
      ...inside.flatMap(({ command, volume, name }) => mounted(command, volume, refuse, name)),
    ],
  };
}

function refuseReuse(command: CommandLine, refuse: Refuse): void {
  for (const name of ['--useexisting', '--noformat', '--parent']) {
    const given = command.options.get(name)?.[0];
    if (given === undefined) continue;
    refuse(
      given.option,
      'unsupported-option',
      `this installer makes btrfs volumes anew and does not know ${name}`,
      'clear the old volume, or install with the vendor’s installer',
    );
  }
}

interface BuiltVolume {
  readonly command: CommandLine;
  readonly volume: ModelBtrfs;
  /** Options of its first `part` command that are for mounting. */
  readonly mountOptions: string | undefined;
}

/** Devices a profile needs, by blivet (`blivet/devicelibs/raid.py`). */
const LEAST_DEVICES: Readonly<Record<BtrfsProfile, number>> = { single: 1, raid0: 2, raid1: 2, raid10: 4 };
/** MiB of a device that mkfs.btrfs takes (blivet, formats/fs.py). */
const LEAST_MIB = 256;

function volumeOf(
  command: CommandLine,
  commands: readonly CommandLine[],
  devices: readonly MadeDevice[],
  refuse: Refuse,
): BuiltVolume {
  const members = membersOf(command, 'btrfs', devices, commands, refuse);
  const label = option(command, '--label');
  if (label !== undefined && (Buffer.byteLength(label.text) > 255 || label.text.includes('/'))) {
    refuse(label, 'label-too-long', `'${label.text}' is no label of btrfs: 255 bytes without a slash`);
  }
  for (const { command: its, sizeMiB } of members) {
    if (sizeMiB > 0 && sizeMiB < LEAST_MIB) {
      refuse(its, 'too-small', `${sizeMiB} MiB are too small for btrfs, which needs ${LEAST_MIB}`);
    }
  }
  const data = profileOf(command, '--data', refuse);
  const metadata = profileOf(command, '--metadata', refuse);
  return {
    command,
    volume: {
      devices: members.map(({ device }) => device),
      ...(label === undefined ? {} : { label: label.text }),
      ...(data === undefined ? {} : { data }),
      ...(metadata === undefined ? {} : { metadata }),
      subvolumes: [],
      mkfsOptions: mkfsWords(command),
      place: placeOf(command),
    },
    mountOptions: members.map((member) => text(member.command, '--fsoptions')).find(Boolean),
  };
}

/** `raid1` for `RAID1` and for `1`. */
function profileOf(command: CommandLine, name: string, refuse: Refuse): BtrfsProfile | undefined {
  const word = option(command, name);
  if (word === undefined) return undefined;
  const wanted = word.text.toLowerCase().replace(/^(?=\d)/, 'raid');
  const profile = (['single', 'raid0', 'raid1', 'raid10'] as const).find((one) => one === wanted);
  const count = command.positionals.length - 1;
  if (profile === undefined) {
    refuse(
      word,
      'btrfs-profile',
      `${word.text} is no profile of btrfs`,
      'use single, raid0, raid1 or raid10',
    );
  } else if (count < LEAST_DEVICES[profile]) {
    refuse(word, 'btrfs-profile', `${profile} needs ${LEAST_DEVICES[profile]} devices, there are ${count}`);
  }
  return profile;
}

function subvolumeName(command: CommandLine, refuse: Refuse): string {
  const name = text(command, '--name') ?? '';
  // It stands in the options of a mount, and is a path below the top of the volume.
  if (!/^[^\s\\,/][^\s\\,]*$/.test(name) || name.split('/').some((part) => ['', '.', '..'].includes(part))) {
    refuse(option(command, '--name') ?? command, 'subvolume-name', `'${name}' is no name of a subvolume`);
  }
  return name;
}

/** A subvolume names its volume by the label, with `LABEL=` or without. */
function parentOf(
  command: CommandLine,
  volumes: readonly BuiltVolume[],
  refuse: Refuse,
): BuiltVolume | undefined {
  const word = command.positionals[1];
  const name = word?.text.replace(/^LABEL=/, '') ?? '';
  const found = volumes.find(
    ({ volume, command: its }) =>
      volume.label === name || its.positionals.slice(1).some((member) => member.text === name),
  );
  if (found === undefined) {
    refuse(word ?? command, 'no-such-volume', `no btrfs volume is labelled ${name}`);
  }
  return found;
}

function mounted(
  command: CommandLine,
  built: BuiltVolume | undefined,
  refuse: Refuse,
  subvolume?: string,
): readonly ModelFileSystem[] {
  const target = targetOf(command);
  const device = built?.volume.devices[0];
  if (NOWHERE.includes(target)) return [];
  if (!isMountPoint(target)) {
    refuse(command.positionals[0] ?? command, 'mount-point', `nothing can be mounted at '${target}'`);
    return [];
  }
  if (built === undefined || device === undefined) return [];
  return [
    {
      device,
      type: 'btrfs',
      mountPoint: target,
      ...(built.mountOptions === undefined ? {} : { mountOptions: built.mountOptions }),
      mkfsOptions: [],
      ...(subvolume === undefined ? {} : { subvolume }),
      place: placeOf(command),
    },
  ];
}

/** `part /srv --fstype=btrfs` is a volume of one device. */
function ownVolume({ device, content, sizeMiB }: MadeDevice): readonly ModelBtrfs[] {
  if (content.kind !== 'file-system' || content.fileSystem.type !== 'btrfs' || content.fileSystem.keep) {
    return [];
  }
  const { label, mkfsOptions, place } = content.fileSystem;
  const given = label === undefined ? {} : { label };
  return sizeMiB === 0 ? [] : [{ devices: [device], ...given, subvolumes: [], mkfsOptions, place }];
}
