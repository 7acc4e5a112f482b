/**
 * The boot sector behind "Boot from disk" under BIOS.
 *
 * GRUB's script can chainload a disk, but cannot see whether there is any boot code on it: a data disk with a
 * protective MBR carries the 55AA signature and 440 zeros, and running zeros hangs the machine. So GRUB hands over to
 * this sector, which looks at every hard disk in the BIOS's order, passes over the one it came from (an install stick),
 * and starts the first that has code. If none has, INT 18h asks the BIOS for its next boot device.
 */

/** A label; an instruction's bytes; or a jump to a label, short (its opcode) or far (into the moved copy). */
type Line =
  | { readonly label: string }
  | { readonly bytes: readonly number[] }
  | { readonly short: number; readonly to: string }
  | { readonly far: string };

/** A boot sector is loaded here, … */
const LOADED_AT = 0x7c00;
/** … and moves itself out of the way, because the next one is loaded there too. */
const MOVED_TO = 0x0600;
/** Inside the moved sector, behind the code: the drive GRUB came from. */
const OWN_DRIVE = MOVED_TO + 0x1f0;
/** In the BIOS data area: the number of hard disks. */
const HARD_DISKS = 0x0475;
const SECTOR = 512;
const SIGNATURE = 0xaa55;

const word = (value: number): readonly number[] => [value & 0xff, value >> 8];
/** `text` is the instruction in Intel syntax, for the reader. */
const op = (_text: string, ...bytes: readonly number[]): Line => ({ bytes });
const jump = (_text: string, short: number, to: string): Line => ({ short, to });

/** Runs on any 8086; on entry DL is GRUB's drive. */
const PROGRAM: readonly Line[] = [
  op('cli', 0xfa),
  op('xor ax, ax', 0x31, 0xc0),
  op('mov ds, ax', 0x8e, 0xd8),
  op('mov es, ax', 0x8e, 0xc0),
  op('mov ss, ax', 0x8e, 0xd0),
  op('mov sp, LOADED_AT', 0xbc, ...word(LOADED_AT)),
  op('sti', 0xfb),
  op('cld', 0xfc),
  op('mov si, sp', 0x89, 0xe6),
  op('mov di, MOVED_TO', 0xbf, ...word(MOVED_TO)),
  op('mov cx, 256', 0xb9, ...word(SECTOR / 2)),
  op('rep movsw', 0xf3, 0xa5),
  { far: 'moved' },

  { label: 'moved' },
  op('mov [OWN_DRIVE], dl', 0x88, 0x16, ...word(OWN_DRIVE)),
  op('mov dl, 80h', 0xb2, 0x80),

  { label: 'look' },
  op('mov al, dl', 0x88, 0xd0),
  op('sub al, 80h', 0x2c, 0x80),
  op('cmp al, [HARD_DISKS]', 0x3a, 0x06, ...word(HARD_DISKS)),
  jump('jae none', 0x73, 'none'),
  op('cmp dl, [OWN_DRIVE]', 0x3a, 0x16, ...word(OWN_DRIVE)),
  jump('je next', 0x74, 'next'),
  op('push dx', 0x52),
  op('mov ax, 0201h', 0xb8, 0x01, 0x02),
  op('mov bx, LOADED_AT', 0xbb, ...word(LOADED_AT)),
  op('mov cx, 1', 0xb9, 0x01, 0x00),
  op('xor dh, dh', 0x30, 0xf6),
  op('int 13h', 0xcd, 0x13),
  op('pop dx', 0x5a),
  jump('jc next', 0x72, 'next'),
  op('cmp word [LOADED_AT + 510], SIGNATURE', 0x81, 0x3e, ...word(LOADED_AT + 510), ...word(SIGNATURE)),
  jump('jne next', 0x75, 'next'),
  op('cmp word [LOADED_AT], 0', 0x83, 0x3e, ...word(LOADED_AT), 0x00),
  jump('je next', 0x74, 'next'),
  op('xor dh, dh', 0x30, 0xf6),
  op('jmp 0:LOADED_AT', 0xea, ...word(LOADED_AT), 0, 0),

  { label: 'next' },
  op('inc dl', 0xfe, 0xc2),
  jump('jmp look', 0xeb, 'look'),

  { label: 'none' },
  op('int 18h', 0xcd, 0x18),
];

/** The 512 bytes, signature included. */
export function bootDiskSector(): Uint8Array {
  const sector = new Uint8Array(SECTOR);
  sector.set(assemble(PROGRAM));
  sector.set(word(SIGNATURE), SECTOR - 2);
  return sector;
}

function assemble(program: readonly Line[]): readonly number[] {
  const labels = new Map<string, number>();
  let size = 0;
  for (const line of program) {
    if ('label' in line) labels.set(line.label, size);
    else size += sizeOf(line);
  }
  const address = (label: string): number => {
    const found = labels.get(label);
    if (found === undefined) throw new RangeError(`the boot sector has no label ${label}`);
    return found;
  };
  const code: number[] = [];
  for (const line of program) {
    if ('bytes' in line) code.push(...line.bytes);
    else if ('short' in line) code.push(line.short, displacement(address(line.to) - (code.length + 2)));
    else if ('far' in line) code.push(0xea, ...word(MOVED_TO + address(line.far)), 0, 0);
  }
  return code;
}

function sizeOf(line: Exclude<Line, { label: string }>): number {
  if ('bytes' in line) return line.bytes.length;
  return 'far' in line ? 5 : 2;
}

/** A short jump reaches ±128 bytes. */
function displacement(distance: number): number {
  if (distance < -128 || distance > 127) throw new RangeError('a short jump of the boot sector is too long');
  return distance & 0xff;
}
