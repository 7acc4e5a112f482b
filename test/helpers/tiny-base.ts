/**
 * A base in miniature: the real boot loaders, if this machine has them, and instead of the installer an initramfs that
 * prints its kernel command line and powers off. Boot paths can be tried with it in seconds.
 */
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Exec } from '../../src/engine/command.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { GRUB_EARLY_CONFIG, grubElToritoCommand } from '../../src/media/grub-image.ts';
import type { BaseArtefact, IsoInputs } from '../../src/media/types.ts';
import { makePlan } from '../../src/plan/plan.ts';
import type { MediaPlan, Plan } from '../../src/plan/types.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { efiProgram } from './efi-program.ts';

export const HOST = {
  biosModules: '/usr/lib/grub/i386-pc',
  shim: '/usr/lib/shim/shimx64.efi.signed',
  mokManager: '/usr/lib/shim/mmx64.efi.signed',
  grubEfi: '/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed',
} as const;

/** The plan of a spec in examples/, with another boot menu if wanted. */
export async function examplePlan(example: string, media: Partial<MediaPlan> = {}): Promise<Plan> {
  const file = join(packageRoot(), 'examples', `${example}.yaml`);
  const plan = makePlan((await loadSpec(file)).spec, dirname(file));
  return { ...plan, media: { ...plan.media, ...media } };
}

/** What goes onto a medium beside a base: a kickstart a node, a repository of one file, an installer of one line. */
export async function tinyInputs(dir: string, plan: Plan, base: BaseArtefact): Promise<IsoInputs> {
  const repository = join(dir, 'repo');
  const installer = join(dir, 'installer.mjs');
  await mkdir(join(repository, 'repodata'), { recursive: true });
  await writeFile(join(repository, 'repodata', 'repomd.xml'), '<repomd/>\n');
  await writeFile(installer, 'process.exit();\n');
  return {
    plan,
    kickstarts: plan.nodes.map(({ name }) => ({ node: name, text: `# kickstart of ${name}\n` })),
    repository,
    base,
    installer,
    out: join(dir, 'out', `${plan.cluster}.iso`),
    sourceDateEpoch: 1_750_000_000,
  };
}

/** Packages of the files above and of the initramfs. */
const BOOT_PACKAGES = 'grub-common grub-pc-bin grub-efi-amd64-signed shim-signed busybox-static';

/** What keeps this machine from making a bootable base; undefined when nothing does. */
export function whyNotBootable(): string | undefined {
  const missing = [...Object.values(HOST), '/usr/bin/grub-mkimage', '/bin/busybox'].filter(
    (p) => !existsSync(p),
  );
  return missing.length === 0 ? undefined : `${missing.join(', ')} missing: apt-get install ${BOOT_PACKAGES}`;
}

/** A base whose files have the right names and sizes and nothing in them that runs: for tests of structure. */
export async function standInBase(dir: string): Promise<BaseArtefact> {
  await mkdir(join(dir, 'i386-pc'), { recursive: true });
  await writeFile(join(dir, 'i386-pc', 'normal.mod'), 'module\n');
  const put = async (name: string, content: Buffer): Promise<string> => {
    const path = join(dir, name);
    await writeFile(path, content);
    return path;
  };
  const file = (name: string, bytes: number): Promise<string> => put(name, Buffer.alloc(bytes, `${name} `));
  return {
    id: 'a'.repeat(64),
    dir,
    squashfs: await file('base.squashfs', 300_000),
    kernel: await file('vmlinuz', 50_000),
    kernelVersion: '6.1.0-0-amd64',
    installerInitrd: await file('installer.img', 40_000),
    boot: {
      eltorito: await file('eltorito.img', 60_000),
      hybridMbr: await file('boot_hybrid.img', 512),
      shim: await put('shim.efi', efiProgram(900_000)),
      mokManager: await put('mm.efi', efiProgram(800_000)),
      grubEfi: await put('grub.efi', efiProgram(3_900_000, '/boot/grub')),
      biosModules: join(dir, 'i386-pc'),
    },
    packages: { 'base-files': '12.4+deb12u12' },
    sbom: await file('base.spdx.json', 100),
  };
}

/** A base that boots and powers off; see {@link whyNotBootable}. Debian's kernel is downloaded once. */
export async function tinyBase(dir: string, exec: Exec): Promise<BaseArtefact> {
  const standIn = await standInBase(dir);
  const earlyConfig = join(dir, 'early.cfg');
  const eltorito = join(dir, 'eltorito.img');
  await writeFile(earlyConfig, GRUB_EARLY_CONFIG);
  await exec(grubElToritoCommand({ modules: HOST.biosModules, earlyConfig, out: eltorito }));
  const kernel = await debianKernel(exec);
  return {
    ...standIn,
    kernel,
    installerInitrd: await talkingInitrd(dir, exec),
    boot: { ...HOST, eltorito, hybridMbr: join(HOST.biosModules, 'boot_hybrid.img') },
  };
}

/** Debian's signed cloud kernel: has virtio and the serial console built in. */
export async function debianKernel(exec: Exec): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'slipway-test');
  const kernel = join(cache, 'vmlinuz-cloud-amd64');
  if (existsSync(kernel)) return kernel;
  const work = join(cache, `kernel.${process.pid}`);
  await mkdir(work, { recursive: true });
  const depends = await exec({
    file: 'apt-cache',
    args: ['depends', 'linux-image-cloud-amd64'],
    effect: 'read',
  });
  const name = /Depends: (linux-image-\S+)/.exec(depends.stdout)?.[1];
  if (name === undefined) throw new Error('apt knows no linux-image-cloud-amd64');
  await exec({ file: 'apt-get', args: ['download', name], cwd: work, effect: 'write' });
  const deb = (await readdir(work)).find((each) => each.endsWith('.deb')) ?? '';
  await exec({ file: 'dpkg-deb', args: ['-x', deb, 'x'], cwd: work, effect: 'write' });
  const image = (await readdir(join(work, 'x/boot'))).find((each) => each.startsWith('vmlinuz-')) ?? '';
  await copyFile(join(work, 'x/boot', image), kernel);
  return kernel;
}

const INIT = `#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
exec >/dev/ttyS0 2>&1
echo "tiny: $(cat /proc/cmdline)"
[ -d /sys/firmware/efi ] || mount -t sysfs sys /sys
echo "tiny: firmware $([ -d /sys/firmware/efi ] && echo uefi || echo bios)"
sync
poweroff -f
`;

export async function talkingInitrd(dir: string, exec: Exec): Promise<string> {
  const root = join(dir, 'initrd');
  for (const folder of ['bin', 'proc', 'dev', 'sys']) await mkdir(join(root, folder), { recursive: true });
  await copyFile('/bin/busybox', join(root, 'bin/busybox'));
  for (const applet of ['sh', 'mount', 'cat', 'echo', 'sync', 'poweroff', '[']) {
    await symlink('busybox', join(root, 'bin', applet)).catch(() => undefined);
  }
  await writeFile(join(root, 'init'), INIT);
  await chmod(join(root, 'init'), 0o755);
  const out = join(dir, 'installer.img');
  await exec({
    file: 'sh',
    args: ['-c', 'cd "$1" && find . | cpio --quiet -o -H newc | gzip -1 >"$2"', 'sh', root, out],
    effect: 'write',
  });
  return out;
}
