/** Rock Ridge: what the system use fields of a directory record say (SUSP 1.12, RRIP 1.12). */
import type { ReadAt } from '../../storage/fat.ts';
import { ISO_BLOCK } from './volume.ts';

export interface RockRidge {
  /** Undefined when the record keeps its ISO 9660 name. */
  readonly name: string | undefined;
  /** POSIX mode with the bits of the file's kind; undefined without PX. */
  readonly mode: number | undefined;
  /** Target of a symbolic link. */
  readonly target: string | undefined;
  /** Block of the folder that was moved elsewhere and belongs here. */
  readonly childBlock: number | undefined;
  /** This folder only keeps what was moved; it belongs elsewhere. */
  readonly relocated: boolean;
}

interface Field {
  readonly signature: string;
  readonly data: Buffer;
}

/** Longer chains than this are loops. */
const MOST_CONTINUATIONS = 32;

/**
 * Whether the root's first record starts a SUSP area, and how many bytes each area begins with that are not fields;
 * undefined without Rock Ridge.
 */
export function suspSkip(area: Uint8Array): number | undefined {
  const [first] = fieldsOf(Buffer.from(area));
  if (first?.signature !== 'SP' || first.data[0] !== 0xbe || first.data[1] !== 0xef) return undefined;
  return first.data[2] ?? 0;
}

/** Reads a record's fields, following them into continuation areas. */
export async function readRockRidge(read: ReadAt, area: Uint8Array, skip: number): Promise<RockRidge> {
  const fields = await allFields(read, Buffer.from(area.subarray(skip)));
  const of = (signature: string): readonly Buffer[] =>
    fields.filter((field) => field.signature === signature).map(({ data }) => data);
  const names = of('NM').map((data) => data.subarray(1));
  const [mode] = of('PX');
  const [child] = of('CL');
  const links = of('SL');
  return {
    name: names.length === 0 ? undefined : Buffer.concat(names).toString('utf8'),
    mode: mode === undefined || mode.length < 4 ? undefined : mode.readUInt32LE(0),
    target: links.length === 0 ? undefined : linkTarget(links),
    childBlock: child === undefined || child.length < 4 ? undefined : child.readUInt32LE(0),
    relocated: of('RE').length > 0,
  };
}

async function allFields(read: ReadAt, first: Buffer): Promise<readonly Field[]> {
  const fields: Field[] = [];
  let area: Buffer | undefined = first;
  for (let followed = 0; area !== undefined && followed < MOST_CONTINUATIONS; followed += 1) {
    const here = fieldsOf(area);
    fields.push(...here);
    const next = here.find(({ signature, data }) => signature === 'CE' && data.length >= 24)?.data;
    area =
      next === undefined
        ? undefined
        : Buffer.from(
            await read(next.readUInt32LE(0) * ISO_BLOCK + next.readUInt32LE(8), next.readUInt32LE(16)),
          );
  }
  return fields;
}

/** Signature, length and version are the first four bytes of a field. */
function fieldsOf(area: Buffer): readonly Field[] {
  const fields: Field[] = [];
  for (let at = 0; at + 4 <= area.length; ) {
    const length = area.readUInt8(at + 2);
    if (length < 4 || at + length > area.length) break;
    const signature = area.toString('latin1', at, at + 2);
    if (signature === 'ST') break;
    fields.push({ signature, data: area.subarray(at + 4, at + length) });
    at += length;
  }
  return fields;
}

const COMPONENT = { continues: 1, current: 2, parent: 4, root: 8 } as const;

/** A link's target is a list of components, over one or more fields; a component may go on in the next one. */
function linkTarget(fields: readonly Buffer[]): string {
  let target = '';
  let glued = true;
  for (const data of fields) {
    for (let at = 1; at + 2 <= data.length; ) {
      const flags = data.readUInt8(at);
      const length = data.readUInt8(at + 1);
      const own = data.toString('utf8', at + 2, at + 2 + length);
      const word = flags & COMPONENT.current ? '.' : flags & COMPONENT.parent ? '..' : own;
      if (flags & COMPONENT.root) target = '/';
      else target += glued || target === '/' ? word : `/${word}`;
      glued = (flags & (COMPONENT.continues | COMPONENT.root)) !== 0;
      at += 2 + length;
    }
  }
  return target;
}
