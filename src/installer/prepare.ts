/** Everything that can be judged before the first write: the kickstart, this machine, and whether they fit. */
import type { Machine } from '../engine/machine.ts';
import { formatProblems, InputError, type Problem } from '../errors/problem.ts';
import { withoutSecrets } from '../kickstart/secrets.ts';
import type { CommandLine, KickstartDocument, Section } from '../kickstart/types.ts';
import { buildModel, type ModelResult } from './build-model.ts';
import { option, problemAt } from './command-words.ts';
import { incarnation, isPartitionOf, type ReleasedDisk } from './disk-guard.ts';
import { readExisting } from './existing.ts';
import { expandKickstart } from './expand.ts';
import type { FoundKickstart } from './find-kickstart.ts';
import type { Installation } from './installation.ts';
import { kickstartCopies } from './kickstart-copies.ts';
import type { StorageModel } from './model.ts';
import { debianPackages, offeredPackages, unmetPackages } from './packages.ts';
import { readSystemConfig } from './system-config.ts';
import { localPath, MEDIUM_IMAGE, type PayloadConfig } from './system-config-payload.ts';
import { leftOut } from './system-config-support.ts';

/** Name in result lines until the medium or the kickstart has told a better one. */
export const UNKNOWN_NODE = 'unknown';

export interface Prepared {
  readonly installation: Installation;
  /** The disks the kickstart releases, as they are now. */
  readonly released: readonly ReleasedDisk[];
  /** Lines about what is left out without harm. */
  readonly warnings: readonly string[];
  /** %onerror and %traceback. */
  readonly onError: readonly Section[];
}

/**
 * Runs %pre, reads the whole kickstart and holds it against this machine.
 * @param note sees every line that %pre prints
 * @param named hears the node's name before anything is refused
 * @throws {InputError} with every problem at its place in the kickstart.
 * @throws a StepFailure when a %pre script refuses.
 */
export async function prepare(
  machine: Machine,
  found: FoundKickstart,
  note: (line: string) => void,
  named: (node: string) => void,
): Promise<Prepared> {
  const { document, sources } = await expandKickstart(machine, found.text, found.file, note);
  const commands = document.items.filter((item): item is CommandLine => item.kind === 'command');
  const commandLine = (await machine.readFile('/proc/cmdline')) ?? '';
  const { config, problems: ofSystem, warnings } = readSystemConfig(document, commandLine);
  const node = found.node ?? config.hostname ?? UNKNOWN_NODE;
  named(node);
  const { model, problems: ofStorage } = await judgeStorage(machine, commands, found);
  const sections = document.items.filter((item): item is Section => item.kind === 'section');
  const ofPackages = await packageProblems(machine, config.payload, sections);
  const known = [...ofSystem, ...ofStorage];
  const problems =
    known.length > 0
      ? known
      : [
          ...missingRoot(document.file, model),
          ...(await missingFiles(machine, document)),
          ...(await takenGroupNames(machine, model)),
          ...ofPackages.filter(({ severity }) => severity === 'error'),
        ];
  if (problems.length > 0) throw new InputError(problems, sources);
  const told = withoutSecrets([...warnings, ...ofPackages], sources);
  return {
    installation: {
      node,
      model,
      config,
      preInstall: sections.filter(({ name }) => name === 'pre-install'),
      post: sections.filter(({ name }) => name === 'post'),
      kickstarts: kickstartCopies(found.text, document, commandLine),
    },
    warnings: told.problems.length === 0 ? [] : formatProblems(told.problems, told.sources).split('\n'),
    onError: sections.filter(({ name }) => name === 'onerror' || name === 'traceback'),
    released: await releasedDisks(machine, model),
  };
}

/** A kickstart that the medium has for one of its nodes is the medium's own. */
async function judgeStorage(
  machine: Machine,
  commands: readonly CommandLine[],
  { node }: FoundKickstart,
): Promise<ModelResult> {
  const { find, facts } = await readExisting(machine, commands, node !== undefined);
  return buildModel(commands, find, facts);
}

function missingRoot(file: string, { fileSystems }: StorageModel): readonly Problem[] {
  if (fileSystems.some(({ mountPoint }) => mountPoint === '/')) return [];
  return [problemAt({ file, line: 1, column: 1 }, 'no-root', 'the kickstart makes no file system for /')];
}

/**
 * What `%packages` asks for and this medium cannot give, found before the first write: the live root is the image.
 * An image from a server is looked at when it is unpacked.
 */
async function packageProblems(
  machine: Machine,
  payload: PayloadConfig,
  sections: readonly Section[],
): Promise<readonly Problem[]> {
  const place = sections.find(({ name }) => name === 'packages');
  if (place === undefined || payload.image.url !== MEDIUM_IMAGE) return [];
  const at = { ...place, raw: '%packages' };
  const unmet = await unmetPackages(
    machine,
    payload.packages,
    await offeredPackages(machine, payload.repositories),
    '/',
  );
  const there = payload.excluded.length === 0 ? new Set<string>() : await debianPackages(machine, '/');
  const kept = payload.excluded.filter((name) => there.has(name));
  const lacks = `neither the image nor a repository on the medium has ${unmet.join(', ')}`;
  return [
    ...(unmet.length === 0
      ? []
      : payload.ignoreMissingPackages
        ? [leftOut(at, unmet.join(', '), lacks)]
        : [problemAt(at, 'unmet-packages', lacks, 'remove it from %packages, or say --ignoremissing')]),
    ...(kept.length === 0
      ? []
      : [leftOut(at, kept.map((name) => `-${name}`).join(', '), 'the image is one piece and holds it')]),
  ];
}

/** What the medium lacks of what the kickstart takes from it. */
async function missingFiles(machine: Machine, document: KickstartDocument): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const item of document.items) {
    if (item.kind !== 'command') continue;
    const url = { liveimg: '--url', repo: '--baseurl' }[item.name];
    const word = url === undefined ? undefined : option(item, url);
    const path = localPath(word?.text);
    if (word === undefined || path === undefined || (await machine.exists(path))) continue;
    problems.push(problemAt(word, 'payload', `there is no ${word.text}: is this the right medium?`));
  }
  return problems;
}

/** LVM knows groups by their names: one of the same name on another disk would be taken for ours, or stand in the way. */
async function takenGroupNames(machine: Machine, model: StorageModel): Promise<readonly Problem[]> {
  if (model.volumeGroups.length === 0) return [];
  const { stdout } = await machine.exec({
    file: 'pvs',
    args: ['--noheadings', '--separator', ' ', '--options', 'pv_name,vg_name'],
    effect: 'read',
  });
  const problems: Problem[] = [];
  for (const line of stdout.split('\n')) {
    const [volume = '', name] = line.trim().split(' ');
    const group = model.volumeGroups.find((one) => one.name === name);
    if (group === undefined || group.existing !== undefined) continue;
    const device = ((await machine.realPath(volume)) ?? volume).replace(/^\/dev\//, '');
    if (isRemoved(device, model)) continue;
    problems.push(
      problemAt(
        group.place,
        'group-name-taken',
        `${volume}, which the kickstart does not release, has a volume group ${group.name} already`,
        'give the new group another name, or take that disk out',
      ),
    );
  }
  return problems;
}

/** The disks of the model, without the partitions for which it has no purpose. */
function releasedDisks(machine: Machine, model: StorageModel): Promise<readonly ReleasedDisk[]> {
  const purposeful = new Set([
    ...model.fileSystems.map(({ device }) => device),
    ...model.arrays.flatMap(({ members }) => members),
    ...model.volumeGroups.flatMap(({ physicalVolumes }) => physicalVolumes),
    ...model.btrfs.flatMap(({ devices }) => devices),
    ...model.crypts.map(({ container }) => container),
    ...model.resizes.map(({ device }) => device),
  ]);
  return Promise.all(
    model.disks.map(async ({ name, kept }) => ({
      name,
      incarnation: await incarnation(machine, name),
      kept: kept.flatMap(({ device }) => (purposeful.has(device) ? [] : [device.slice('/dev/'.length)])),
    })),
  );
}

/** Whether a new table, or a partition that is made or removed, takes the place of a device. */
function isRemoved(device: string, { disks }: StorageModel): boolean {
  return disks.some(({ name, fresh, kept }) => {
    const here = device === name || isPartitionOf(device, name);
    return here && (fresh || !kept.some((partition) => partition.device === `/dev/${device}`));
  });
}
