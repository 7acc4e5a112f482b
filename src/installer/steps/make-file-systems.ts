import type { Command } from '../../engine/command.ts';
import type { Step } from '../../engine/step.ts';
import { readFileSystem } from '../../storage/file-system.ts';
import type { Installation } from '../installation.ts';
import { madeHere } from '../made-here.ts';
import type { ModelFileSystem, StorageModel } from '../model.ts';

const formatted = madeHere();

/** Makes file systems and swap areas; those of btrfs have a step of their own. */
export const makeFileSystems: Step<Installation> = {
  id: 'make-file-systems',
  title: 'Make the file systems',
  after: ['encrypt-volumes'],
  async check(machine, { model }) {
    for (const want of onDevices(model)) {
      const have = await readFileSystem(machine, want.device);
      if (have?.type !== want.type) {
        return { done: false, why: `${want.device} holds ${have?.type ?? 'nothing'}, not ${want.type}` };
      }
      if (!want.keep && !formatted.has(model, want.device)) {
        return { done: false, why: `${want.device} holds what it held before` };
      }
      if (want.label !== undefined && have.label !== want.label) {
        return { done: false, why: `${want.device} is labelled '${have.label}'` };
      }
    }
    const evidence = model.fileSystems.map(({ type, mountPoint }) => `${mountPoint ?? type}: ${type}`);
    return { done: true, evidence: { fileSystems: evidence } };
  },
  async apply(machine, { model }, say) {
    for (const fileSystem of onDevices(model)) {
      if (fileSystem.keep) continue;
      say(`${fileSystem.type} on ${fileSystem.device}`);
      await machine.exec(makeCommand(fileSystem));
      formatted.add(model, fileSystem.device);
    }
    // Scripts ask lsblk, which asks udev, which may not have looked since.
    const devices = onDevices(model).map(({ device }) => device);
    await machine.exec({
      file: 'udevadm',
      args: ['trigger', '--action=change', '--settle', ...devices],
      effect: 'read',
    });
  },
};

/** Those that lie on a device and are made here, or kept. */
const onDevices = ({ fileSystems }: StorageModel): readonly ModelFileSystem[] =>
  fileSystems.filter(({ type, keep }) => type !== 'tmpfs' && (type !== 'btrfs' || keep));

/** The call that makes a file system; forced, since the disk guard has judged what was there. */
export function makeCommand({ type, device, label, mkfsOptions }: ModelFileSystem): Command {
  const labelled = (flag: string): readonly string[] => (label === undefined ? [] : [flag, label]);
  const call = (file: string, ...args: readonly string[]): Command => ({
    file,
    args: [...args, ...mkfsOptions, device],
    effect: 'write',
    timeoutMs: 600_000,
  });
  switch (type) {
    case 'ext2':
    case 'ext3':
    case 'ext4':
      return call(`mkfs.${type}`, '-q', '-F', ...labelled('-L'));
    case 'xfs':
      return call('mkfs.xfs', '-q', '-f', ...labelled('-L'));
    case 'vfat':
      // FAT32 whatever the size: what the UEFI specification asks of a system partition on a hard disk.
      return call('mkfs.vfat', '-F', '32', ...labelled('-n'));
    case 'swap':
      return call('mkswap', '--force', ...labelled('--label'));
    case 'btrfs':
    case 'tmpfs':
      throw new Error(`${type} is not made on one device`);
  }
}
