/** The calls that make the embedded base; pure, so that they can be asserted whole. */
import type { Command } from '../../engine/command.ts';
import { type BaseRecipe, BUILD_FOLDER, CLUSTER_SCRIPT } from './recipe.ts';

export interface BaseBuildPaths {
  /** Folder on this machine with the build files; its last component becomes {@link BUILD_FOLDER}'s name. */
  readonly buildFolder: string;
  /** Where `customize.sh`'s results arrive, one tar file. */
  readonly results: string;
  /** The base's file tree as a tar file. */
  readonly tree: string;
}

/** Milliseconds; most of it is the mirror's time. */
const MMDEBSTRAP_TIMEOUT_MS = 20 * 60_000;

/**
 * mmdebstrap makes a Debian tree as root or, without root, in a user namespace (`unshare`): both give the same files.
 * `INITRD=No` keeps Debian's kernel package from making an initramfs of its own, which ours replaces.
 */
export function mmdebstrapCommand(
  recipe: BaseRecipe,
  paths: BaseBuildPaths,
  options: { readonly root: boolean; readonly sourceDateEpoch: number; readonly cluster?: boolean },
): Command {
  const epoch = String(options.sourceDateEpoch);
  const packages = [...new Set(Object.values(recipe.packages).flat())].sort();
  return {
    file: 'mmdebstrap',
    effect: 'write',
    timeoutMs: MMDEBSTRAP_TIMEOUT_MS,
    env: { SOURCE_DATE_EPOCH: epoch, INITRD: 'No' },
    args: [
      `--mode=${options.root ? 'root' : 'unshare'}`,
      '--variant=minbase',
      '--format=tar',
      `--components=${recipe.components}`,
      `--include=${packages.join(',')}`,
      '--aptopt=APT::Install-Recommends "false"',
      ...recipe.pathExclude.map((glob) => `--dpkgopt=path-exclude=${glob}`),
      ...recipe.pathInclude.map((glob) => `--dpkgopt=path-include=${glob}`),
      `--customize-hook=copy-in ${paths.buildFolder} /`,
      ...(options.cluster ? [`--customize-hook=chroot "$1" bash ${BUILD_FOLDER}/${CLUSTER_SCRIPT}`] : []),
      `--customize-hook=SOURCE_DATE_EPOCH=${epoch} chroot "$1" bash ${BUILD_FOLDER}/customize.sh`,
      `--customize-hook=download ${BUILD_FOLDER}/out.tar ${paths.results}`,
      `--customize-hook=rm -rf "$1${BUILD_FOLDER}"`,
      // SQLite's index of a log that is empty: made anew by whoever opens the database, and never the same twice.
      '--customize-hook=rm -f "$1"/root/.rpmdb/rpmdb.sqlite-shm',
      recipe.suite,
      paths.tree,
    ],
  };
}

/**
 * The one squashfs. zstd at its default level (15) and 128 KiB blocks: xz saves a further tenth and makes unpacking
 * three times slower, which every installation would pay. sqfstar 4.5 takes the argument of -Xcompression-level for
 * the name of the file system, so the level cannot be given.
 */
export function squashfsCommand(tree: string, out: string, sourceDateEpoch: number): Command {
  return {
    file: 'sqfstar',
    effect: 'write',
    timeoutMs: 10 * 60_000,
    stdinFile: tree,
    // Not -mkfs-time, which leaves the root folder, as it is not in the archive, with the time of the build.
    env: { SOURCE_DATE_EPOCH: String(sourceDateEpoch) },
    args: [
      ...['-comp', 'zstd'],
      // The root folder itself is not in the archive, and sqfstar would let everybody write to it.
      ...['-root-mode', '0755', '-quiet', '-no-progress', out],
    ],
  };
}
