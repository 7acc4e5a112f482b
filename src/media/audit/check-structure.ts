/** Whether the image is whole, and its partition tables and boot records lead where they should. */

import { bootInfoChecksum, grubBootInfoSector, parseBootInfoTable } from '../image/el-torito.ts';
import type { Medium } from '../image/medium.ts';
import { GPT_TYPE_ESP, type ImageMbr, tableInForce } from '../image/partitions.ts';
import { ISO_BLOCK } from '../image/volume.ts';
import { readBiosImage } from './boot-paths.ts';
import type { BootPath, FatImage, Finding } from './types.ts';

const SECTOR = 512;
const PER_BLOCK = ISO_BLOCK / SECTOR;

type Complain = (where: string, message: string, hint?: string) => void;

/** Collects findings of one check; `warn` for what some firmware minds and most does not. */
export function collector(check: Finding['check']) {
  const findings: Finding[] = [];
  const add =
    (severity: Finding['severity']): Complain =>
    (where, message, hint) =>
      void findings.push({ check, severity, where, message, ...(hint === undefined ? {} : { hint }) });
  return { findings, fail: add('failure'), warn: add('warning') };
}

/** The volume is as large as it says, and every file lies inside. */
export function checkVolume({ image, volume, tree, joliet }: Medium): readonly Finding[] {
  const { findings, fail, warn } = collector('volume');
  if (volume.blocks * ISO_BLOCK > image.bytes) {
    const missing = volume.blocks * ISO_BLOCK - image.bytes;
    fail('the image', `it ends ${missing} bytes before its volume does`, 'copy or download it again');
  }
  const beyond = [...tree.entries.values()].filter(({ extents }) =>
    extents.some(({ block, bytes }) => block * ISO_BLOCK + bytes > image.bytes),
  );
  for (const { path } of beyond) fail(`/${path}`, 'it lies beyond the end of the image');
  // A Joliet name holds 16 characters, and tools take one of the two for the label.
  if (joliet !== undefined && volume.joliet?.volumeId !== volume.volumeId.slice(0, 16)) {
    warn('the volume', `its Joliet label is '${volume.joliet?.volumeId}', not '${volume.volumeId}'`);
  }
  return findings;
}

/** Both copies of the GPT, what they name, and the MBR beside it. */
export function checkPartitions({ image, partitions: { gpt, mbr } }: Medium): readonly Finding[] {
  const { findings, fail, warn } = collector('partitions');
  const sectors = Math.floor(image.bytes / SECTOR);
  for (const entry of mbr?.entries ?? []) {
    if (entry.start + entry.sectors > sectors) {
      fail(
        `MBR ${entry.number}`,
        `it ends at sector ${entry.start + entry.sectors}, the image at ${sectors}`,
      );
    }
  }
  if (gpt === undefined) return findings;
  const { primary, backup } = gpt;
  if (!primary.ok) fail('GPT', `the primary table cannot be used: ${primary.why}`);
  if (!backup.ok) fail('GPT', `the backup table cannot be used: ${backup.why}`);
  if (
    primary.ok &&
    backup.ok &&
    JSON.stringify(primary.table.partitions) !== JSON.stringify(backup.table.partitions)
  ) {
    fail('GPT', 'the primary and the backup table name different partitions');
  }
  if (primary.ok && primary.table.alternateBlock !== sectors - 1) {
    fail(
      'GPT',
      `it expects its backup at sector ${primary.table.alternateBlock}, the image ends at ${sectors}`,
    );
  }
  for (const { number, start, sectors: length } of tableInForce(gpt)?.partitions ?? []) {
    if (start + length > sectors)
      fail(`GPT ${number}`, `it ends at sector ${start + length}, the image at ${sectors}`);
  }
  const protective = mbr?.entries.some(({ type }) => type === 'ee') === true;
  const hybrid = mbr?.entries.some(({ start }) => start === 0) === true;
  if (!protective && !hybrid) warn('MBR', 'it has no entry that protects the GPT');
  return findings;
}

/** Boot catalogue, boot info tables, MBR code and EFI images lead to what they claim to. */
export async function checkBootRecords(
  medium: Medium,
  paths: readonly BootPath[],
  fats: readonly FatImage[],
): Promise<readonly Finding[]> {
  const { findings, fail, warn } = collector('boot');
  const { catalog } = medium;
  if (paths.length === 0) fail('the image', 'no firmware finds anything to start on it');
  if (catalog?.valid === false) fail('El Torito', 'the checksum of the boot catalogue is wrong');
  for (const { platform, bootable, block } of catalog?.entries ?? []) {
    if (!bootable) warn('El Torito', `the entry for ${platform} is not marked bootable`);
    else if (block * ISO_BLOCK >= medium.image.bytes)
      fail('El Torito', `the entry for ${platform} lies beyond the end of the image`);
    else if (platform === 'uefi' && !fats.some(({ offset }) => offset === block * ISO_BLOCK))
      fail('El Torito', 'the entry for UEFI leads to no FAT file system');
  }
  const esps =
    tableInForce(medium.partitions.gpt)?.partitions.filter((p) => p.typeGuid === GPT_TYPE_ESP) ?? [];
  for (const { number, start } of esps) {
    if (!fats.some(({ offset }) => offset === start * SECTOR))
      fail(`GPT ${number}`, 'the EFI system partition holds no FAT file system');
  }
  await checkBiosImage(medium, paths, fail);
  return findings;
}

async function checkBiosImage(medium: Medium, paths: readonly BootPath[], fail: Complain): Promise<void> {
  const entry = medium.catalog?.entries.find(({ platform, bootable }) => platform === 'bios' && bootable);
  const loader = paths.find(({ id }) => id === 'bios-cd')?.loader;
  if (entry === undefined || loader === undefined) return;
  const { bytes } = await readBiosImage(medium, entry);
  const where = loader.where;
  const table = parseBootInfoTable(bytes);
  if (loader.kind === 'isolinux' && table !== undefined) {
    if (table.imageBlock !== entry.block)
      fail(where, `its boot info table says block ${table.imageBlock}, it lies at ${entry.block}`);
    if (table.imageBytes !== bytes.length)
      fail(where, `its boot info table says ${table.imageBytes} bytes, it has ${bytes.length}`);
    else if (table.checksum !== bootInfoChecksum(bytes))
      fail(where, 'it is not what its boot info table was made for: the checksum is wrong');
  }
  const core = entry.block * PER_BLOCK + PER_BLOCK;
  if (loader.kind === 'grub' && grubBootInfoSector(bytes) !== core + 1)
    fail(where, `GRUB looks for its core at sector ${grubBootInfoSector(bytes)}, it lies at ${core + 1}`);
  const { mbr } = medium.partitions;
  const target = mbr?.hasCode === true ? mbrTarget(mbr) : undefined;
  if (target === undefined) return;
  const wanted = target.kind === 'grub' ? core : entry.block * PER_BLOCK;
  if (target.kind !== loader.kind && loader.kind !== 'unknown')
    fail('MBR', `its code starts ${target.kind}, the El Torito image is ${loader.kind}`);
  else if (target.sector !== wanted)
    fail('MBR', `its code looks for ${target.kind} at sector ${target.sector}, it lies at ${wanted}`);
}

/** Where GRUB's boot_hybrid.img and isohybrid's MBR keep the sector they go on at. */
const GRUB_TARGET = 0x1b0;
const ISOLINUX_TARGET = 432;

/** Which loader the code of an MBR starts, and where it looks for it; undefined for code of others. */
function mbrTarget({ code }: ImageMbr) {
  const bytes = Buffer.from(code);
  const text = bytes.toString('latin1');
  if (text.includes('GRUB'))
    return { kind: 'grub' as const, sector: Number(bytes.readBigUInt64LE(GRUB_TARGET)) };
  if (/isolinux/i.test(text))
    return { kind: 'isolinux' as const, sector: bytes.readUInt32LE(ISOLINUX_TARGET) };
  return undefined;
}
