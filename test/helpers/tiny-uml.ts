/** A system in miniature for User-Mode Linux: busybox and a script as process 1. It is up within two seconds. */
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openCache } from '../../src/host/cache.ts';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { obtainUmlImages, type UmlImages } from '../../src/lab/uml-images.ts';

/**
 * Says its name and how often it has been started, sets its card up if it is told an address, and then does what is
 * typed, a line at a time.
 */
const INIT = `#!/bin/sh
export PATH=/bin
busybox --install -s /bin 2>/dev/null
name=$(cat /etc/hostname)
boots=$(($(cat /var/boots 2>/dev/null) + 1))
echo $boots >/var/boots
sync
[ ! -e /etc/address ] || { ip address add "$(cat /etc/address)" dev vec0; ip link set vec0 up; }
echo "$name login: start $boots, modules $(ls -d /lib/modules/*/kernel)"
while read -r line; do eval "$line"; done
`;

export interface TinyUml {
  readonly images: UmlImages;
  readonly squashfs: string;
}

export async function tinyUml(dir: string): Promise<TinyUml> {
  const exec = createExec();
  const root = join(dir, 'root');
  for (const folder of ['bin', 'dev', 'etc', 'lib/modules', 'proc', 'run', 'sbin', 'sys', 'var']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await copyFile('/bin/busybox', join(root, 'bin/busybox'));
  await symlink('busybox', join(root, 'bin/sh'));
  await writeFile(join(root, 'sbin/init'), INIT, { mode: 0o755 });
  const squashfs = join(dir, 'base.squashfs');
  const pack = { effect: 'write', cwd: dir } as const;
  await exec({ ...pack, file: 'mksquashfs', args: [root, squashfs, '-quiet', '-no-progress', '-all-root'] });

  const early = join(dir, 'early');
  for (const folder of ['bin', 'dev', 'proc', 'run', 'sys'])
    await mkdir(join(early, folder), { recursive: true });
  await copyFile('/bin/busybox', join(early, 'bin/busybox'));
  const lib = join(packageRoot(), 'iso/base/initramfs-lib.sh');
  await copyFile(lib, join(early, 'initramfs-lib.sh'));
  const applets = await exec({ file: '/bin/busybox', args: ['--list'], effect: 'read' });
  for (const applet of applets.stdout.split('\n').filter((name) => name !== '' && name !== 'busybox')) {
    await symlink('busybox', join(early, 'bin', applet));
  }
  const initrd = join(dir, 'installer.img');
  const script = 'find . -print0 | cpio --null -o -H newc --quiet --owner=0:0 >"$0"';
  await exec({ ...pack, file: 'sh', args: ['-c', script, initrd], cwd: early });
  return { images: await obtainUmlImages(initrd, { exec, cache: openCache(join(dir, 'cache')) }), squashfs };
}
