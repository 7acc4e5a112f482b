/** The one xorriso call that makes the medium: a pure builder, so that the whole command line can be asserted. */
import type { Command } from '../engine/command.ts';
import { MEDIUM, type MediumEntry } from './types.ts';

export type { MediumEntry } from './types.ts';

export interface IsoLayout {
  /** The ISO to write; must not exist. */
  readonly out: string;
  readonly volumeId: string;
  /** In any order; {@link MEDIUM.eltorito} is one of them. */
  readonly entries: readonly MediumEntry[];
  /** MBR code that loads GRUB when the medium is a stick. */
  readonly hybridMbr: string;
  /** FAT image, appended as partition 2. */
  readonly esp: string;
  /** UUID of the GPT; those of its partitions are derived from it. */
  readonly diskGuid: string;
  readonly sourceDateEpoch: number;
}

/** GPT type of an EFI system partition. */
const ESP_TYPE = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
/** Writing 400 MB to a slow disk. */
const TIMEOUT_MS = 10 * 60_000;

/**
 * Four ways to boot from one image:
 * - BIOS from CD: El Torito entry 1, GRUB, told its place by `--grub2-boot-info`;
 * - UEFI from CD: El Torito entry 2 is the appended partition;
 * - BIOS from a stick: `--grub2-mbr` finds the same GRUB;
 * - UEFI from a stick: the GPT names the appended partition an ESP. `-partition_offset 16` makes the file system
 *   mountable as partition 1, too.
 */
export function xorrisoCommand(layout: IsoLayout): Command {
  const stamp = isoTime(layout.sourceDateEpoch);
  return {
    file: 'xorriso',
    effect: 'write',
    timeoutMs: TIMEOUT_MS,
    env: { TZ: 'UTC' },
    args: [
      ...['-as', 'mkisofs', '-o', layout.out],
      ...['-V', layout.volumeId, '-iso-level', '3', '-r'],
      ...[`--modification-date=${stamp}`, '--set_all_file_dates', stamp, '--gpt_disk_guid', layout.diskGuid],
      ...['-partition_offset', '16', '--grub2-mbr', layout.hybridMbr],
      ...['-append_partition', '2', ESP_TYPE, layout.esp, '-appended_part_as_gpt'],
      ...['-c', 'boot/boot.cat'],
      ...['-b', MEDIUM.eltorito, '-no-emul-boot', '-boot-load-size', '4'],
      ...['-boot-info-table', '--grub2-boot-info'],
      '-eltorito-alt-boot',
      ...['-e', '--interval:appended_partition_2:all::', '-no-emul-boot'],
      '-graft-points',
      ...layout.entries.map(({ path, source }) => `${graftName(path)}=${graftName(source)}`),
    ],
  };
}

/**
 * The line of xorriso's output that says what went wrong: its last one only says that it gave up. Undefined when there
 * is none.
 */
export const xorrisoComplaint = (stderr: string): string | undefined =>
  /^\w+ *: (?:FATAL|FAILURE|SORRY) : (.*)$/m.exec(stderr)?.[1];

/** In a graft point `=` separates, so one inside a name is escaped, and so is the backslash (mkisofs's rule). */
const graftName = (path: string): string => path.replace(/[\\=]/g, '\\$&');

/** ECMA-119 8.4.26.1 without the time zone: `YYYYMMDDhhmmsscc` in UTC. */
export function isoTime(epoch: number): string {
  const digits = new Date(epoch * 1000).toISOString().replace(/\D/g, '');
  return digits.slice(0, 16);
}

/** A UUID (RFC 4122 shape, version 4 bits) from the first 128 bits of a hex digest. */
export function uuidOf(digest: string): string {
  const hex = digest.slice(0, 32).split('');
  hex[12] = '4';
  hex[16] = '89ab'[Number.parseInt(hex[16] ?? '0', 16) & 3] ?? '8';
  const text = hex.join('');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join(
    '-',
  );
}
