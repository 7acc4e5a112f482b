/** What a package puts where. */
import { chmod, copyFile, lutimes, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hashFile, hashText, listTree, type TreeEntry } from '../host/hash.ts';

export type PayloadEntry = {
  /** Absolute on the target. */
  readonly path: string;
  /** Permission bits; owner and group are root. */
  readonly mode: number;
  /** SHA-256, or for a downloaded file the identity it was verified by. */
  readonly id: string;
} & (
  | { readonly kind: 'file'; readonly from: { readonly file: string } | { readonly text: string } }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'folder' }
);

export type Payload = readonly PayloadEntry[];

export async function fileEntry(
  path: string,
  mode: number,
  file: string,
  id?: string,
): Promise<PayloadEntry> {
  return { kind: 'file', path, mode, from: { file }, id: id ?? (await hashFile(file)) };
}

/** Every folder a package owns is named, or its mode would be the builder's umask. */
export const folderEntry = (path: string): PayloadEntry => ({ kind: 'folder', path, mode: 0o755, id: '' });

export function textEntry(path: string, mode: number, text: string): PayloadEntry {
  return { kind: 'file', path, mode, from: { text }, id: hashText(text) };
}

/**
 * A folder with all that is in it. Modes are kept, except that only root may write: two people's umasks must not make
 * two packages, and root will run these files.
 */
export async function treeEntries(path: string, dir: string): Promise<Payload> {
  const entries = await listTree(dir);
  return [
    folderEntry(path),
    ...entries.map((entry) => payloadEntry(`${path}/${entry.path}`, join(dir, entry.path), entry)),
  ];
}

function payloadEntry(path: string, file: string, entry: TreeEntry): PayloadEntry {
  const common = { path, mode: entry.mode & ~0o022, id: entry.content };
  if (entry.kind === 'link') return { ...common, kind: 'link', target: entry.content };
  if (entry.kind === 'folder') return { ...common, kind: 'folder' };
  return { ...common, kind: 'file', from: { file } };
}

/** What a package's identity takes from its payload: where, how and what, not from where. */
export const payloadIdentity = (payload: Payload): readonly unknown[] =>
  payload.map(({ path, mode, kind, id }) => ({ path, mode, kind, id }));

/** Lays the payload out below `root`, every file stamped with `epoch` (seconds). */
export async function stagePayload(payload: Payload, root: string, epoch: number): Promise<void> {
  for (const entry of payload) {
    const path = join(root, entry.path);
    await mkdir(entry.kind === 'folder' ? path : dirname(path), { recursive: true });
    if (entry.kind === 'link') {
      await symlink(entry.target, path);
      await lutimes(path, epoch, epoch);
    } else if (entry.kind === 'file') {
      if ('file' in entry.from) await copyFile(entry.from.file, path);
      else await writeFile(path, entry.from.text);
      await chmod(path, entry.mode);
      await utimes(path, epoch, epoch);
    }
  }
  // Folders last and from the deepest up: filling one changes its time, and one may forbid writing.
  const folders = payload.filter(({ kind }) => kind === 'folder').sort((a, b) => (a.path < b.path ? 1 : -1));
  for (const { path, mode } of folders) {
    await chmod(join(root, path), mode);
    await utimes(join(root, path), epoch, epoch);
  }
}
