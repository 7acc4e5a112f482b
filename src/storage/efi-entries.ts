/** Boot entries of the UEFI firmware, read from efivarfs (UEFI specification 2.10, chapters 3.3 and 10.3.5.1). */
import type { Machine } from '../engine/machine.ts';
import { guidAt } from './guid.ts';

export interface EfiEntry {
  /** `0003` */
  readonly number: string;
  readonly label: string;
  /** PARTUUID of the partition it starts from, lower case; undefined when it names none. */
  readonly partUuid?: string;
  /** Whether BootOrder names it. */
  readonly inOrder: boolean;
}

const VARIABLES = '/sys/firmware/efi/efivars';
const GLOBAL = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
/** efivarfs puts a variable's attributes, 32 bits, before its value. */
const ATTRIBUTE_BYTES = 4;
const MAX_VARIABLE_BYTES = 1 << 16;

/** Whether this system was started by UEFI. */
export const startedByUefi = (machine: Machine): Promise<boolean> => machine.exists('/sys/firmware/efi');

/** All boot entries; undefined when the firmware's variables cannot be seen (started by BIOS, efivarfs not mounted). */
export async function readEfiEntries(machine: Machine): Promise<readonly EfiEntry[] | undefined> {
  const names = (await machine.list(VARIABLES)).filter((name) => name.endsWith(`-${GLOBAL}`));
  if (names.length === 0) return undefined;
  const value = async (name: string): Promise<Uint8Array> =>
    (await machine.readBytes(`${VARIABLES}/${name}`, 0, MAX_VARIABLE_BYTES)).subarray(ATTRIBUTE_BYTES);
  const order = names.includes(`BootOrder-${GLOBAL}`) ? parseOrder(await value(`BootOrder-${GLOBAL}`)) : [];
  const entries: EfiEntry[] = [];
  for (const name of names) {
    const number = /^Boot([0-9A-F]{4})-/i.exec(name)?.[1];
    if (number === undefined) continue;
    entries.push({ number, inOrder: order.includes(number.toUpperCase()), ...parseEntry(await value(name)) });
  }
  return entries;
}

function parseOrder(bytes: Uint8Array): readonly string[] {
  const view = viewOf(bytes);
  return Array.from({ length: bytes.length >> 1 }, (_, i) =>
    view
      .getUint16(2 * i, true)
      .toString(16)
      .toUpperCase()
      .padStart(4, '0'),
  );
}

/** EFI_LOAD_OPTION: attributes (32 bits), length of the device path (16), description (UCS-2, NUL), device path. */
function parseEntry(bytes: Uint8Array): { readonly label: string; readonly partUuid?: string } {
  let end = 6;
  while (end + 1 < bytes.length && (bytes[end] !== 0 || bytes[end + 1] !== 0)) end += 2;
  const label = Buffer.from(bytes.subarray(6, end)).toString('utf16le');
  const partUuid = hardDriveUuid(bytes.subarray(end + 2));
  return partUuid === undefined ? { label } : { label, partUuid };
}

/**
 * What the path's hard drive node says: type 4, subtype 1, 42 bytes, with the kind of its signature at byte 41: 2 for
 * the partition's GUID, 1 for the four bytes of an MBR, which the number of the partition follows as in a PARTUUID.
 */
function hardDriveUuid(path: Uint8Array): string | undefined {
  const view = viewOf(path);
  for (let at = 0; at + 4 <= path.length; ) {
    const length = view.getUint16(at + 2, true);
    const isHardDrive = path[at] === 4 && path[at + 1] === 1 && length === 42 && at + 42 <= path.length;
    if (isHardDrive && path[at + 41] === 2) return guidAt(path, at + 24);
    if (isHardDrive && path[at + 41] === 1) {
      const signature = view
        .getUint32(at + 24, true)
        .toString(16)
        .padStart(8, '0');
      return `${signature}-${String(view.getUint32(at + 4, true)).padStart(2, '0')}`;
    }
    if (path[at] === 0x7f || length < 4) return undefined;
    at += length;
  }
  return undefined;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
