/** The one xorriso call that makes a vendor's medium ours: a pure builder, so that all of it can be asserted. */
import type { Command } from '../engine/command.ts';
import { isoTime, type MediumEntry, uuidOf } from './xorriso.ts';

export interface RemasterLayout {
  /** The vendor's ISO. */
  readonly base: string;
  /** The ISO to write; must not exist. */
  readonly out: string;
  /** Undefined keeps the vendor's. */
  readonly volumeId: string | undefined;
  /** Files and folders that are new, or take the place of others. */
  readonly entries: readonly MediumEntry[];
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

/**
 * Loads the vendor's tree, maps ours into it, and has xorriso build the boot records anew exactly as it found them
 * (`replay`): El Torito, boot information in the loaders, MBR, GPT and appended partitions. What is not mapped is
 * copied block by block.
 *
 * `-stdio_sync off`: xorriso otherwise calls fdatasync all the time, which takes longer than the writing.
 */
export function remasterCommand(layout: RemasterLayout): Command {
  const { entries, sourceDateEpoch } = layout;
  const stamp = isoTime(sourceDateEpoch);
  const places = entries.map(({ path }) => `/${path}`);
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
      ...['-indev', `stdio:${layout.base}`, '-outdev', `stdio:${layout.out}`],
      // Before anything is changed: it names boot images by what was loaded, and appended partitions, too.
      ...['-boot_image', 'any', 'replay'],
      ...(layout.volumeId === undefined ? [] : ['-volid', layout.volumeId]),
      ...entries.flatMap(({ source }, i) => ['-map', source, places[i] ?? '']),
      ...['-chown_r', '0', ...places, '--', '-chgrp_r', '0', ...places, '--'],
      ...['-chmod_r', 'a+r,u+w,go-w', ...places, '--'],
      // A folder that gets a file changes its own times, too. `b` is when it was read and written, `c` when changed.
      ...['b', 'c'].flatMap((kind) => [
        ...['-alter_date_r', kind, `=${sourceDateEpoch}`, ...places, '--'],
        ...['-alter_date', kind, `=${sourceDateEpoch}`, ...foldersOf(entries), '--'],
      ]),
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

/** The folders above the entries, the root first, each once. */
function foldersOf(entries: readonly MediumEntry[]): readonly string[] {
  const folders = entries.flatMap(({ path }) => {
    const parts = path.split('/').slice(0, -1);
    return parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`);
  });
  return ['/', ...[...new Set(folders)].sort()];
}
