/**
 * `autopart` and `reqpart` are written out as the `part`, `volgroup` and `logvol` commands that they stand for, each
 * with the place of its original: one model serves both. Requests and sizes are those of Anaconda 45
 * (`platform.py`, `anaconda.conf`) with the swap that RHEL's profile adds.
 */
import type { CommandLine, OptionValue, Word } from '../kickstart/types.ts';
import { PARTITION_TYPE } from '../plan/types.ts';
import { flag, placeOf, text } from './command-words.ts';
import { type ClearedDisk, whyNone } from './model-clear.ts';
import type { Refuse } from './model-contents.ts';
import { freeRegions } from './model-regions.ts';
import type { Ground } from './model-requests.ts';
import { swapSize } from './model-sizes.ts';
import { POOL_RESERVE_OPTION } from './model-volume-groups.ts';

const GIB = 1024;
/** Disks with less room in one piece are left out, MiB (blivet, PartitionDevice.default_size). */
const LEAST_REGION = 500;
const HOME_NEEDS = 50 * GIB;

/** The commands with every macro written out. */
export function expandMacros(
  commands: readonly CommandLine[],
  ground: Ground,
  refuse: Refuse,
): readonly CommandLine[] {
  const required = commands.filter(({ name }) => name === 'reqpart').flatMap((one) => reqpart(one, ground));
  const automatic = commands
    .filter(({ name }) => name === 'autopart')
    .flatMap((one) => autopart(one, commands, ground, refuse));
  // Anaconda makes what reqpart demands before everything else, wherever in the file it stands.
  const others = commands.filter(({ name }) => name !== 'reqpart' && name !== 'autopart');
  return [...required, ...automatic, ...others];
}

function reqpart(command: CommandLine, ground: Ground): readonly CommandLine[] {
  return [
    ...platformPartitions(command, ground),
    ...(flag(command, '--add-boot') ? [bootPartition(command)] : []),
  ];
}

const bootPartition = (command: CommandLine, type?: string): CommandLine =>
  write(command, 'part', ['/boot'], {
    '--size': 2 * GIB,
    ...(type === undefined ? {} : { '--fstype': type }),
  });

/** What the firmware needs, unless the boot disk has it already. */
function platformPartitions(command: CommandLine, { bootDisk, facts }: Ground): readonly CommandLine[] {
  if (bootDisk === undefined) return [];
  if (facts.firmware === 'bios') {
    if (bootDisk.label !== 'gpt' || there(bootDisk, PARTITION_TYPE.biosboot) !== undefined) return [];
    const where = { '--ondisk': bootDisk.disk.name };
    return [write(command, 'part', ['biosboot'], { '--fstype': 'biosboot', '--size': 1, ...where })];
  }
  const esp = there(bootDisk, PARTITION_TYPE.esp) ?? there(bootDisk, 'ef');
  if (esp?.content === 'vfat') {
    return [write(command, 'part', ['/boot/efi'], { '--onpart': esp.device, '--noformat': true })];
  }
  return [
    write(command, 'part', ['/boot/efi'], {
      '--fstype': 'efi',
      '--size': 500,
      '--maxsize': 600,
      '--grow': true,
    }),
  ];
}

const there = ({ kept }: ClearedDisk, type: string) => kept.find((partition) => partition.type === type);

function autopart(
  command: CommandLine,
  all: readonly CommandLine[],
  ground: Ground,
  refuse: Refuse,
): readonly CommandLine[] {
  const scheme = flag(command, '--nolvm') ? 'plain' : (text(command, '--type') ?? 'lvm').toLowerCase();
  const disks = ground.cleared.disks.filter((disk) =>
    freeRegions(disk).some(({ sizeMiB }) => sizeMiB > LEAST_REGION),
  );
  if (disks.length === 0) {
    refuse(
      command,
      'no-room',
      `no disk has room for autopart: ${whyNone(ground.cleared)}`,
      'clearpart says what may be removed: clearpart --all --initlabel',
    );
    return [];
  }
  const type = text(command, '--fstype');
  const front = [
    ...platformPartitions(command, ground),
    ...(flag(command, '--noboot') ? [] : [bootPartition(command, type)]),
  ];
  const volumes = wantedVolumes(command, ground, scheme, disks);
  const parts: Parts = {
    command,
    disks,
    volumes,
    format: type === undefined ? {} : { '--fstype': type },
    luks: luksOptions(command),
    name: groupName(all),
  };
  switch (scheme) {
    case 'lvm':
      return [...front, ...inGroup(parts, false)];
    case 'thinp':
      return [...front, ...inGroup(parts, true)];
    case 'btrfs':
      return [...front, ...inBtrfs(parts)];
    default:
      return [...front, ...volumes.map((volume) => asPartition(volume, parts))];
  }
}

interface Parts {
  readonly command: CommandLine;
  readonly disks: readonly ClearedDisk[];
  readonly volumes: readonly Volume[];
  readonly format: Options;
  readonly luks: Options;
  /** Of the volume group, or the label of the btrfs volume. */
  readonly name: string;
}

const asPartition = ({ target, sizes }: Volume, { command, format, luks }: Parts): CommandLine =>
  write(command, 'part', [target], { ...sizes, ...format, ...luks });

/** A growing partition on every disk, and the names by which a group or volume takes them. */
function membersOn(
  { command, disks, luks }: Parts,
  kind: 'pv' | 'btrfs',
): { readonly names: readonly string[]; readonly commands: readonly CommandLine[] } {
  const names = disks.map((_, index) => `${kind}.autopart${index}`);
  const commands = disks.map(({ disk }, index) =>
    write(command, 'part', [names[index] ?? ''], {
      ...{ '--size': LEAST_REGION, '--grow': true, '--ondisk': disk.name },
      ...luks,
    }),
  );
  return { names, commands };
}

/** As blivet names the first pool of a group. */
const POOL = 'pool00';

/** All in one volume group; with `thin`, all but swap in a pool that has room to grow. */
function inGroup(parts: Parts, thin: boolean): readonly CommandLine[] {
  const { command, volumes, format, name: group } = parts;
  const { names, commands } = membersOn(parts, 'pv');
  const isThin = ({ target }: Volume): boolean => thin && target !== 'swap';
  const pool = { '--vgname': group, '--name': POOL, '--thinpool': true, '--grow': true } as const;
  return [
    ...commands,
    write(command, 'volgroup', [group, ...names], thin ? { [POOL_RESERVE_OPTION]: true } : {}),
    ...(thin ? [write(command, 'logvol', ['none'], pool)] : []),
    ...volumes.map((volume) => {
      const { target, name, sizes } = volume;
      const inPool = isThin(volume) ? ({ '--thin': true, '--poolname': POOL } as const) : {};
      const options = { '--vgname': group, '--name': name, ...sizes, ...format, ...inPool };
      return write(command, 'logvol', [target], options);
    }),
  ];
}

/** All in one btrfs volume, but swap, which has a partition. */
function inBtrfs(parts: Parts): readonly CommandLine[] {
  const { command, volumes, name: label } = parts;
  const { names, commands } = membersOn(parts, 'btrfs');
  return [
    ...volumes.filter(({ target }) => target === 'swap').map((volume) => asPartition(volume, parts)),
    ...commands,
    write(command, 'btrfs', ['none', ...names], { '--label': label }),
    ...volumes
      .filter(({ target }) => target !== 'swap')
      .map(({ target, name }) =>
        write(command, 'btrfs', [target, label], { '--subvol': true, '--name': name }),
      ),
  ];
}

interface Volume {
  readonly target: string;
  readonly name: string;
  readonly sizes: Options;
}

function wantedVolumes(
  command: CommandLine,
  ground: Ground,
  scheme: string,
  disks: readonly ClearedDisk[],
): readonly Volume[] {
  const root: Volume = {
    target: '/',
    name: 'root',
    sizes: { '--size': GIB, '--maxsize': 70 * GIB, '--grow': true },
  };
  const home: Volume = { target: '/home', name: 'home', sizes: { '--size': 512, '--grow': true } };
  const hibernates = flag(command, '--hibernation');
  const swap: Volume = {
    target: 'swap',
    name: 'swap',
    sizes: {
      '--size': swapSize(ground.facts.memoryMiB, hibernates ? undefined : ground.freeMiB),
      ...(hibernates ? { '--hibernation': true as const } : {}),
    },
  };
  const largest = disks
    .flatMap(freeRegions)
    .map(({ sizeMiB }) => sizeMiB)
    .toSorted((a, b) => b - a);
  // Anaconda asks the group, or the two largest pieces of free space, for the room that /home needs.
  const inGroup = scheme === 'lvm' || scheme === 'thinp';
  const room = (inGroup ? largest : largest.slice(0, 2)).reduce((sum, size) => sum + size, 0);
  const hasHome = scheme === 'btrfs' || room >= HOME_NEEDS;
  return [
    root,
    ...(flag(command, '--nohome') || !hasHome ? [] : [home]),
    ...(flag(command, '--noswap') ? [] : [swap]),
  ];
}

/** As Anaconda names its group after the product, and after the host where the kickstart names one. */
function groupName(all: readonly CommandLine[]): string {
  const host = all
    .filter(({ name }) => name === 'network')
    .flatMap((command) => text(command, '--hostname') ?? [])
    .at(-1)
    ?.replace(/\..*$/s, '')
    .replace(/[^\w+-]/g, '_');
  return host === undefined || host === '' || host === 'localhost' ? 'slipway' : `slipway_${host}`;
}

const LUKS = ['--passphrase', '--cipher', '--luks-version', '--pbkdf', '--pbkdf-memory', '--pbkdf-time'];

function luksOptions(command: CommandLine): Options {
  if (!flag(command, '--encrypted')) return {};
  const given = [...LUKS, '--pbkdf-iterations', '--escrowcert'].flatMap((name) => {
    const value = text(command, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { '--encrypted': true, ...Object.fromEntries(given) };
}

type Options = Readonly<Record<string, string | number | true>>;

/** A command as if it stood where `at` stands. */
function write(at: CommandLine, name: string, positionals: readonly string[], options: Options): CommandLine {
  const word = (text: string): Word => ({ ...placeOf(at), text, raw: at.name });
  const given = Object.entries(options).map(([key, value]): readonly [string, readonly OptionValue[]] => [
    key,
    [{ option: word(key), value: value === true ? undefined : word(String(value)) }],
  ]);
  return {
    kind: 'command',
    ...placeOf(at),
    name,
    words: positionals.map(word),
    options: new Map(given),
    positionals: positionals.map(word),
  };
}
