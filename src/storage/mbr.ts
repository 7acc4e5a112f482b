/** Partition tables of the Master Boot Record, with the chain of logical partitions, read from their bytes. */
import type { Machine } from '../engine/machine.ts';
import { SECTOR_BYTES } from './gpt.ts';

export interface MbrPartition {
  /** 1-4 in the table itself, 5 and up for logical ones. */
  readonly number: number;
  readonly role: 'primary' | 'extended' | 'logical';
  /** Two hex digits, lower case. */
  readonly type: string;
  /** In 512-byte sectors. */
  readonly start: number;
  readonly sectors: number;
}

export interface MbrTable {
  /** Eight hex digits, lower case; with `-02` behind it, the PARTUUID of the second partition. */
  readonly signature: string;
  readonly partitions: readonly MbrPartition[];
}

const SIGNATURE = 440;
const ENTRIES = 446;
const ENTRY_BYTES = 16;
const EXTENDED = ['05', '0f', '85'];
/** What a GPT puts there to keep its disk from looking empty. */
const PROTECTIVE = 'ee';
/** More logical partitions than any kernel shows. */
const MOST = 60;

/** Undefined for a disk without such a table, also for one that has a GPT. */
export async function readMbr(
  machine: Machine,
  path: string,
  blockBytes = SECTOR_BYTES,
): Promise<MbrTable | undefined> {
  const scale = blockBytes / SECTOR_BYTES;
  const read = (block: number): Promise<Uint8Array> =>
    machine.readBytes(path, block * blockBytes, blockBytes, true);
  const first = await read(0);
  const entries = parseEntries(first);
  if (entries === undefined || entries.some(({ type }) => type === PROTECTIVE)) return undefined;
  const primary = entries.flatMap(({ type, start, length }, index): readonly MbrPartition[] => {
    if (type === '00') return [];
    const role = EXTENDED.includes(type) ? 'extended' : 'primary';
    return [{ number: index + 1, role, type, start: start * scale, sectors: length * scale }];
  });
  const extended = entries.find(({ type }) => EXTENDED.includes(type));
  const logical = extended === undefined ? [] : await readChain(read, extended.start, scale);
  const signature = Buffer.from(first).readUInt32LE(SIGNATURE).toString(16).padStart(8, '0');
  return { signature, partitions: [...primary, ...logical] };
}

/** Each table of the chain has one partition, relative to itself, and the next table, relative to the first. */
async function readChain(
  read: (block: number) => Promise<Uint8Array>,
  begin: number,
  scale: number,
): Promise<readonly MbrPartition[]> {
  const found: MbrPartition[] = [];
  let at = begin;
  while (found.length < MOST) {
    const entries = parseEntries(await read(at)) ?? [];
    const [partition, next] = entries;
    if (partition !== undefined && partition.type !== '00') {
      found.push({
        number: 5 + found.length,
        role: 'logical',
        type: partition.type,
        start: (at + partition.start) * scale,
        sectors: partition.length * scale,
      });
    }
    if (next === undefined || !EXTENDED.includes(next.type) || begin + next.start <= at) break;
    at = begin + next.start;
  }
  return found;
}

interface Entry {
  readonly type: string;
  /** In blocks of the disk. */
  readonly start: number;
  readonly length: number;
}

/** Undefined when the block is no table: the boot code of a file system ends in the same two bytes. */
function parseEntries(bytes: Uint8Array): readonly Entry[] | undefined {
  const text = Buffer.from(bytes);
  if (bytes.length < SECTOR_BYTES || text.readUInt16LE(510) !== 0xaa55) return undefined;
  const entries: Entry[] = [];
  for (let i = 0; i < 4; i += 1) {
    const at = ENTRIES + i * ENTRY_BYTES;
    const flag = text.readUInt8(at);
    const entry = {
      type: text.toString('hex', at + 4, at + 5),
      start: text.readUInt32LE(at + 8),
      length: text.readUInt32LE(at + 12),
    };
    if (flag !== 0 && flag !== 0x80) return undefined;
    if (entry.type !== '00' && (entry.start === 0 || entry.length === 0)) return undefined;
    entries.push(entry);
  }
  return entries;
}
