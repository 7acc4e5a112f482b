/**
 * User-Mode Linux machines whose root is the host's own file tree, read-only: the host's programs on another kernel's
 * block devices. For what has to be tried on real md and needs no installed system.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MODULES = '/usr/lib/uml/modules';
const WANTED = ['drivers/md/md-mod.ko', 'drivers/md/raid1.ko'];

export interface UmlRun {
  /** A shell script for the guest; `/run/share` is `folder`. */
  readonly script: string;
  /** Image files: ubda, ubdb, … */
  readonly disks: readonly string[];
  /** A folder of the host that the guest may write to. */
  readonly folder: string;
  /** Pulls the plug as soon as a line of the console matches. */
  readonly plug?: RegExp;
  readonly timeoutMs?: number;
}

/** Starts a machine, runs the script and powers off, or is cut off; resolves with the console's text. */
export function runUml({ script, disks, folder, plug, timeoutMs = 120_000 }: UmlRun): Promise<string> {
  const init = join(folder, 'init');
  writeFileSync(init, initScript(script, folder), { mode: 0o755 });
  const args = [
    ...['mem=256M', 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro', `init=${init}`],
    ...disks.map((file, i) => `ubd${i}=${file}`),
    ...[`uml_dir=${folder}`, 'con=null', 'con0=null,fd:1', 'ssl=null', 'quiet'],
  ];
  return new Promise((resolve, reject) => {
    const child = spawn('linux.uml', args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const kill = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It is gone.
      }
    };
    const timer = setTimeout(() => {
      kill();
      reject(new Error(`the machine did not end within ${timeoutMs / 1000} s:\n${text}`));
    }, timeoutMs);
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (plug?.test(text)) kill();
    });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
}

function initScript(script: string, folder: string): string {
  const version = existsSync(MODULES) ? readdirSync(MODULES)[0] : undefined;
  if (version === undefined) throw new Error('User-Mode Linux is missing: apt-get install user-mode-linux');
  const insert = WANTED.map((name) => {
    const file = `${MODULES}/${version}/kernel/${name}`;
    return `[ ! -e ${file} ] || busybox insmod ${file}`;
  });
  return [
    '#!/bin/bash',
    'export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev',
    `mount -t tmpfs tmpfs /run; mkdir /run/share; mount -t hostfs -o ${folder} none /run/share`,
    ...insert,
    script,
    'sync; echo o > /proc/sysrq-trigger; sleep 9',
    '',
  ].join('\n');
}
