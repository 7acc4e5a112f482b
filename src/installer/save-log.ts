/** Keeps the log of an installation that failed where it can be read without this machine's memory. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Machine } from '../engine/machine.ts';
import { readFileSystem } from '../storage/file-system.ts';
import { onTarget, TARGET } from './installation.ts';

/** On the installed system. */
export const TARGET_LOG = '/var/log/slipway/installer.log';

/** Labels of volumes that take the log: the one that brings kickstarts, and one for nothing else. */
export const LOG_LABELS: readonly string[] = ['OEMDRV', 'SLIPWAYLOG'];
const FOLDER = '/run/slipway/log-volume';
const NAME = 'slipway-installer.log';

/** Milliseconds for one place: a disk that died may never answer, and the shell must come. */
const PATIENCE_MS = 30_000;

/** File systems that take a file without harm to what else is on them. */
const WRITABLE = ['vfat', 'ext2', 'ext3', 'ext4', 'xfs'];

/**
 * Writes the log to the target, if one is mounted, and to the volumes with a label for it that can be written. The
 * medium itself is an ISO 9660 file system, on a stick too, and takes nothing.
 * Never rejects: the failure itself is what must be told.
 * @returns where it was written, in words
 */
export async function saveLog(machine: Machine, lines: readonly string[]): Promise<readonly string[]> {
  const text = `${lines.join('\n')}\n`;
  const saved: string[] = [];
  const attempt = async (where: string, work: () => Promise<boolean>): Promise<void> => {
    const late = delay(PATIENCE_MS, false, { ref: false });
    if (await Promise.race([work().catch(() => false), late])) saved.push(where);
  };
  await attempt(`${TARGET_LOG} of the target`, async () => {
    const mounts = (await machine.readFile('/proc/self/mounts')) ?? '';
    if (!mounts.split('\n').some((line) => line.split(' ')[1] === TARGET)) return false;
    await machine.writeFile(onTarget(TARGET_LOG), text);
    return true;
  });
  for (const label of LOG_LABELS) {
    await attempt(`${NAME} on the volume ${label}`, () =>
      toVolume(machine, `/dev/disk/by-label/${label}`, text),
    );
  }
  return saved;
}

async function toVolume(machine: Machine, volume: string, text: string): Promise<boolean> {
  const device = await machine.realPath(volume);
  if (device === undefined) return false;
  const type = (await readFileSystem(machine, device))?.type;
  if (type === undefined || !WRITABLE.includes(type)) return false;
  await machine.exec({ file: 'mkdir', args: ['-p', FOLDER], effect: 'write' });
  await machine.exec({ file: 'mount', args: ['-t', type, device, FOLDER], effect: 'write' });
  try {
    await machine.writeFile(`${FOLDER}/${NAME}`, text);
  } finally {
    await machine.exec({ file: 'umount', args: [FOLDER], effect: 'write' });
  }
  return true;
}
