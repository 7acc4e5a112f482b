/** From a kickstart's storage commands to what the disks will look like. Pure: nothing is read, nothing written. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine } from '../kickstart/types.ts';
import { problemAt } from './command-words.ts';
import type { ModelArray, ModelFileSystem, StorageModel } from './model.ts';
import { buildArrays } from './model-arrays.ts';
import { type MadeDevice, type Refuse, targetOf } from './model-contents.ts';
import { buildDisks, type FindDisk, isPartition } from './model-disks.ts';
import { buildVolumeGroups } from './model-volume-groups.ts';

export interface ModelResult {
  /** Complete when `problems` is empty. */
  readonly model: StorageModel;
  readonly problems: readonly Problem[];
}

/** Works the model out and reports everything that stands against it, at the words of the kickstart. */
export function buildModel(commands: readonly CommandLine[], findDisk: FindDisk): ModelResult {
  const problems: Problem[] = [];
  const refuse: Refuse = (...problem) => {
    problems.push(problemAt(...problem));
  };
  for (const command of commands) refuseOptions(command, refuse);
  const { disks, made: partitions } = buildDisks(commands, findDisk, refuse);
  const { arrays, made: onArrays } = buildArrays(commands, partitions, refuse);
  const below = [...partitions, ...onArrays];
  const { volumeGroups, made: logical } = buildVolumeGroups(commands, below, refuse);
  const made = [...below, ...logical];
  const fileSystems = made.flatMap(({ device, content }) =>
    content.kind === 'file-system' ? [{ device, ...content.fileSystem }] : [],
  );
  checkMembers(commands, made, refuse);
  checkMounts(commands, fileSystems, refuse);
  checkBootDisks(partitions, arrays, fileSystems, refuse);
  return { model: { disks, arrays, volumeGroups, fileSystems }, problems };
}

/** Options that say how to treat what is already there. This installer only makes disks anew. */
const KEEPING = ['--onpart', '--usepart', '--noformat', '--useexisting', '--resize'];

/** Options that would make something else than this installer makes. */
const UNSUPPORTED = [
  ...['--onbiosdisk', '--recommended', '--hibernation', '--fsprofile', '--chunksize', '--pesize'],
  ...['--reserved-space', '--reserved-percent', '--percent', '--thinpool', '--thin', '--poolname'],
  ...['--metadatasize', '--profile', '--cachepvs', '--cachesize', '--cachemode'],
];

const STORAGE_COMMANDS = ['part', 'partition', 'raid', 'volgroup', 'logvol'];

function refuseOptions(command: CommandLine, refuse: Refuse): void {
  if (!STORAGE_COMMANDS.includes(command.name)) return;
  for (const [name, [given]] of command.options) {
    if (given === undefined) continue;
    if (KEEPING.includes(name)) {
      refuse(
        given.option,
        'keeps-existing',
        `${name} keeps what is on a disk, and this installer only makes disks anew`,
        'remove the option, or install with the vendor’s installer',
      );
    } else if (name === '--encrypted') {
      refuse(given.option, 'encrypted', 'this installer cannot encrypt volumes yet');
    } else if (UNSUPPORTED.includes(name)) {
      refuse(given.option, 'unsupported-option', `this installer does not know ${name} yet`);
    }
  }
}

/** Every part of an array or volume group is defined once and used once. */
function checkMembers(commands: readonly CommandLine[], made: readonly MadeDevice[], refuse: Refuse): void {
  const used = new Set<string>();
  for (const command of commands.filter(({ name }) => name === 'raid' || name === 'volgroup')) {
    for (const word of command.positionals.slice(1)) {
      if (used.has(word.text)) refuse(word, 'member-used', `${word.text} is used twice`);
      used.add(word.text);
    }
  }
  const defined = new Set<string>();
  for (const { command, content } of made) {
    if (content.kind !== 'member' && content.kind !== 'pv') continue;
    const { id } = content;
    if (defined.has(id)) refuse(command, 'duplicate-member', `two devices are named ${id}`);
    else if (!used.has(id)) {
      refuse(command, 'unused-member', `${id} belongs to no array and no volume group`);
    }
    defined.add(id);
  }
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
  const first = commands.find(isPartition);
  if (first !== undefined) {
    const wanted = commands.some((one) => STORAGE_COMMANDS.includes(one.name) && targetOf(one) === '/');
    if (!wanted) refuse(first, 'no-root', 'nothing is mounted at /');
    return;
  }
  const [anywhere] = commands;
  if (anywhere !== undefined) refuse(anywhere, 'no-partitions', 'the kickstart makes no partitions');
}

/** A disk that holds /boot and cannot be started from is found out when it is the last one left. */
function checkBootDisks(
  partitions: readonly MadeDevice[],
  arrays: readonly ModelArray[],
  fileSystems: readonly ModelFileSystem[],
  refuse: Refuse,
): void {
  const onto = (mountPoint: string): readonly MadeDevice[] => {
    const device = fileSystems.find((one) => one.mountPoint === mountPoint)?.device;
    const members = arrays.find((array) => array.device === device)?.members ?? [];
    return partitions.filter((one) => one.device === device || members.includes(one.device));
  };
  const [first] = partitions;
  if (first === undefined) return;
  const esp = onto('/boot/efi');
  const biosBoot = partitions.filter(({ content }) => content.kind === 'biosboot');
  if (esp.length === 0 && biosBoot.length === 0) {
    refuse(
      first.command,
      'no-boot-loader',
      'there is neither a biosboot partition nor /boot/efi: no firmware could start this system',
      'add part biosboot, or part /boot/efi --fstype=efi',
    );
  }
  const boot = onto('/boot');
  for (const { disk, command } of boot.length > 0 ? boot : onto('/')) {
    for (const [name, there] of [
      ['biosboot partition', biosBoot],
      ['EFI system partition', esp],
    ] as const) {
      if (there.length === 0 || there.some((one) => one.disk === disk)) continue;
      refuse(command, 'boot-disk', `${disk} holds a part of /boot and has no ${name}, as other disks have`);
    }
  }
}
