/** Rules about what makes a machine start, from either disk. */
import type { ArrayView, PartitionView, StorageView } from '../storage.ts';
import { lastValue } from '../storage.ts';
import type { LintView, PracticeFinding, PracticeRule } from '../types.ts';

/** The array that holds the kernel: /boot, or / where /boot is no file system of its own. */
function bootArray({ arrays, partitions, volumes }: StorageView): ArrayView | undefined {
  const boot = arrays.find(({ name }) => name === '/boot');
  if (boot !== undefined) return boot;
  const elsewhere = [...partitions.map(({ name }) => name), ...volumes.map(({ mountPoint }) => mountPoint)];
  return elsewhere.includes('/boot') ? undefined : arrays.find(({ name }) => name === '/');
}

function memberDisks(array: ArrayView, storage: StorageView): readonly (string | undefined)[] {
  return array.members.map(({ text }) => storage.partition(text)?.disk);
}

function isBiosBoot({ name, fileSystem }: PartitionView): boolean {
  return name === 'biosboot' || fileSystem === 'biosboot';
}

/** Whether the disks get a GPT: said so, implied by a biosboot, or the release's own choice. */
function usesGpt({ document, storage }: LintView): boolean {
  const label = storage
    .commands('clearpart')
    .map((line) => lastValue(line, '--disklabel')?.text)
    .find(Boolean);
  if (label !== undefined) return label === 'gpt';
  if (storage.partitions.some(isBiosBoot)) return true;
  return document.release !== 'rhel8' && document.release !== 'rhel9';
}

export const BOOT_RULES: readonly PracticeRule[] = [
  {
    name: 'biosboot-missing',
    severity: 'error',
    title: 'Every GPT disk that carries a member of the /boot array has a biosboot partition.',
    why: 'Under BIOS, GRUB keeps its core image in a biosboot partition of the very disk the firmware starts from. A disk without one boots nothing once the other has failed. RHEL 9 accepts such a kickstart in silence.',
    remedy:
      'add `part biosboot --fstype=biosboot --size=1 --ondisk=DISK`; for a second disk write `part None --fstype=biosboot`',
    wrong: `clearpart --all --disklabel=gpt --drives=ata-A,ata-B
part biosboot --fstype=biosboot --size=1 --ondisk=ata-A
part raid.11 --size=1024 --ondisk=ata-A
part raid.12 --size=1024 --ondisk=ata-B
raid /boot --device=boot --level=1 --fstype=ext4 raid.11 raid.12`,
    right: `clearpart --all --disklabel=gpt --drives=ata-A,ata-B
part biosboot --fstype=biosboot --size=1 --ondisk=ata-A
part None --fstype=biosboot --size=1 --ondisk=ata-B
part raid.11 --size=1024 --ondisk=ata-A
part raid.12 --size=1024 --ondisk=ata-B
raid /boot --device=boot --level=1 --fstype=ext4 raid.11 raid.12`,
    check(view) {
      const { storage } = view;
      const array = bootArray(storage);
      if (array === undefined || storage.open || !usesGpt(view)) return [];
      const have = new Set(storage.partitions.filter(isBiosBoot).map(({ disk }) => disk));
      // Without any biosboot but with an ESP the layout is meant for UEFI alone.
      if ((have.size === 0 && hasEsp(storage)) || have.has(undefined)) return [];
      const without = memberDisks(array, storage).filter((disk) => disk !== undefined && !have.has(disk));
      return [...new Set(without)].map((disk) => ({
        at: array.line,
        message: `${disk} carries a member of ${array.name}, but no biosboot partition`,
      }));
    },
  },
  {
    name: 'esp-raid-without-efi',
    severity: 'error',
    title: 'An array for /boot/efi says --fstype=efi.',
    why: 'Without it Anaconda puts its default file system there, which no firmware reads; the metadata also ends up in front of the file system.',
    remedy: 'add --fstype=efi',
    wrong: 'raid /boot/efi --device=efi --level=1 raid.01 raid.02',
    right: 'raid /boot/efi --device=efi --level=1 --fstype=efi raid.01 raid.02',
    check: ({ storage }) =>
      storage.arrays
        .filter(({ name, fileSystem, existing }) => name === '/boot/efi' && fileSystem !== 'efi' && !existing)
        .map(({ line }) => ({
          at: line.positionals[0] ?? line,
          message: 'the ESP array has no --fstype=efi',
        })),
  },
  {
    name: 'boot-raid-level',
    severity: 'error',
    title: '/boot and /boot/efi lie on RAID 1 when they lie on RAID.',
    why: 'Firmware and boot loader read one member as if it were a plain disk. Only RAID 1 members can be read that way; newer installers refuse the rest.',
    remedy: 'write --level=1',
    wrong: 'raid /boot --device=boot --level=5 --fstype=ext4 raid.11 raid.12 raid.13',
    right: 'raid /boot --device=boot --level=1 --fstype=ext4 raid.11 raid.12 raid.13',
    check: ({ storage }) =>
      storage.arrays
        .filter(
          ({ name, level }) =>
            (name === '/boot' || name === '/boot/efi') && level !== undefined && level !== '1',
        )
        .map(({ line, name, level }) => ({
          at: lastValue(line, '--level') ?? line,
          message: `${name} on RAID ${level} cannot be started from`,
        })),
  },
  {
    name: 'boot-loader-on-one-disk',
    severity: 'warning',
    title: 'What the firmware reads is as redundant as what it starts.',
    why: 'A mirrored system whose /boot or ESP lies on one disk, or whose boot loader is kept out of the disks, does not start when that disk is gone.',
    remedy: 'put /boot and /boot/efi on RAID 1 over the same disks, and leave --location at mbr',
    wrong: `part /boot/efi --fstype=efi --size=600 --ondisk=ata-A
part raid.11 --size=1024 --ondisk=ata-A
part raid.12 --size=1024 --ondisk=ata-B
raid /boot --device=boot --level=1 --fstype=ext4 raid.11 raid.12`,
    right: `part raid.01 --size=600 --ondisk=ata-A
part raid.02 --size=600 --ondisk=ata-B
raid /boot/efi --device=efi --level=1 --fstype=efi raid.01 raid.02
part raid.11 --size=1024 --ondisk=ata-A
part raid.12 --size=1024 --ondisk=ata-B
raid /boot --device=boot --level=1 --fstype=ext4 raid.11 raid.12`,
    check: ({ storage }) => [...loneBootPartitions(storage), ...displacedLoader(storage)],
  },
];

function hasEsp({ partitions, arrays }: StorageView): boolean {
  return [...partitions, ...arrays].some(({ name }) => name === '/boot/efi');
}

function loneBootPartitions(storage: StorageView): readonly PracticeFinding[] {
  const mirrored = storage.arrays.find(
    ({ level, name }) => level === '1' && (name === '/boot' || name === '/'),
  );
  if (mirrored === undefined) return [];
  return ['/boot', '/boot/efi'].flatMap((name) => {
    const [first, second] = storage.partitions.filter(
      (partition) => partition.name === name && !partition.existing,
    );
    if (first === undefined || second !== undefined) return [];
    return [
      {
        at: first.line.positionals[0] ?? first.line,
        message: `${name} lies on one disk while ${mirrored.name} is mirrored`,
      },
    ];
  });
}

function displacedLoader(storage: StorageView): readonly PracticeFinding[] {
  if (bootArray(storage)?.level !== '1') return [];
  return storage.commands('bootloader').flatMap((line) => {
    const location = lastValue(line, '--location');
    if (location?.text !== 'partition' && location?.text !== 'boot') return [];
    return [
      {
        at: location,
        message: `the boot loader in a partition is not installed on every disk of the mirror`,
      },
    ];
  });
}
