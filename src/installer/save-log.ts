/** Keeps the log of an installation that failed where it can be read without this machine's memory. */
import type { Machine } from '../engine/machine.ts';
import { readFileSystem } from '../storage/file-system.ts';
import { onTarget, TARGET } from './installation.ts';

/** On the installed system. */
export const TARGET_LOG = '/var/log/slipway/installer.log';

const VOLUME = '/dev/disk/by-label/OEMDRV';
const FOLDER = '/run/slipway/oemdrv';
const NAME = 'slipway-installer.log';

/** File systems that take a file without harm to what else is on them. */
const WRITABLE = ['vfat', 'ext2', 'ext3', 'ext4', 'xfs'];

/**
 * Writes the log to the target, if one is mounted, and to the volume OEMDRV, if there is one that can be written.
 * Never rejects: the failure itself is what must be told.
 * @returns where it was written, in words
 */
export async function saveLog(machine: Machine, lines: readonly string[]): Promise<readonly string[]> {
  const text = `${lines.join('\n')}\n`;
  const saved: string[] = [];
  const attempt = async (where: string, work: () => Promise<boolean>): Promise<void> => {
    if (await work().catch(() => false)) saved.push(where);
  };
  await attempt(`${TARGET_LOG} of the target`, async () => {
    const mounts = (await machine.readFile('/proc/self/mounts')) ?? '';
    if (!mounts.split('\n').some((line) => line.split(' ')[1] === TARGET)) return false;
    await machine.writeFile(onTarget(TARGET_LOG), text);
    return true;
  });
  await attempt(`${NAME} on the volume OEMDRV`, () => toVolume(machine, text));
  return saved;
}

async function toVolume(machine: Machine, text: string): Promise<boolean> {
  const device = await machine.realPath(VOLUME);
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
