/**
 * An installer in whose system md hardly copies anything until somebody waits for it: an installation that was to be
 * caught at a few percent of /boot goes on at its own speed, on a busy computer as well.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { cpioArchive, joinArchives } from '../cpio.ts';
import type { LabKernel } from '../engine.ts';

/**
 * KiB/s for each array (Linux, Documentation/admin-guide/md.rst). The installer raises both limits when it begins to
 * wait for its arrays.
 */
const LIMITS = { speed_limit_min: 100, speed_limit_max: 500 } as const;

/** What the live root does before all else. The driver has no limits before it is loaded, and no parameter for them. */
const HEAD = [
  '#!/bin/bash',
  'modprobe md_mod',
  ...Object.entries(LIMITS).map(([name, speed]) => `echo ${speed} >/proc/sys/dev/raid/${name}`),
  '',
].join('\n');

/** Puts it in front of the live root's first process, which the initramfs brings along. */
const FIRST = `#!/bin/sh
cat /slow-resync /live-init >/live-init.new
chmod 0755 /live-init.new
mv /live-init.new /live-init
exec /init
`;

/** `kernel` as the ISO has it; `initrd`: absolute path of the file that is written for it. */
export async function slowResync(kernel: LabKernel, initrd: string): Promise<LabKernel> {
  const own = cpioArchive([
    { path: 'slow-resync', content: HEAD, mode: 0o644 },
    { path: 'slow-first', content: FIRST, mode: 0o755 },
  ]);
  await writeFile(initrd, joinArchives([await readFile(kernel.initrd), own]));
  return { ...kernel, initrd, commandLine: `${kernel.commandLine} rdinit=/slow-first` };
}
