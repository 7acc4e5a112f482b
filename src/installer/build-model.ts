/** From a kickstart's storage commands to what the disks will look like. Pure: nothing is read, nothing written. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine } from '../kickstart/types.ts';
import { problemAt, text } from './command-words.ts';
import type { ModelDisk, ModelFileSystem, StorageModel } from './model.ts';
import { buildArrays } from './model-arrays.ts';
import { buildBoot } from './model-boot.ts';
import { buildBtrfs } from './model-btrfs.ts';
import { type ClearedDisk, clearDisks, type FindDisk } from './model-clear.ts';
import { keepsFormat, type MadeDevice, memoryFileSystems, type Refuse, reuses } from './model-contents.ts';
import { buildCrypts } from './model-crypts.ts';
import { buildDisks } from './model-disks.ts';
import { expandMacros } from './model-macros.ts';
import { buildMounts } from './model-mounts.ts';
import { groundOf, isPartition } from './model-requests.ts';
import { buildResizes, resizePartitions } from './model-resize.ts';
import { buildSnapshots } from './model-snapshots.ts';
import { buildVolumeGroups } from './model-volume-groups.ts';
import { NO_FACTS, type StorageFacts } from './storage-facts.ts';

export interface ModelResult {
  /** Complete when `problems` is empty. */
  readonly model: StorageModel;
  readonly problems: readonly Problem[];
}

/** Works the model out and reports everything that stands against it, at the words of the kickstart. */
export function buildModel(
  given: readonly CommandLine[],
  findDisk: FindDisk,
  facts: StorageFacts = NO_FACTS,
): ModelResult {
  const problems: Problem[] = [];
  const refuse: Refuse = (...problem) => {
    problems.push(problemAt(...problem));
  };
  for (const command of given) refuseOptions(command, refuse);
  const cleared = resizePartitions(given, clearDisks(given, findDisk, facts, refuse), facts, refuse);
  const ground = groundOf(given, findDisk, cleared, facts, refuse);
  const commands = expandMacros(given, ground, refuse);

  const { disks: partitioned, made: bare } = buildDisks(commands, ground, refuse);
  const encrypted = (devices: readonly MadeDevice[]) => buildCrypts(commands, devices, facts, refuse);
  const partitions = encrypted(bare);
  const arrays = buildArrays(commands, partitions.made, ground, refuse);
  const onArrays = encrypted(arrays.made);
  const below = [...partitions.made, ...onArrays.made];
  const groups = buildVolumeGroups(commands, below, ground, refuse);
  const volumes = encrypted(groups.made);
  const mounts = buildMounts(commands, ground, refuse);

  const made = [...below, ...volumes.made];
  const { btrfs, fileSystems: onBtrfs } = buildBtrfs(commands, made, refuse);
  const fileSystems = [
    ...made.flatMap(({ device, content }) =>
      content.kind === 'file-system' ? [{ device, ...content.fileSystem }] : [],
    ),
    ...onBtrfs,
    ...mounts.fileSystems,
    ...memoryFileSystems(commands, refuse),
  ];
  checkMembers(commands, made, refuse);
  checkMounts(commands, fileSystems, refuse);
  const disks = withUsed(partitioned, [...mounts.disks, ...arrays.disks, ...groups.disks]);
  const { volumeGroups } = groups;
  const parts = { commands, disks, partitions: bare, arrays: arrays.arrays, volumeGroups, fileSystems };
  const model = {
    disks,
    arrays: arrays.arrays,
    volumeGroups,
    btrfs,
    resizes: buildResizes(commands, ground, refuse),
    snapshots: buildSnapshots(commands, volumeGroups, facts, refuse),
    crypts: [...partitions.crypts, ...onArrays.crypts, ...volumes.crypts],
    fileSystems,
    unformatted: made
      .filter((one) => facts.own && one.content.kind === 'unformatted' && isNew(one))
      .map(({ device }) => device),
    boot: buildBoot(parts, ground, refuse),
    tolerant: facts.own,
  };
  return { model, problems };
}

/** What was there before stays as it is, even where a kickstart has no file system for it. */
const isNew = ({ command }: MadeDevice): boolean =>
  !reuses(command) && !command.options.has('--onpart') && !command.options.has('--usepart');

/** A disk with something that goes on being used belongs to the installation, though its table stays as it is. */
function withUsed(disks: readonly ModelDisk[], used: readonly ClearedDisk[]): readonly ModelDisk[] {
  const others = [...new Set(used)].filter(({ disk }) => !disks.some(({ name }) => name === disk.name));
  return [
    ...disks,
    ...others.map(({ disk, label, kept }) => ({
      name: disk.name,
      sizeBytes: disk.sizeBytes,
      sectorBytes: disk.sectorBytes,
      label: label ?? 'gpt',
      fresh: false,
      removed: [],
      kept,
      partitions: [],
    })),
  ];
}

/** Options that would make something else than this installer makes. */
const UNSUPPORTED = ['--onbiosdisk', '--fsprofile'];

const STORAGE_COMMANDS = ['part', 'partition', 'raid', 'volgroup', 'logvol', 'btrfs', 'mount'];

function refuseOptions(command: CommandLine, refuse: Refuse): void {
  if (!STORAGE_COMMANDS.includes(command.name)) return;
  for (const [name, [given]] of command.options) {
    if (given === undefined) continue;
    if (UNSUPPORTED.includes(name)) {
      refuse(given.option, 'unsupported-option', `this installer does not know ${name} yet`);
    } else if (
      name === '--noformat' &&
      isPartition(command) &&
      !command.options.has('--onpart') &&
      !command.options.has('--usepart')
    ) {
      refuse(given.option, 'keeps-existing', '--noformat needs --onpart');
    }
  }
}

const hasMembers = ({ name, options }: CommandLine): boolean =>
  name === 'raid' || name === 'volgroup' || (name === 'btrfs' && !options.has('--subvol'));

/** Every part of an array, volume group or btrfs volume is defined once and used once. */
function checkMembers(commands: readonly CommandLine[], made: readonly MadeDevice[], refuse: Refuse): void {
  const used = new Set<string>();
  for (const command of commands.filter(hasMembers)) {
    for (const word of command.positionals.slice(1)) {
      const id = memberId(word.text, made);
      if (used.has(id)) refuse(word, 'member-used', `${word.text} is used twice`);
      used.add(id);
    }
  }
  const defined = new Set<string>();
  for (const { command, content } of made) {
    if (!('id' in content)) continue;
    const { id } = content;
    if (defined.has(id)) refuse(command, 'duplicate-member', `two devices are named ${id}`);
    // What is already part of something that stays needs no mention there.
    else if (!used.has(id) && !keepsFormat(command)) {
      refuse(command, 'unused-member', `${id} belongs to no array, volume group or btrfs volume`);
    }
    defined.add(id);
  }
}

/** `pv.01` for the array's name `data`, which a volgroup may say as well. */
function memberId(name: string, made: readonly MadeDevice[]): string {
  const named = made.find(({ command }) => text(command, '--device') === name)?.content;
  return named !== undefined && 'id' in named ? named.id : name;
}

function checkMounts(
  commands: readonly CommandLine[],
  fileSystems: readonly ModelFileSystem[],
  refuse: Refuse,
): void {
  const mounted = new Set<string>();
  for (const { mountPoint, place } of fileSystems) {
    if (mountPoint === undefined) continue;
    if (mounted.has(mountPoint)) refuse(place, 'duplicate-mount', `two volumes are mounted at ${mountPoint}`);
    mounted.add(mountPoint);
  }
  const first = commands.find((command) => isPartition(command) || command.name === 'mount');
  if (first !== undefined) {
    const isRoot = ({ name, positionals }: CommandLine): boolean =>
      STORAGE_COMMANDS.includes(name) && positionals[name === 'mount' ? 1 : 0]?.text === '/';
    if (!commands.some(isRoot)) refuse(first, 'no-root', 'nothing is mounted at /');
    return;
  }
  const [anywhere] = commands;
  if (anywhere !== undefined) refuse(anywhere, 'no-partitions', 'the kickstart makes no partitions');
}
