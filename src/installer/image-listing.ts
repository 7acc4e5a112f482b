/** What an image holds and what a folder holds, line by line, so that the two can be compared. */
import type { Machine } from '../engine/machine.ts';
import { TARGET } from './installation.ts';

/** Folders whose content is not the image's: the kernel's file systems are bound there. */
const BOUND = ['dev', 'proc', 'sys', 'run'];

/** One line an entry, comparable with {@link treeListing}'s: permissions and size of files, target of links. */
export async function imageListing(machine: Machine, image: string): Promise<readonly string[]> {
  const { stdout } = await machine.exec({
    file: 'unsquashfs',
    args: ['-lls', '-dest', TARGET, image],
    effect: 'read',
  });
  return readListing(stdout);
}

/** The entries that unsquashfs prints with `-linfo` or `-lls` when {@link TARGET} is its destination. */
export function readListing(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    // -rw-r--r-- root/root   3 2023-11-14 22:13 /mnt/sysroot/etc/debian_version
    const [, mode = '', size = '', path = ''] = LISTED.exec(line) ?? [];
    if (path === '' || BOUND.includes(path.split('/')[0] ?? '')) return [];
    const [name = '', target = ''] = path.split(' -> ');
    return [entry(mode, size, name, target)];
  });
}

const LISTED = new RegExp(`^([-dl][\\w-]{9})\\s+\\S+\\s+(\\d+)\\s+\\S+ \\S+ ${TARGET}/(.+)$`);

/** The target's entries. */
export async function treeListing(machine: Machine): Promise<readonly string[]> {
  const prune = BOUND.flatMap((name) => ['-path', `${TARGET}/${name}`, '-prune', '-o']);
  const { stdout } = await machine.exec({
    file: 'find',
    args: [TARGET, ...prune, '-printf', '%M\\t%s\\t%P\\t%l\\n'],
    effect: 'read',
  });
  return stdout.split('\n').map((line) => {
    const [mode = '', size = '', path = '', target = ''] = line.split('\t');
    return entry(mode, size, path, target);
  });
}

function entry(mode: string, size: string, path: string, target: string): string {
  if (mode.startsWith('d')) return `folder /${path}`;
  return mode.startsWith('l') ? `link ${target} /${path}` : `${mode} ${size} /${path}`;
}
