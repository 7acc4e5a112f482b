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
    for (const { signature, data } of fieldsOf(area)) {
      switch (signature) {
        case 'NM':
          this.#names.push(data.subarray(1));
          break;
        case 'PX':
          if (data.length >= 4) this.#mode ??= data.readUInt32LE(0);
          break;
        case 'CL':
          if (data.length >= 4) this.#childBlock ??= data.readUInt32LE(0);
          break;
        case 'SL':
          this.#links.push(data);
          break;
        case 'RE':
          this.#relocated = true;
          break;
        case 'CE':
          if (data.length >= 24)
            next ??= {
              offset: data.readUInt32LE(0) * ISO_BLOCK + data.readUInt32LE(8),
              bytes: data.readUInt32LE(16),
            };
      }
    }
    return next;
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

/** Signature, length and version are the first four bytes of a field. */
function* fieldsOf(area: Buffer): Generator<{ readonly signature: string; readonly data: Buffer }> {
  for (let at = 0; at + 4 <= area.length; ) {
    const length = area.readUInt8(at + 2);
    if (length < 4 || at + length > area.length) return;
    const signature = area.toString('latin1', at, at + 2);
    if (signature === 'ST') return;
    yield { signature, data: area.subarray(at + 4, at + length) };
    at += length;
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
