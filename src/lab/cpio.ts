/** Writes initramfs archives: cpio in its "newc" form (Linux, Documentation/driver-api/early-userspace/buffer-format). */

export interface ArchiveFile {
  /** Without a leading slash; the folders above come into being by themselves. */
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Permission bits. */
  readonly mode: number;
}

/** The kernel looks for a further archive at multiples of this only. */
const ALIGNMENT = 4;
const REGULAR = 0o100000;
const FOLDER = 0o040000;

/** An archive owned by root, byte for byte the same for the same files. */
export function cpioArchive(files: readonly ArchiveFile[]): Uint8Array {
  const entries = [
    ...foldersOf(files).map((path) => entry(path, FOLDER | 0o755, new Uint8Array())),
    ...files.map(({ path, content, mode }) => entry(path, REGULAR | mode, Buffer.from(content))),
    entry('TRAILER!!!', 0, new Uint8Array()),
  ];
  return Buffer.concat(entries.flat());
}

/** Archives one after the other, as the kernel unpacks them: what a later one brings takes the earlier one's place. */
export const joinArchives = (archives: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat(archives.flatMap((archive) => [archive, padding(archive.length)]));

/** All folders above the files, parents first. */
function foldersOf(files: readonly ArchiveFile[]): readonly string[] {
  const folders = files.flatMap(({ path }) => {
    const parts = path.split('/').slice(0, -1);
    return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
  });
  return [...new Set(folders)].sort();
}

function entry(path: string, mode: number, content: Uint8Array): readonly Uint8Array[] {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, uid, gid, links, mtime, size, device ×2, special device ×2, length of the name, checksum
  const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}`);
  return [header, name, padding(header.length + name.length), content, padding(content.length)];
}

const padding = (length: number): Uint8Array =>
  new Uint8Array((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
