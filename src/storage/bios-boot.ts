/**
 * What GRUB's BIOS boot loader looks like on a disk: boot.img in the MBR, core.img in the BIOS boot partition.
 *
 * Offsets are those of grub-core/boot/i386/pc/boot.S and diskboot.S. What grub-install changes while it writes was
 * measured by comparing a disk with the files it was installed from (GRUB 2.06): MBR bytes 92-93 and 102-103, core
 * bytes 500-511 and 528-529.
 */

/** Boot code ends where the disk signature begins. */
export const BOOT_CODE_BYTES = 440;
/** Where the BIOS loads core.img from: a 64-bit sector number. */
const KERNEL_SECTOR = 92;
/** The last entry of core.img's first sector: start (64 bits), length and segment (16 bits each). */
const BLOCK_LIST = 500;

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Not boot code, or written by grub-install: BIOS parameter block, kernel sector, the drive check it patches out. */
const BOOT_MASK: readonly Range[] = [
  { from: 3, to: 90 },
  { from: KERNEL_SECTOR, to: KERNEL_SECTOR + 8 },
  { from: 102, to: 104 },
];
/** The block list, and the length of the Reed-Solomon redundancy that follows the image on the disk. */
const CORE_MASK: readonly Range[] = [
  { from: BLOCK_LIST, to: BLOCK_LIST + 12 },
  { from: 528, to: 532 },
];

export interface BiosLoaderFiles {
  readonly bootImage: Uint8Array;
  readonly coreImage: Uint8Array;
}

/**
 * Everything that keeps a disk from being booted by a BIOS: `mbr` holds its first 440 bytes, `core` the first bytes
 * of its BIOS boot partition, `start` that partition's first sector. An empty list is a proof.
 */
export function biosLoaderProblems(
  files: BiosLoaderFiles,
  mbr: Uint8Array,
  core: Uint8Array,
  start: number,
): readonly string[] {
  const problems: string[] = [];
  const inMbr = firstDifference(files.bootImage.subarray(0, BOOT_CODE_BYTES), mbr, BOOT_MASK);
  if (inMbr !== undefined)
    problems.push(`the boot code in the MBR is not boot.img (first difference at byte ${inMbr})`);
  else if (sectorAt(mbr, KERNEL_SECTOR) !== start) {
    problems.push(
      `the MBR loads sector ${sectorAt(mbr, KERNEL_SECTOR)}, the BIOS boot partition starts at ${start}`,
    );
  }
  const inCore = firstDifference(files.coreImage, core, CORE_MASK);
  if (inCore !== undefined) {
    problems.push(`the BIOS boot partition does not hold core.img (first difference at byte ${inCore})`);
  } else if (sectorAt(core, BLOCK_LIST) !== start + 1) {
    problems.push(`core.img goes on at sector ${sectorAt(core, BLOCK_LIST)}, which should be ${start + 1}`);
  }
  return problems;
}

/** Where two disks that should be equal are not: bytes of the MBR's boot code, the parameter block left out. */
export function bootCodeDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  return firstDifference(a.subarray(0, BOOT_CODE_BYTES), b, BOOT_MASK.slice(0, 1));
}

/** Where two images of the BIOS boot partition differ over `length` bytes. */
export function coreDifference(a: Uint8Array, b: Uint8Array, length: number): number | undefined {
  return firstDifference(a.subarray(0, length), b, []);
}

/** The first byte of `expected` that `actual` lacks or has otherwise, outside of the masked ranges. */
function firstDifference(
  expected: Uint8Array,
  actual: Uint8Array,
  mask: readonly Range[],
): number | undefined {
  for (let i = 0; i < expected.length; i += 1) {
    if (expected[i] !== actual[i] && !mask.some(({ from, to }) => i >= from && i < to)) return i;
  }
  return undefined;
}

function sectorAt(bytes: Uint8Array, offset: number): number {
  if (bytes.length < offset + 8) return 0;
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset, true));
}
