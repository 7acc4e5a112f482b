/** What the runner needs of an install ISO, and the small images it hands to virtual machines beside it. */
import { copyFile, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Exec } from '../../src/engine/command.ts';
import { hashFile } from '../../src/host/hash.ts';
import { packageRoot } from '../../src/host/package-root.ts';

export interface Medium {
  readonly iso: string;
  /** SHA-256 of the ISO. */
  readonly hash: string;
  /** By which the installer's initramfs knows its medium. */
  readonly id: string;
  readonly kernel: string;
  readonly initrd: string;
  /** The payload. */
  readonly squashfs: string;
  /** Names of the packages in the payload. */
  readonly packages: ReadonlySet<string>;
}

/** Takes an ISO apart into `folder`. */
export async function openMedium(exec: Exec, iso: string, folder: string): Promise<Medium> {
  await mkdir(folder, { recursive: true });
  const wanted = {
    kernel: 'boot/vmlinuz',
    initrd: 'boot/installer.img',
    squashfs: 'slipway/base.squashfs',
    manifest: 'slipway/manifest.json',
  } as const;
  const at = (path: string): string => join(folder, path.replaceAll('/', '-'));
  await exec({
    file: 'xorriso',
    args: [
      ...['-osirrox', 'on', '-indev', iso],
      ...Object.values(wanted).flatMap((path) => ['-extract', `/${path}`, at(path)]),
    ],
    effect: 'write',
  });
  // What a disc holds is read-only, and so is what came from it.
  await exec({ file: 'chmod', args: ['u+w', ...Object.values(wanted).map(at)], effect: 'write' });
  const manifest: unknown = JSON.parse(await readFile(at(wanted.manifest), 'utf8'));
  return {
    iso,
    hash: await hashFile(iso),
    id: mediumId(await readIds(exec, iso)),
    kernel: at(wanted.kernel),
    initrd: at(wanted.initrd),
    squashfs: at(wanted.squashfs),
    packages: packageNames(manifest),
  };
}

const readIds = async (exec: Exec, iso: string): Promise<string> =>
  (
    await exec({
      file: 'xorriso',
      args: ['-indev', iso, '-find', '/slipway/id', '-type', 'f'],
      effect: 'read',
    })
  ).stdout;

function mediumId(listing: string): string {
  const id = /\/slipway\/id\/([0-9a-f]+)/.exec(listing)?.[1];
  if (id === undefined) throw new Error('the ISO has no /slipway/id: is it one of ours?');
  return id;
}

function packageNames(manifest: unknown): ReadonlySet<string> {
  if (typeof manifest !== 'object' || manifest === null || !('packages' in manifest)) return new Set();
  const { packages } = manifest;
  return new Set(typeof packages === 'object' && packages !== null ? Object.keys(packages) : []);
}

/** A disc with the label that installers look for kickstarts on, and `ks.cfg` on it. */
export async function kickstartVolume(exec: Exec, kickstart: string, folder: string): Promise<string> {
  const tree = join(folder, 'oemdrv');
  await mkdir(tree);
  await copyFile(kickstart, join(tree, 'ks.cfg'));
  const file = join(folder, 'oemdrv.iso');
  await exec({
    file: 'xorriso',
    args: ['-as', 'mkisofs', '-quiet', '-R', '-V', 'OEMDRV', '-o', file, tree],
    effect: 'write',
  });
  return file;
}

/**
 * The installer's initramfs with another process 1 for the live root: the reader of disks. The kernel unpacks
 * archives that follow each other, and the last file of a name stays (Documentation/driver-api/early-userspace).
 */
export async function readerInitrd(
  exec: Exec,
  medium: Medium,
  passphrases: readonly string[],
  folder: string,
): Promise<string> {
  const tree = join(folder, 'reader');
  await mkdir(tree);
  const script = await readFile(join(packageRoot(), 'test/kickstart-tests/reader.sh'), 'utf8');
  await writeFile(join(tree, 'live-init'), withPassphrases(script, passphrases), { mode: 0o755 });
  const archive = join(folder, 'reader.cpio');
  await exec({
    file: 'cpio',
    args: ['--create', '--format=newc', '--quiet', '--directory', tree, '--file', archive],
    stdin: 'live-init\n',
    effect: 'write',
  });
  const file = join(folder, 'reader.img');
  await copyFile(medium.initrd, file);
  const image = await open(file, 'a');
  try {
    const { size } = await image.stat();
    // An archive begins at a multiple of four.
    await image.write(Buffer.alloc((4 - (size % 4)) % 4));
    await image.write(await readFile(archive));
  } finally {
    await image.close();
  }
  return file;
}

/** Behind the line that names the interpreter: the passphrases as an array of the shell. */
export function withPassphrases(script: string, passphrases: readonly string[]): string {
  const quoted = passphrases.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  return script.replace(/\n/, () => `\npassphrases=(${quoted})\n`);
}

/** Every `--passphrase` of a kickstart. */
export function passphrasesOf(kickstart: string): readonly string[] {
  const found = kickstart.matchAll(/--passphrase[= ](?:"([^"]*)"|'([^']*)'|(\S+))/g);
  return [...new Set([...found].map(([, double, single, plain]) => double ?? single ?? plain ?? ''))];
}
