/** What lies on a piece of a disk, told by its bytes. */
import type { Machine } from '../engine/machine.ts';
import {
  BTRFS_AT,
  BTRFS_BYTES,
  type FileSystemSignature,
  identifyBtrfs,
  identifyFileSystem,
} from '../storage/file-system.ts';
import { SECTOR_BYTES } from '../storage/gpt.ts';
import { readMdSuperblock } from '../storage/md-superblock.ts';

/** As far as the furthest signature looked for: that of btrfs. */
const LOOK_BYTES = BTRFS_AT + BTRFS_BYTES;

/** What lies on a piece of a disk, in the words of blkid. */
export async function signatureAt(
  machine: Machine,
  path: string,
  start: number,
  sectors: number,
): Promise<FileSystemSignature | undefined> {
  const named = (type: string): FileSystemSignature => ({ type, uuid: '', label: '' });
  // A member whose superblock lies at its end looks like what its array holds.
  if ((await readMdSuperblock(machine, path, start, sectors)) !== undefined)
    return named('linux_raid_member');
  const length = Math.min(LOOK_BYTES, sectors * SECTOR_BYTES);
  const bytes = await machine.readBytes(path, start * SECTOR_BYTES, length, true);
  const text = Buffer.from(bytes);
  const at = (offset: number, word: string): boolean =>
    text.toString('latin1', offset, offset + word.length) === word;
  // The label of a physical volume stands in one of the first four sectors.
  if ([0, 1, 2, 3].some((sector) => at(sector * SECTOR_BYTES, 'LABELONE'))) return named('LVM2_member');
  const known = identifyFileSystem(bytes);
  if (known !== undefined) return known;
  const btrfs = identifyBtrfs(bytes.subarray(BTRFS_AT));
  if (btrfs !== undefined) return btrfs;
  if (at(32_769, 'CD001')) return named('iso9660');
  if (at(3, 'NTFS    ')) return named('ntfs');
  return undefined;
}
