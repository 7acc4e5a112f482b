/** From a kickstart's storage commands to what the disks will look like. Pure: nothing is read, nothing written. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine, Place } from '../kickstart/types.ts';
import { flag, list, number, option, placeOf, problemAt, text } from './command-words.ts';
import { share } from './grow.ts';
import type {
  ModelArray,
  ModelDisk,
  ModelFileSystem,
  ModelPartition,
  ModelVolumeGroup,
  StorageModel,
  TargetDisk,
} from './model.ts';
import { partitionDevice } from './model.ts';

export interface ModelResult {
  /** Complete when `problems` is empty. */
  readonly model: StorageModel;
  readonly problems: readonly Problem[];
}

/** Finds a disk by any of its names: `vda`, `/dev/vda`, `/dev/disk/by-id/…`. */
export type FindDisk = (name: string) => TargetDisk | undefined;

const TYPE_GUID = {
  biosboot: '21686148-6449-6E6F-744E-656564454649',
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  raid: 'A19D880F-05FC-4D3B-A006-743F0F84911E',
  lvm: 'E6D6D379-F507-44C2-A23C-238F2A3DF928',
  swap: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F',
  linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
} as const;

const MIB = 1024 * 1024;
const SECTORS_PER_MIB = MIB / 512;
/** MiB kept free at each end of a disk: alignment in front, the backup GPT behind. */
const EDGE_MIB = 1;

/** Options that say how to treat what is already there. This installer only makes disks anew. */
const KEEPING = ['--onpart', '--noformat', '--useexisting', '--resize', '--usepart'];

/**
 * Works the model out and reports everything that stands against it, at the words of the kickstart.
 *
 * Partitions keep the order of the file on their disk, which Anaconda's do not: nothing may depend on their numbers.
 */
export function buildModel(commands: readonly CommandLine[], findDisk: FindDisk): ModelResult {
  return new Builder(commands, findDisk).result();
}

/** What comes to lie on a partition, array or logical volume. */
interface Content {
  readonly kind: 'format' | 'member' | 'pv' | 'biosboot' | 'nothing';
  /** Of a member or physical volume: its name in the kickstart, `raid.boot0`. */
  readonly id?: string;
}

class Builder {
  private readonly problems: Problem[] = [];
  private readonly fileSystems: ModelFileSystem[] = [];
  /** Kickstart name (`raid.boot0`, `pv.system`) → device. */
  private readonly named = new Map<string, string>();
  private readonly used = new Set<string>();
  private readonly commands: readonly CommandLine[];
  private readonly findDisk: FindDisk;

  constructor(commands: readonly CommandLine[], findDisk: FindDisk) {
    this.commands = commands;
    this.findDisk = findDisk;
  }

  result(): ModelResult {
    for (const command of this.commands) this.refuseKeeping(command);
    const disks = this.buildDisks();
    const arrays = this.of('raid').flatMap((command) => this.buildArray(command, disks) ?? []);
    const volumeGroups = this.of('volgroup').flatMap((command) => this.buildVolumeGroup(command) ?? []);
    for (const [name] of this.named) {
      const command = this.commands.find((one) => one.positionals[0]?.text === name);
      if (!this.used.has(name) && command !== undefined) {
        this.refuse(command, 'unused-member', `${name} belongs to no array and no volume group`);
      }
    }
    this.checkMounts();
    return { model: { disks, arrays, volumeGroups, fileSystems: this.fileSystems }, problems: this.problems };
  }

  private of(...names: readonly string[]): readonly CommandLine[] {
    return this.commands.filter((command) => names.includes(command.name));
  }

  private refuse(
    place: Place & { readonly raw?: string },
    rule: string,
    message: string,
    hint?: string,
  ): void {
    this.problems.push(problemAt(place, rule, message, hint));
  }

  private refuseKeeping(command: CommandLine): void {
    for (const name of KEEPING) {
      const given = command.options.get(name)?.[0];
      if (given === undefined || !['part', 'partition', 'raid', 'volgroup', 'logvol'].includes(command.name))
        continue;
      this.refuse(
        given.option,
        'keeps-existing',
        `${name} keeps what is on a disk, and this installer only makes disks anew`,
        'remove the option, or install with the vendor’s installer',
      );
    }
  }

  private buildDisks(): readonly ModelDisk[] {
    const prepared = this.preparedDisks();
    const requests = new Map<string, CommandLine[]>();
    for (const command of this.of('part', 'partition')) {
      const word = option(command, '--ondisk') ?? option(command, '--ondrive');
      if (word === undefined) {
        this.refuse(command, 'no-disk', 'no --ondisk: this installer never chooses a disk by itself');
        continue;
      }
      const disk = this.findDisk(word.text);
      if (disk === undefined) {
        this.refuse(word, 'no-such-disk', `there is no disk ${word.text} in this machine`);
      } else if (!prepared.has(disk.name)) {
        this.refuse(
          word,
          'not-released',
          `${word.text} is not released for partitioning`,
          'name it in ignoredisk --only-use= and clearpart --all --initlabel --drives=',
        );
      } else {
        requests.set(disk.name, [...(requests.get(disk.name) ?? []), command]);
      }
    }
    return [...requests].flatMap(([name, parts]) => {
      const disk = this.findDisk(name);
      return disk === undefined ? [] : [{ ...disk, partitions: this.buildPartitions(disk, parts) }];
    });
  }

  /** Disks that the kickstart both limits itself to and clears: only these are ever written to. */
  private preparedDisks(): ReadonlySet<string> {
    const names = (words: readonly string[]): Set<string> =>
      new Set(words.flatMap((word) => this.findDisk(word)?.name ?? []));
    const only = names(this.of('ignoredisk').flatMap((command) => list(command, '--only-use')));
    const clearing = this.of('clearpart').filter(
      (command) => flag(command, '--all') && flag(command, '--initlabel'),
    );
    const cleared = names(clearing.flatMap((command) => list(command, '--drives')));
    for (const command of clearing) {
      const label = text(command, '--disklabel');
      if (label === undefined || label === 'gpt') continue;
      this.refuse(command, 'not-gpt', `a ${label} partition table: this installer makes GPT only`);
    }
    return new Set([...only].filter((name) => cleared.has(name)));
  }

  private buildPartitions(disk: TargetDisk, commands: readonly CommandLine[]): readonly ModelPartition[] {
    const room = Math.floor(disk.sizeBytes / MIB) - 2 * EDGE_MIB;
    const sizes = share(
      commands.map((command) => {
        const max = number(command, '--maxsize');
        return {
          size: number(command, '--size') ?? 0,
          grow: flag(command, '--grow'),
          ...(max === undefined ? {} : { max }),
        };
      }),
      room,
    );
    const last = commands.at(-1);
    if (sizes === undefined && last !== undefined) {
      const needed = commands.reduce((total, command) => total + (number(command, '--size') ?? 0), 0);
      this.refuse(
        last,
        'too-small',
        `${disk.name} is too small: its partitions need ${needed} MiB, it has room for ${room} MiB`,
      );
    }
    let start = EDGE_MIB;
    return commands.map((command, index) => {
      const number = index + 1;
      const device = partitionDevice(disk.name, number);
      const size = sizes?.[index] ?? 0;
      if (size === 0 && sizes !== undefined) {
        this.refuse(command, 'no-size', 'a partition of no size', 'give it --size=MiB');
      }
      const content = this.place(command, device);
      const partition = {
        device,
        number,
        start: start * SECTORS_PER_MIB,
        sectors: size * SECTORS_PER_MIB,
        typeGuid: this.typeGuid(command, content),
        gptName: gptName(command, content),
        place: placeOf(command),
      };
      start += size;
      return partition;
    });
  }

  /** Notes what lies on `device`, and returns it. */
  private place(command: CommandLine, device: string): Content {
    const target = command.positionals[0]?.text ?? '';
    const type = text(command, '--fstype');
    if (/^(raid|pv)\./.test(target)) {
      if (this.named.has(target)) this.refuse(command, 'duplicate-member', `two devices are named ${target}`);
      this.named.set(target, device);
      return { kind: target.startsWith('raid.') ? 'member' : 'pv', id: target };
    }
    if (type === 'biosboot' || target === 'biosboot') return { kind: 'biosboot' };
    // How a kickstart says "leave it alone": see the renderer.
    if (type === 'mdmember') return { kind: 'nothing' };
    if (flag(command, '--encrypted')) {
      this.refuse(command, 'encrypted', 'this installer cannot encrypt volumes yet');
    }
    this.format(command, device, target, type);
    return { kind: 'format' };
  }

  private format(command: CommandLine, device: string, target: string, wanted: string | undefined): void {
    const type = fileSystemType(target, wanted);
    if (type === undefined) {
      this.refuse(
        option(command, '--fstype') ?? command,
        'file-system',
        `this installer makes no file system of type ${wanted ?? ''}`,
        'use ext2, ext3, ext4, xfs, vfat, efi or swap',
      );
      return;
    }
    const label = text(command, '--label');
    const mountOptions = text(command, '--fsoptions');
    this.fileSystems.push({
      device,
      type,
      ...(target.startsWith('/') ? { mountPoint: target } : {}),
      ...(label === undefined ? {} : { label }),
      ...(mountOptions === undefined ? {} : { mountOptions }),
      mkfsOptions: (text(command, '--mkfsoptions') ?? '').split(/\s+/).filter((word) => word !== ''),
      place: placeOf(command),
    });
  }

  private typeGuid(command: CommandLine, content: Content): string {
    switch (content.kind) {
      case 'biosboot':
        return TYPE_GUID.biosboot;
      case 'pv':
        return TYPE_GUID.lvm;
      case 'member':
        // A firmware without boot entries finds an ESP by its type only, so each member of an ESP array has it.
        return this.arrayOf(content.id)?.positionals[0]?.text === '/boot/efi'
          ? TYPE_GUID.esp
          : TYPE_GUID.raid;
      case 'format': {
        const target = command.positionals[0]?.text;
        if (target === '/boot/efi') return TYPE_GUID.esp;
        return target === 'swap' ? TYPE_GUID.swap : TYPE_GUID.linux;
      }
      case 'nothing':
        return TYPE_GUID.linux;
    }
  }

  private arrayOf(member: string | undefined): CommandLine | undefined {
    return this.of('raid').find((raid) => raid.positionals.slice(1).some((word) => word.text === member));
  }

  private take(
    command: CommandLine,
    words: readonly { readonly text: string }[],
    prefix: string,
  ): readonly string[] {
    return words.flatMap((word) => {
      const device = this.named.get(word.text);
      if (!word.text.startsWith(prefix) || device === undefined) {
        this.refuse(command, 'no-such-member', `no partition is named ${word.text}`);
        return [];
      }
      if (this.used.has(word.text)) this.refuse(command, 'member-used', `${word.text} is used twice`);
      this.used.add(word.text);
      return [device];
    });
  }

  private buildArray(command: CommandLine, disks: readonly ModelDisk[]): ModelArray | undefined {
    const name = (text(command, '--device') ?? '').replace(/^\/dev\/md\//, '');
    if (!/^[A-Za-z][\w-]*$/.test(name) || /^md/.test(name)) {
      this.refuse(
        command,
        'array-name',
        `an array cannot be named '${name}'`,
        'give --device= a name that does not begin with md',
      );
      return undefined;
    }
    const level = (text(command, '--level') ?? '').toLowerCase().replace(/^raid/, '');
    if (!['0', '1', '4', '5', '6', '10'].includes(level)) {
      this.refuse(command, 'array-level', `RAID level ${level} is not known`);
      return undefined;
    }
    const target = command.positionals[0]?.text ?? '';
    const members = this.take(command, command.positionals.slice(1), 'raid.');
    const spares = number(command, '--spares') ?? 0;
    const onDisks = members.map((device) =>
      disks.find((disk) => disk.partitions.some((one) => one.device === device)),
    );
    if (new Set(onDisks).size < members.length) {
      this.refuse(command, 'members-on-one-disk', `array ${name} has two members on one disk`);
    }
    if (members.length - spares < 2 && level !== '0') {
      this.refuse(
        command,
        'array-members',
        `array ${name} has ${members.length - spares} active members, RAID${level} needs 2 or more`,
      );
    }
    const boots = target === '/boot' || target === '/boot/efi';
    if (boots && level !== '1') {
      this.refuse(
        command,
        'boot-level',
        `${target} on RAID${level}: a boot loader reads one member, so it must be RAID1`,
      );
    }
    const device = `/dev/md/${name}`;
    this.place(command, device);
    return {
      name,
      device,
      level: `raid${level}`,
      // Firmware and boot loader read a member as a plain file system: the superblock goes to its end.
      metadata: boots ? '1.0' : '1.2',
      members,
      spares,
      bitmap: level !== '0' && target !== 'swap',
      place: placeOf(command),
    };
  }

  private buildVolumeGroup(command: CommandLine): ModelVolumeGroup | undefined {
    const name = command.positionals[0]?.text ?? '';
    const logical = this.of('logvol').filter((one) => text(one, '--vgname') === name);
    for (const volume of logical) {
      for (const unsupported of ['--thinpool', '--thin', '--cachepvs', '--percent']) {
        const given = volume.options.get(unsupported)?.[0];
        if (given !== undefined) {
          this.refuse(given.option, 'logical-volume', `this installer does not know ${unsupported} yet`);
        }
      }
    }
    const growing = logical.filter((volume) => flag(volume, '--grow'));
    const second = growing[1];
    if (second !== undefined) this.refuse(second, 'two-growing', `two volumes of ${name} want to grow`);
    return {
      name,
      physicalVolumes: this.take(command, command.positionals.slice(1), 'pv.'),
      volumes: logical.map((volume) => {
        const lv = text(volume, '--name') ?? '';
        const device = `/dev/${name}/${lv}`;
        this.place(volume, device);
        return {
          name: lv,
          device,
          sizeMiB: number(volume, '--size') ?? 0,
          grow: flag(volume, '--grow'),
          place: placeOf(volume),
        };
      }),
      place: placeOf(command),
    };
  }

  private checkMounts(): void {
    const seen = new Map<string, ModelFileSystem>();
    for (const fileSystem of this.fileSystems) {
      const { mountPoint, place } = fileSystem;
      if (mountPoint === undefined) continue;
      if (seen.has(mountPoint))
        this.refuse(place, 'duplicate-mount', `two volumes are mounted at ${mountPoint}`);
      seen.set(mountPoint, fileSystem);
    }
    const first = this.of('part', 'partition')[0];
    if (first === undefined) {
      const anywhere = this.commands[0];
      if (anywhere !== undefined) this.refuse(anywhere, 'no-partitions', 'the kickstart makes no partitions');
    } else if (!seen.has('/')) this.refuse(first, 'no-root', 'nothing is mounted at /');
  }
}

function fileSystemType(target: string, wanted: string | undefined): ModelFileSystem['type'] | undefined {
  if (target === 'swap') return 'swap';
  switch (wanted) {
    case undefined:
      return target === '/boot/efi' ? 'vfat' : 'ext4';
    case 'efi':
    case 'vfat':
      return 'vfat';
    case 'ext2':
    case 'ext3':
    case 'ext4':
    case 'xfs':
    case 'swap':
      return wanted;
    default:
      return undefined;
  }
}

/** GPT name of a partition: what its member or mount point says it is for; `record-layout` has the last word. */
function gptName(command: CommandLine, content: Content): string {
  const target = command.positionals[0]?.text ?? '';
  const role =
    content.kind === 'biosboot'
      ? 'biosboot'
      : (content.id?.replace(/^(raid|pv)\./, '').replace(/\d+$/, '') ?? roleOf(target));
  return `slipway-${role}`;
}

function roleOf(target: string): string {
  const known: Readonly<Record<string, string>> = {
    '/': 'root',
    '/boot': 'boot',
    '/boot/efi': 'esp',
    swap: 'swap',
    None: 'clustered',
  };
  return known[target] ?? (target.replaceAll('/', '-').replace(/^-/, '') || 'data');
}
