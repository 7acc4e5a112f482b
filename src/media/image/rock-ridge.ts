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

/** Signature, length and version of a field. */
const HEADER = 4;
/** Two letters each. */
const SIGNATURE = {
  CE: 0x4345,
  CL: 0x434c,
  NM: 0x4e4d,
  PX: 0x5058,
  RE: 0x5245,
  SL: 0x534c,
  ST: 0x5354,
} as const;
const WANTED: ReadonlySet<number> = new Set(Object.values(SIGNATURE));

/** Longer chains than this are loops. */
const MOST_CONTINUATIONS = 32;

/**
 * Whether the root's first record starts a SUSP area, and how many bytes each area begins with that are not fields;
 * undefined without Rock Ridge.
 */
export function suspSkip(area: Uint8Array): number | undefined {
  const [s, p, , , first, second, skip] = area;
  return s === 0x53 && p === 0x50 && first === 0xbe && second === 0xef ? skip : undefined;
}

/**
 * Reads a record's fields, following them into continuation areas. Only then a promise is answered: most records have
 * none, and a large tree has hundreds of thousands of records.
 */
export function readRockRidge(read: ReadAt, area: Buffer, skip: number): RockRidge | Promise<RockRidge> {
  const collected = new Collected();
  const next = collected.take(area.subarray(skip));
  return next === undefined ? collected.result() : follow(read, next, collected);
}

async function follow(read: ReadAt, first: Continuation, collected: Collected): Promise<RockRidge> {
  let next: Continuation | undefined = first;
  for (let followed = 1; next !== undefined && followed < MOST_CONTINUATIONS; followed += 1) {
    next = collected.take(Buffer.from(await read(next.offset, next.bytes)));
  }
  return collected.result();
}

/** Where more fields of a record lie. */
interface Continuation {
  readonly offset: number;
  readonly bytes: number;
}

/** What the fields of one record add up to. */
class Collected {
  readonly #names: Buffer[] = [];
  readonly #links: Buffer[] = [];
  #mode: number | undefined;
  #childBlock: number | undefined;
  #relocated = false;

  /** Answers where the fields go on. */
  take(area: Buffer): Continuation | undefined {
    let next: Continuation | undefined;
    for (let at = 0; at + HEADER <= area.length; ) {
      const length = area.readUInt8(at + 2);
      if (length < HEADER || at + length > area.length) break;
      const signature = area.readUInt16BE(at);
      if (signature === SIGNATURE.ST) break;
      // Of most fields nothing is wanted: time stamps, and a list of the others.
      if (WANTED.has(signature))
        next = this.#keep(signature, area.subarray(at + HEADER, at + length)) ?? next;
      at += length;
    }
    return next;
  }

  #keep(signature: number, data: Buffer): Continuation | undefined {
    switch (signature) {
      case SIGNATURE.NM:
        this.#names.push(data.subarray(1));
        break;
      case SIGNATURE.PX:
        if (data.length >= 4) this.#mode ??= data.readUInt32LE(0);
        break;
      case SIGNATURE.CL:
        if (data.length >= 4) this.#childBlock ??= data.readUInt32LE(0);
        break;
      case SIGNATURE.SL:
        this.#links.push(data);
        break;
      case SIGNATURE.RE:
        this.#relocated = true;
        break;
      case SIGNATURE.CE:
        if (data.length < 24) break;
        return {
          offset: data.readUInt32LE(0) * ISO_BLOCK + data.readUInt32LE(8),
          bytes: data.readUInt32LE(16),
        };
    }
    return undefined;
  }

  result(): RockRidge {
    const [name, ...rest] = this.#names;
    return {
      name:
        name === undefined
          ? undefined
          : (rest.length === 0 ? name : Buffer.concat(this.#names)).toString('utf8'),
      mode: this.#mode,
      target: this.#links.length === 0 ? undefined : linkTarget(this.#links),
      childBlock: this.#childBlock,
      relocated: this.#relocated,
    };
  }
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
