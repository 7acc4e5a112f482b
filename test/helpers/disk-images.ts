/** Disks as an installation leaves them, made by the real tools and kept in memory. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeTempDir } from './tmp.ts';

const SECTOR = 512;
const MIB = 1 << 20;

export const START = { biosboot: 2048, esp: 4096, boot: 12_288, root: 14_336 } as const;
export const DISK_BYTES = 9 * MIB;
const ESP_BYTES = 4 * MIB;
const BOOT_BYTES = MIB;
const ROOT_BYTES = MIB;

/** A folder for `use`, removed afterwards. */
function inFolder<T>(use: (dir: string) => T): T {
  const dir = makeTempDir('slipway-disk-');
  try {
    return use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const tool = (file: string, args: readonly string[], input = ''): void => {
  execFileSync(file, args, {
    input,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
  });
};

/** Runs sfdisk on an image. A kernel that is told of the table writes out every disk of the machine first. */
export const sfdisk = (args: readonly string[], script: string): void =>
  tool('sfdisk', ['--no-tell-kernel', ...args], script);

/** Bytes of an empty disk on which sfdisk was run with these arguments. */
export function diskWithTable(bytes: number, script: string, args: readonly string[] = ['--quiet']): Buffer {
  return inFolder((dir) => {
    const image = join(dir, 'disk.img');
    writeFileSync(image, '');
    truncateSync(image, bytes);
    sfdisk([...args, image], script);
    return readFileSync(image);
  });
}

/** Bytes of an empty disk with a GPT: four partitions, their GUIDs made from `n` (one digit). */
export function partitionedDisk(n: number): Buffer {
  const uuid = (i: number): string => `0000000${i}-0000-4000-8000-00000000000${n}`;
  const partition = (i: number, start: number, bytes: number, type: string, name: string): string =>
    `start=${start},size=${bytes / SECTOR},type=${type},name=${name},uuid=${uuid(i)}`;
  const raid = 'A19D880F-05FC-4D3B-A006-743F0F84911E';
  const script = [
    'label: gpt',
    `label-id: ${uuid(0)}`,
    partition(1, START.biosboot, MIB, '21686148-6449-6E6F-744E-656564454649', 'slipway-biosboot'),
    partition(2, START.esp, ESP_BYTES, 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B', 'slipway-esp'),
    partition(3, START.boot, BOOT_BYTES, raid, 'slipway-boot'),
    partition(4, START.root, ROOT_BYTES, raid, 'slipway-root'),
  ];
  return diskWithTable(DISK_BYTES, `${script.join('\n')}\n`);
}

/** Bytes of a FAT file system with these files. `bits`: 12, 16 or 32. */
export function fatImage(
  bytes: number,
  bits: 12 | 16 | 32,
  files: Readonly<Record<string, string | Uint8Array>>,
): Buffer {
  return inFolder((dir) => {
    const image = join(dir, 'fat.img');
    writeFileSync(image, '');
    truncateSync(image, bytes);
    tool('mkfs.vfat', ['-F', String(bits), '-s', '1', '-i', '1A2B3C4D', image]);
    const tree = join(dir, 'tree');
    mkdirSync(tree);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), content);
    }
    const tops = [...new Set(Object.keys(files).map((path) => path.split('/')[0] ?? ''))];
    if (tops.length > 0) tool('mcopy', ['-s', '-i', image, ...tops.map((top) => join(tree, top)), '::/']);
    return readFileSync(image);
  });
}

const LOADER = Buffer.concat([Buffer.from('MZ'), Buffer.alloc(70_000, 'shim')]);
/** Large enough for 512-byte clusters of FAT16 and small enough to be made in no time. */
export const espImage = (files: Readonly<Record<string, string | Uint8Array>>): Buffer =>
  fatImage(3 * MIB, 16, files);
export const ESP_FILES = { 'EFI/BOOT/BOOTX64.EFI': LOADER, 'EFI/debian/grub.cfg': 'configfile\n' };

/** What grub-install reads: boot.img and core.img, as far as the proof looks at them. */
export const BOOT_IMG = Buffer.alloc(512, 'boot code of GRUB');
export const CORE_IMG = Buffer.alloc(3_333, 'core image of GRUB');
BOOT_IMG.fill(0, 3, 90);
BOOT_IMG.writeBigUInt64LE(1n, 92);

/** Writes the boot loader onto a disk as grub-install does (measured: GRUB 2.06). */
export function installGrub(disk: Buffer, start: number = START.biosboot): void {
  BOOT_IMG.copy(disk, 0, 0, 440);
  disk.writeBigUInt64LE(BigInt(start), 92);
  disk.writeUInt16LE(0x9090, 102);
  CORE_IMG.copy(disk, start * SECTOR);
  disk.writeBigUInt64LE(BigInt(start + 1), start * SECTOR + 500);
  disk.writeUInt16LE(0x6d, start * SECTOR + 508);
  disk.writeUInt32LE(0x6e9d, start * SECTOR + 528);
}

/** Writes an md superblock of format 1.0 into the member that lies at `start`. */
export function writeMdSuperblock(
  disk: Buffer,
  start: number,
  sectors: number,
  name: string,
  uuid: string,
): void {
  const sector = Math.floor((sectors - 16) / 8) * 8;
  const at = (start + sector) * SECTOR;
  disk.fill(0, at, at + 256);
  disk.writeUInt32LE(0xa92b4efc, at);
  disk.writeUInt32LE(1, at + 4);
  Buffer.from(uuid.replaceAll(':', ''), 'hex').copy(disk, at + 16);
  disk.write(`any:${name}`, at + 32, 'latin1');
  disk.writeInt32LE(1, at + 72);
  disk.writeUInt32LE(2, at + 92);
  disk.writeBigUInt64LE(BigInt(sector), at + 144);
}

export const MEMBER_SECTORS = {
  esp: ESP_BYTES / SECTOR,
  boot: BOOT_BYTES / SECTOR,
  root: ROOT_BYTES / SECTOR,
} as const;

export const ARRAY_UUID = {
  esp: 'e5e5e5e5:00000000:00000000:00000001',
  boot: 'b0b0b0b0:00000000:00000000:00000002',
  root: 'a0a0a0a0:00000000:00000000:00000003',
} as const;

/** A disk as the embedded installer leaves it: GPT, boot loader, ESP, md superblocks. */
export function installedDisk(n: number): Buffer {
  const disk = partitionedDisk(n);
  installGrub(disk);
  espImage(ESP_FILES).copy(disk, START.esp * SECTOR);
  for (const role of ['esp', 'boot', 'root'] as const) {
    writeMdSuperblock(disk, START[role], MEMBER_SECTORS[role], role, ARRAY_UUID[role]);
  }
  return disk;
}
