/** What flows into and out of the media room. */
import { KEY_FILE } from '../artefact/key-file.ts';
import type { Plan } from '../plan/types.ts';

/** The embedded base, built once per hash of its inputs and kept in the cache. All paths are absolute. */
export interface BaseArtefact {
  /** SHA-256 (hex) of everything it was built from. */
  readonly id: string;
  readonly dir: string;
  /** Live root of the installer and payload of the installed node. */
  readonly squashfs: string;
  /** Debian's signed kernel. */
  readonly kernel: string;
  readonly kernelVersion: string;
  /** initramfs that finds the medium and starts the installer. */
  readonly installerInitrd: string;
  readonly boot: BootFiles;
  /** Name → version of every Debian package inside. */
  readonly packages: Readonly<Record<string, string>>;
  /** What is inside, as an SPDX document. */
  readonly sbom: string;
}

/** Boot loader files, all taken from Debian's packages of the base. */
export interface BootFiles {
  /** GRUB El Torito image for BIOS (cdboot.img + core), needs `--grub2-boot-info`. */
  readonly eltorito: string;
  /** `boot_hybrid.img`, MBR code for USB sticks. */
  readonly hybridMbr: string;
  readonly shim: string;
  /** MokManager, beside the shim. */
  readonly mokManager: string;
  /** Debian's signed GRUB for CDs (`gcdx64.efi.signed`). */
  readonly grubEfi: string;
  /** Folder of i386-pc modules for `boot/grub/i386-pc`. */
  readonly biosModules: string;
}

export interface KickstartArtefact {
  readonly node: string;
  readonly text: string;
}

/** A file or a whole folder of this machine and where it lies on the medium. */
export interface MediumEntry {
  /** Relative to the medium's root. */
  readonly path: string;
  /** Absolute. */
  readonly source: string;
}

export interface IsoInputs {
  readonly plan: Plan;
  readonly kickstarts: readonly KickstartArtefact[];
  /** Folder with the RPMs and their repodata. */
  readonly repository: string;
  readonly base: BaseArtefact;
  /** The bundled installer, `installer.mjs`. */
  readonly installer: string;
  /** The user's own files and keys; they take the place of none of ours. */
  readonly files?: readonly MediumEntry[];
  /** Where the ISO goes; written under a temporary name and renamed. */
  readonly out: string;
  /** The folder to write it in; default that of `out`. */
  readonly work?: string;
  /** Seconds since the epoch; stamps every file on the medium. */
  readonly sourceDateEpoch: number;
}

export interface IsoResult {
  readonly iso: string;
  readonly manifest: string;
  readonly checksum: string;
  /** What is in the embedded base, where there is one. */
  readonly sbom?: string;
  readonly bytes: number;
  readonly sha256: string;
  /** `slipway.medium=` of the kernel command line. */
  readonly buildId: string;
  /** The ISO was there already, made from the same inputs. */
  readonly reused: boolean;
}

/**
 * Where things lie on the medium. The installer mounts it at /run/install/repo, as Anaconda does, so kickstarts
 * name the same paths under both.
 */
export const MEDIUM = {
  mountPoint: '/run/install/repo',
  plan: 'slipway/plan.json',
  node: (name: string) => `slipway/nodes/${name}.json`,
  kickstart: (name: string) => `slipway/ks/${name}.ks`,
  repository: 'slipway/repo',
  /** The public key of our repository, when it is signed. */
  signingKey: `slipway/repo/${KEY_FILE}`,
  /** The public key of one of the plan's repositories. */
  key: (repository: string) => `slipway/keys/${repository}.asc`,
  squashfs: 'slipway/base.squashfs',
  installer: 'slipway/installer.mjs',
  manifest: 'slipway/manifest.json',
  /** A file whose name is unique to one build, so that boot loaders find their own medium and no other. */
  id: (buildId: string) => `slipway/id/${buildId}`,
  kernel: 'boot/vmlinuz',
  initrd: 'boot/installer.img',
  eltorito: 'boot/eltorito.img',
  /** Boot sector that "Boot from disk" hands over to under BIOS. */
  bootDisk: 'boot/disk.bin',
  /** The one boot menu; every other copy leads here. */
  grubConfig: 'boot/grub/grub.cfg',
  biosModules: 'boot/grub/i386-pc',
} as const;
