/** Where an image may hold FAT file systems: what El Torito, a partition or a well-known name leads to. */
import { SECTOR_BYTES } from '../../storage/gpt.ts';
import type { Medium } from './medium.ts';
import { GPT_TYPE_BASIC_DATA, GPT_TYPE_ESP, tableInForce } from './partitions.ts';
import { ISO_BLOCK } from './volume.ts';

/** What leads there. */
export type FatRole =
  | { readonly kind: 'el-torito' }
  | { readonly kind: 'esp' | 'basic-data' | 'mbr'; readonly number: number }
  | { readonly kind: 'file'; readonly path: string };

export interface FatPlace {
  /** Byte of the image. */
  readonly offset: number;
  readonly roles: readonly FatRole[];
}

export const MBR_TYPE_ESP = 'ef';
/** Where vendors keep the image of the EFI system partition as a file. */
const ESP_FILE = /(?:^|\/)(?:efiboot|efi|macboot)\.img$/i;

/** Each place once, with all that leads to it. Whether a file system is there is not looked at. */
export function fatPlaces(medium: Medium): readonly FatPlace[] {
  const places = new Map<number, FatRole[]>();
  for (const { offset, role } of candidates(medium))
    places.set(offset, [...(places.get(offset) ?? []), role]);
  return [...places].map(([offset, roles]) => ({ offset, roles }));
}

function candidates({ catalog, partitions, tree }: Medium) {
  const uefi = catalog?.entries.filter(({ platform }) => platform === 'uefi') ?? [];
  const gpt = tableInForce(partitions.gpt)?.partitions ?? [];
  const place = (offset: number, role: FatRole) => ({ offset, role });
  return [
    ...uefi.map(({ block }) => place(block * ISO_BLOCK, { kind: 'el-torito' })),
    ...gpt
      .filter(({ typeGuid }) => typeGuid === GPT_TYPE_ESP)
      .map(({ start, number }) => place(start * SECTOR_BYTES, { kind: 'esp', number })),
    ...gpt
      .filter(({ typeGuid }) => typeGuid === GPT_TYPE_BASIC_DATA)
      .map(({ start, number }) => place(start * SECTOR_BYTES, { kind: 'basic-data', number })),
    ...(partitions.mbr?.entries ?? [])
      .filter(({ type }) => type === MBR_TYPE_ESP)
      .map(({ start, number }) => place(start * SECTOR_BYTES, { kind: 'mbr', number })),
    ...[...tree.entries.values()]
      .filter(({ path, extents }) => extents.length === 1 && ESP_FILE.test(path))
      .map(({ path, extents }) => place((extents[0]?.block ?? 0) * ISO_BLOCK, { kind: 'file', path })),
  ];
}

/** No parentheses: it stands for a device in GRUB's paths. */
export function roleText(role: FatRole): string {
  switch (role.kind) {
    case 'el-torito':
      return 'EFI image';
    case 'esp':
      return `ESP ${role.number}`;
    case 'basic-data':
      return `GPT ${role.number}`;
    case 'mbr':
      return `MBR ${role.number}`;
    case 'file':
      return role.path;
  }
}
