/** `mount`: what is there already gets its place, and is made anew only where the kickstart says so. */
import type { CommandLine } from '../kickstart/types.ts';
import { option, placeOf, text } from './command-words.ts';
import type { ModelFileSystem } from './model.ts';
import type { ClearedDisk } from './model-clear.ts';
import { contentOf, fileSystemType, mkfsWords, type Refuse, targetOf } from './model-contents.ts';
import { findPartition, type Ground } from './model-requests.ts';

export interface MountModel {
  readonly fileSystems: readonly ModelFileSystem[];
  /** Disks that hold them. */
  readonly disks: readonly ClearedDisk[];
}

export function buildMounts(commands: readonly CommandLine[], ground: Ground, refuse: Refuse): MountModel {
  const built = commands
    .filter(({ name }) => name === 'mount')
    .flatMap((command) => buildMount(command, ground, refuse) ?? []);
  return {
    fileSystems: built.map(({ fileSystem }) => fileSystem),
    disks: [...new Set(built.map(({ disk }) => disk))],
  };
}

function buildMount(
  command: CommandLine,
  ground: Ground,
  refuse: Refuse,
): { readonly fileSystem: ModelFileSystem; readonly disk: ClearedDisk } | undefined {
  const device = targetOf(command);
  const place = command.positionals[1]?.text ?? '';
  const nowhere = place.toLowerCase() === 'none';
  const reformat = command.options.has('--reformat');
  const found = findPartition(device, ground);
  if (found === undefined) {
    refuse(
      command.positionals[0] ?? command,
      'no-such-partition',
      `there is no partition ${device}, or its disk is not to be used`,
    );
    return undefined;
  }
  if (found.disk.disk.unusable !== undefined) {
    refuse(command, 'disk-in-use', `${device} cannot be used: ${found.disk.disk.unusable}`);
    return undefined;
  }
  const there = found.partition.content;
  const wanted = (reformat ? text(command, '--reformat') : undefined) || there;
  const type = fileSystemType(nowhere && wanted === 'swap' ? 'swap' : place, wanted);
  if (wanted === undefined || type === undefined) {
    const what = wanted === undefined ? 'no file system' : `${wanted}, which this installer does not mount,`;
    refuse(option(command, '--reformat') ?? command, 'file-system', `there is ${what} on ${device}`);
    return undefined;
  }
  // The same rules for a mount point as everywhere.
  if (!nowhere) {
    const at = { ...command, positionals: command.positionals.slice(1), options: new Map() };
    contentOf(at, ground.facts.fileSystem, refuse);
  }
  const mountOptions = text(command, '--mountoptions');
  const fileSystem: ModelFileSystem = {
    device: found.partition.device,
    type,
    ...(nowhere ? {} : { mountPoint: place }),
    ...(mountOptions === undefined || mountOptions === '' ? {} : { mountOptions }),
    mkfsOptions: mkfsWords(command),
    ...(reformat ? {} : { keep: true as const }),
    place: placeOf(command),
  };
  return { fileSystem, disk: found.disk };
}
