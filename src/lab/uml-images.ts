/** What every User-Mode Linux machine starts from, made once for each kernel and base and kept in the cache. */
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MissingError } from '../errors/exit.ts';
import type { Context } from '../host/context.ts';
import { hashFile, hashText } from '../host/hash.ts';
import { type ArchiveFile, cpioArchive, joinArchives } from './cpio.ts';
import { UML_INIT } from './uml-init.ts';

/** Where Debian's package user-mode-linux has the modules of its kernel, a folder for its version. */
const MODULES = '/usr/lib/uml/modules';
/** What the root is reached by, in the order of loading; md-mod before what stands on it. */
const EARLY_MODULES = [
  'kernel/fs/squashfs/squashfs.ko',
  'kernel/fs/overlayfs/overlay.ko',
  'kernel/drivers/md/md-mod.ko',
  'kernel/drivers/md/raid1.ko',
];
/** Raised when this code makes something else of the same inputs. */
const FORMAT = 2;

export interface UmlImages {
  /** initramfs, to which an archive of a machine's own may be appended. */
  readonly initrd: string;
  /** squashfs of the kernel's modules, to be mounted at /lib/modules/<version>. */
  readonly modules: string;
}

/**
 * The images for the kernel that is installed here. `installerInitrd` is that of the embedded base: busybox, mdadm and
 * the shell functions come from it, so that nothing of this computer's own system gets into a machine.
 * @throws {MissingError} when the kernel's modules are not there.
 */
export async function obtainUmlImages(
  installerInitrd: string,
  { exec, cache }: Pick<Context, 'exec' | 'cache'>,
): Promise<UmlImages> {
  const modules = await moduleFolder();
  const key = hashText(
    JSON.stringify({
      format: FORMAT,
      init: UML_INIT,
      installer: await hashFile(installerInitrd),
      kernel: basename(modules),
      modules: await hashFile(join(modules, 'modules.dep')),
    }),
  );
  const { dir } = await cache.obtain('uml', key, async (folder) => {
    const base = await readFile(installerInitrd);
    await writeFile(join(folder, 'initrd'), joinArchives([base, cpioArchive(await ownFiles(modules))]));
    // It stays on this computer: quick to pack counts, not small.
    const how = ['-comp', 'lz4', '-quiet', '-no-progress', '-all-root'];
    const packed = join(folder, 'modules.squashfs');
    await exec({ file: 'mksquashfs', args: [modules, packed, ...how], effect: 'write' });
  });
  return { initrd: join(dir, 'initrd'), modules: join(dir, 'modules.squashfs') };
}

async function moduleFolder(): Promise<string> {
  const versions = existsSync(MODULES) ? await readdir(MODULES) : [];
  const [version] = versions;
  if (version === undefined || versions.length > 1) {
    throw new MissingError(
      `${MODULES} holds ${versions.length === 0 ? 'no modules' : `${versions.length} versions (${versions.join(', ')})`}, not those of one kernel`,
      'apt-get install --no-install-recommends -y user-mode-linux',
    );
  }
  return join(MODULES, version);
}

/** The numbers keep the order of loading in a sorted listing. */
async function ownFiles(modules: string): Promise<readonly ArchiveFile[]> {
  const early = EARLY_MODULES.map(async (path, i) => ({
    path: `uml/${i}-${basename(path)}`,
    content: await readFile(join(modules, path)),
    mode: 0o644,
  }));
  return [{ path: 'init', content: UML_INIT, mode: 0o755 }, ...(await Promise.all(early))];
}
