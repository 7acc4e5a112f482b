/** The two commands that make a vendor's medium ours: pure builders, so that all of it can be asserted. */
import type { Command } from '../../engine/command.ts';
import { isoTime, type MediumEntry, uuidOf } from '../xorriso.ts';

export interface RemasterLayout {
  /** A copy of the vendor's ISO, which grows. */
  readonly iso: string;
  /** Undefined keeps the vendor's. */
  readonly volumeId: string | undefined;
  /** Files and folders that are new, or take the place of others. */
  readonly entries: readonly MediumEntry[];
  /** Whether the vendor's tree has a file or folder of that path. */
  readonly isVendors: (path: string) => boolean;
  /** EFI images that lie behind the file system, changed. */
  readonly partitions: readonly {
    readonly number: number;
    readonly typeGuid: string;
    readonly image: string;
  }[];
  readonly joliet: boolean;
  /** Hex digits that the GPT's own UUID is made from. */
  readonly digest: string;
  readonly sourceDateEpoch: number;
}

/** Writing 12 GB to a slow disk. */
const TIMEOUT_MS = 60 * 60_000;

/** Copies the vendor's ISO, in no time where the file system can share blocks. The copy can be written whatever the mode. */
export const copyCommand = (base: string, iso: string): Command => ({
  file: 'cp',
  effect: 'write',
  timeoutMs: TIMEOUT_MS,
  args: ['--reflink=auto', '--no-preserve=mode', base, iso],
});

/**
 * Loads the tree of the copy, maps ours into it, and writes what is new behind what is there, as another session
 * (`-dev`): directories, our files, boot records exactly as they were found (`replay`): El Torito, boot information in
 * the loaders, MBR, GPT and appended partitions. Then the descriptors at the beginning lead to the new directories.
 * No file of the vendor's is moved.
 *
 * `-stdio_sync off`: xorriso otherwise calls fdatasync all the time, which takes longer than the writing.
 */
export function remasterCommand(layout: RemasterLayout): Command {
  const { entries, sourceDateEpoch } = layout;
  const stamp = isoTime(sourceDateEpoch);
  const ours = changedPlaces(layout);
  const dated = (kind: string): readonly string[] => [
    ...['-alter_date_r', kind, `=${sourceDateEpoch}`, ...ours, '--'],
    ...['-alter_date', kind, `=${sourceDateEpoch}`, ...foldersAbove(ours), '--'],
  ];
  return {
    file: 'xorriso',
    effect: 'write',
    timeoutMs: TIMEOUT_MS,
    env: { TZ: 'UTC' },
    args: [
      ...['-stdio_sync', 'off', '-fs', '16m', '-joliet', layout.joliet ? 'on' : 'off'],
      // Dates of files, not of this very run.
      ...['-compliance', 'rec_mtime'],
      // Inside the volume, so that the backup of the GPT comes to lie at the very end, where firmware looks for it.
      ...['-padding', 'included', '-padding', '300k'],
      ...['-dev', `stdio:${layout.iso}`],
      // Before anything is changed: it names boot images by what was loaded, and appended partitions, too.
      ...['-boot_image', 'any', 'replay'],
      ...(layout.volumeId === undefined ? [] : ['-volid', layout.volumeId]),
      ...entries.flatMap(({ path, source }) => ['-map', source, `/${path}`]),
      ...['-chown_r', '0', ...ours, '--', '-chgrp_r', '0', ...ours, '--'],
      ...['-chmod_r', 'a+r,u+w,go-w', ...ours, '--'],
      ...ours.flatMap((place) => ['-find', place, '-type', 'd', '-exec', 'chmod', 'a+rx', '--']),
      // `b` is when it was read and written, `c` when anything about it was changed.
      ...['b', 'c'].flatMap(dated),
      ...layout.partitions.flatMap(({ number, typeGuid, image }) => [
        '-append_partition',
        String(number),
        typeGuid,
        image,
      ]),
      ...['-boot_image', 'any', `gpt_disk_guid=${uuidOf(layout.digest)}`],
      ...['c', 'm', 'uuid'].flatMap((kind) => ['-volume_date', kind, stamp]),
    ],
  };
}

/** The topmost folders and files that are new, and those that replace the vendor's; with leading slashes, each once. */
function changedPlaces({
  entries,
  isVendors,
}: Pick<RemasterLayout, 'entries' | 'isVendors'>): readonly string[] {
  const places = entries.map(({ path }) => {
    const prefixes = path.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'));
    return `/${prefixes.find((prefix) => !isVendors(prefix)) ?? path}`;
  });
  return [...new Set(places)];
}

/** The folders that these lie in, the root first: a folder that gets a file changes its own times, too. */
function foldersAbove(places: readonly string[]): readonly string[] {
  const folders = places.flatMap((place) =>
    place
      .split('/')
      .slice(1, -1)
      .map((_, i, parts) => `/${parts.slice(0, i + 1).join('/')}`),
  );
  return ['/', ...[...new Set(folders)].sort()];
}
