/** The storage commands of a kickstart as one model: who lies on what, and how large it is as far as that is known. */
import type { CommandLine, KickstartDocument, Word } from '../types.ts';
import { normalizeMountPoint, parseInteger, parseList } from '../values.ts';

export interface PartitionView {
  readonly line: CommandLine;
  /** Mount point, or the name of a member (`raid.01`, `pv.01`), `swap`, `biosboot`, `None`. */
  readonly name: string;
  readonly fileSystem: string | undefined;
  /** As {@link diskName} writes it; undefined when the installer chooses. */
  readonly disk: string | undefined;
  /** MiB; undefined when the size is not in the file. */
  readonly sizeMiB: number | undefined;
  readonly grow: boolean;
  readonly maxSizeMiB: number | undefined;
  /** An existing partition, which takes no new space. */
  readonly existing: boolean;
}

export interface ArrayView {
  readonly line: CommandLine;
  readonly name: string;
  readonly device: Word | undefined;
  /** `0`, `1`, `4`, `5`, `6` or `10`. */
  readonly level: string | undefined;
  readonly fileSystem: string | undefined;
  readonly members: readonly Word[];
  readonly spares: number;
  readonly existing: boolean;
}

export interface GroupView {
  readonly line: CommandLine;
  readonly name: string;
  readonly members: readonly Word[];
  readonly existing: boolean;
}

export interface VolumeView {
  readonly line: CommandLine;
  readonly name: string;
  readonly mountPoint: string;
  readonly group: Word | undefined;
  readonly pool: Word | undefined;
  readonly isPool: boolean;
  readonly sizeMiB: number | undefined;
  readonly percent: number | undefined;
  readonly grow: boolean;
  readonly maxSizeMiB: number | undefined;
  readonly existing: boolean;
}

export interface StorageView {
  readonly partitions: readonly PartitionView[];
  readonly arrays: readonly ArrayView[];
  readonly groups: readonly GroupView[];
  readonly volumes: readonly VolumeView[];
  /** Every word that names a disk to be used, lists split. */
  readonly diskWords: readonly Word[];
  /** Disks in the order in which the file first names them. */
  readonly disks: readonly string[];
  /** The first partition of that name. */
  partition(name: string): PartitionView | undefined;
  /** Lines outside this file may add to all of this. */
  readonly open: boolean;
  commands(...names: readonly string[]): readonly CommandLine[];
}

/** Collects the storage commands of a document. */
export function storageView(document: KickstartDocument): StorageView {
  const byName = new Map<string, CommandLine[]>();
  let open = false;
  for (const item of document.items) {
    if (item.kind === 'command') {
      const lines = byName.get(item.name);
      if (lines === undefined) byName.set(item.name, [item]);
      else lines.push(item);
    } else if (item.kind !== 'section') open = true;
  }
  const commands = (...names: readonly string[]): readonly CommandLine[] =>
    names.flatMap((name) => byName.get(name) ?? []);
  const partitions = commands('part', 'partition').map(partitionView);
  const diskWords = namedDisks(commands);
  return {
    partition: lookup(partitions),
    partitions,
    arrays: commands('raid').map(arrayView),
    groups: commands('volgroup').map(groupView),
    volumes: commands('logvol').map(volumeView),
    diskWords,
    disks: [...new Set(diskWords.map(({ text }) => diskName(text)))],
    open,
    commands,
  };
}

/** Finds the first of a name; the index is made when it is first asked for. */
export function lookup<T extends { readonly name: string }>(
  items: readonly T[],
): (name: string) => T | undefined {
  let index: Map<string, T> | undefined;
  return (name) => {
    if (index === undefined) {
      index = new Map();
      for (const item of items) if (!index.has(item.name)) index.set(item.name, item);
    }
    return index.get(name);
  };
}

/** The last value of an option as a word; undefined when it is not given or a flag. */
export function lastValue(line: CommandLine, option: string): Word | undefined {
  return line.options.get(option)?.at(-1)?.value;
}

/** A disk's name without the folder: `/dev/sda` and `sda` are one disk. */
export function diskName(text: string): string {
  return text.replace(/^\/dev\//, '');
}

const DISK_LISTS: readonly (readonly [command: string, option: string])[] = [
  ['ignoredisk', '--only-use'],
  ['clearpart', '--drives'],
  ['part', '--ondisk'],
  ['partition', '--ondisk'],
  ['bootloader', '--boot-drive'],
  ['bootloader', '--driveorder'],
];

function namedDisks(commands: StorageView['commands']): readonly Word[] {
  const words: Word[] = [];
  for (const [command, option] of DISK_LISTS) {
    for (const line of commands(command)) {
      for (const { value } of line.options.get(option) ?? []) {
        if (value !== undefined) for (const word of listed(value)) words.push(word);
      }
    }
  }
  // The order of the file, not of the table.
  return words.sort((a, b) => a.line - b.line || a.column - b.column);
}

/** The parts of a list, each at its own column as far as quotes allow. */
function listed(value: Word): readonly Word[] {
  if (!value.text.includes(',')) return [value];
  let from = 0;
  return parseList(value.text).map((text) => {
    const offset = Math.max(from, value.raw.indexOf(text, from));
    from = offset + text.length;
    return { ...value, column: value.column + offset, text, raw: text };
  });
}

function partitionView(line: CommandLine): PartitionView {
  const name = normalizeMountPoint(line.positionals[0]?.text ?? '');
  const disk = lastValue(line, '--ondisk')?.text;
  return {
    line,
    name,
    fileSystem: lastValue(line, '--fstype')?.text,
    disk: disk === undefined ? undefined : diskName(disk),
    sizeMiB: numberOf(line, '--size'),
    grow: line.options.has('--grow'),
    maxSizeMiB: numberOf(line, '--maxsize'),
    existing:
      line.options.has('--onpart') ||
      line.options.has('--noformat') ||
      lastValue(line, '--fstype')?.text === 'tmpfs',
  };
}

function arrayView(line: CommandLine): ArrayView {
  const [mountPoint, ...members] = line.positionals;
  return {
    line,
    name: normalizeMountPoint(mountPoint?.text ?? ''),
    device: lastValue(line, '--device'),
    level: lastValue(line, '--level')?.text.toLowerCase().replace(/^raid/, ''),
    fileSystem: lastValue(line, '--fstype')?.text,
    members,
    spares: numberOf(line, '--spares') ?? 0,
    existing: exists(line),
  };
}

function groupView(line: CommandLine): GroupView {
  const [name, ...members] = line.positionals;
  return { line, name: name?.text ?? '', members, existing: exists(line) };
}

function volumeView(line: CommandLine): VolumeView {
  return {
    line,
    name: lastValue(line, '--name')?.text ?? '',
    mountPoint: normalizeMountPoint(line.positionals[0]?.text ?? ''),
    group: lastValue(line, '--vgname'),
    pool: lastValue(line, '--poolname'),
    isPool: line.options.has('--thinpool'),
    sizeMiB: numberOf(line, '--size'),
    percent: numberOf(line, '--percent'),
    grow: line.options.has('--grow'),
    maxSizeMiB: numberOf(line, '--maxsize'),
    existing: exists(line),
  };
}

function exists(line: CommandLine): boolean {
  return line.options.has('--useexisting') || line.options.has('--noformat');
}

function numberOf(line: CommandLine, option: string): number | undefined {
  const value = lastValue(line, option);
  return value === undefined ? undefined : parseInteger(value.text);
}
