/** Rules about which disks are touched, and by which name. */
import { diskName, lastValue } from '../storage.ts';
import type { PracticeRule } from '../types.ts';

/** Names that depend on the order in which the kernel finds the disks. */
const KERNEL_NAME = /^([shv]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)(p?\d+)?$/;

export const DISK_RULES: readonly PracticeRule[] = [
  {
    name: 'clearpart-all-disks',
    severity: 'warning',
    title: 'clearpart --all comes with ignoredisk --only-use.',
    why: 'It clears every disk the installer can see: the install stick, a SAN volume, the disk with the data.',
    remedy: 'add `ignoredisk --only-use=DISK,DISK` with the disks that may be cleared',
    wrong: 'clearpart --all --initlabel',
    right: `ignoredisk --only-use=disk/by-id/ata-A,disk/by-id/ata-B
clearpart --all --initlabel`,
    check: ({ storage }) => {
      const limited = storage.commands('ignoredisk').some((line) => line.options.has('--only-use'));
      if (limited || storage.open) return [];
      return storage
        .commands('clearpart')
        .filter((line) => line.options.has('--all') && !line.options.has('--drives'))
        .map((line) => ({
          at: line.options.get('--all')?.[0]?.option ?? line,
          message: 'every disk in sight is cleared',
        }));
    },
  },
  {
    name: 'unstable-disk-name',
    severity: 'warning',
    title: 'Disks are named by what they are, not by the order they were found in.',
    why: 'sda is whatever answers first. With another controller, a USB stick or a slow disk it is another disk, and clearpart takes it.',
    remedy: 'write disk/by-id/… as `ls -l /dev/disk/by-id` shows it',
    wrong: 'part / --fstype=xfs --size=4096 --ondisk=sda',
    right: 'part / --fstype=xfs --size=4096 --ondisk=disk/by-id/ata-QEMU_HARDDISK_QM00001',
    check: ({ storage }) => {
      const existing = storage
        .commands('part', 'partition')
        .flatMap((line) => lastValue(line, '--onpart') ?? []);
      const seen = new Set<string>();
      return [...storage.diskWords, ...existing].flatMap((word) => {
        const name = diskName(word.text);
        if (!KERNEL_NAME.test(name) || seen.has(name)) return [];
        seen.add(name);
        return [{ at: word, message: `'${word.text}' may be another disk at the next boot` }];
      });
    },
  },
];
