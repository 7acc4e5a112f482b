/** Digests of parts of a file, taken on another processor while this one has other work. */
import { Worker } from 'node:worker_threads';

/** A piece of a file that goes into a digest. */
export interface Stretch {
  /** First byte. */
  readonly at: number;
  readonly bytes: number;
  /** Blanks (0x20) are digested in its place. */
  readonly blank?: true;
  /** What the digest is behind it is wanted, too. */
  readonly sampled?: true;
  /** Read there, at the same place, instead of in the file that is digested. */
  readonly file?: string;
}

/** A part of a file that another one has at the same place. */
export interface SharedPart {
  /** The other one. */
  readonly file: string;
  /** First byte, and the one behind the last. */
  readonly from: number;
  readonly to: number;
}

export interface DigestOrder {
  readonly algorithm: 'md5' | 'sha256';
  /** Digested one after the other. */
  readonly stretches: readonly Stretch[];
  /** The next piece is read while one is digested: for what others wait for. It takes another processor. */
  readonly inHurry?: true;
}

/**
 * Hex digests for each order: those of its sampled stretches, then the last one. Rejects when the file ends before a
 * stretch does.
 */
export async function digestAside(
  path: string,
  orders: readonly DigestOrder[],
): Promise<readonly (readonly string[])[]> {
  const worker = new Worker(DIGESTER, { eval: true, workerData: { path, orders } });
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  } finally {
    await worker.terminate();
  }
}

/** SHA-256 (hex) of the first bytes of a file; what is `shared` is read in the other one. */
export async function sha256Aside(path: string, bytes: number, shared?: SharedPart): Promise<string> {
  const stretches = readShared([{ at: 0, bytes }], shared);
  const [digests] = await digestAside(path, [{ algorithm: 'sha256', stretches, inHurry: true }]);
  return digests?.[0] ?? '';
}

/** The same stretches, but that what is shared is read in the other file. */
export function readShared(stretches: readonly Stretch[], shared?: SharedPart): readonly Stretch[] {
  if (shared === undefined) return stretches;
  const { file, from, to } = shared;
  return [
    ...clipped(stretches, 0, from),
    ...clipped(stretches, from, to).map((stretch) => ({ ...stretch, file })),
    ...clipped(stretches, to, Number.POSITIVE_INFINITY),
  ];
}

/** The parts of stretches that lie between two bytes. What was cut off at its end is not sampled there. */
export const clipped = (stretches: readonly Stretch[], from: number, to: number): readonly Stretch[] =>
  stretches
    .filter(({ at, bytes }) => at < to && at + bytes > from)
    .map(({ at, bytes, sampled, ...rest }) => {
      const [start, end] = [Math.max(at, from), Math.min(at + bytes, to)];
      return {
        ...rest,
        at: start,
        bytes: end - start,
        ...(sampled && end === at + bytes ? { sampled } : {}),
      };
    });

/** A text and no module of its own, so that it runs from a bundle, too. */
const DIGESTER = `
  const { createHash } = require('node:crypto');
  const { openSync, read, readSync } = require('node:fs');
  const { promisify } = require('node:util');
  const { parentPort, workerData: { path, orders } } = require('node:worker_threads');
  const room = Buffer.allocUnsafeSlow(1 << 18);
  const rooms = orders.some(({ inHurry }) => inHurry) ? [0, 1].map(() => Buffer.allocUnsafeSlow(1 << 22)) : [];
  const blanks = Buffer.alloc(1 << 12, ' ');
  const files = new Map();
  const open = (name) => files.get(name) ?? files.set(name, openSync(name, 'r')).get(name);
  const readAside = promisify(read);
  const requireBytes = (size, file, at) => {
    if (size === 0) throw new Error(file + ' ends at byte ' + at + ', before what is to be digested');
    return size;
  };
  const feed = (hash, file, at, end) => {
    while (at < end) {
      const size = readSync(open(file), room, 0, Math.min(room.length, end - at), at);
      at += requireBytes(size, file, at);
      hash.update(room.subarray(0, size));
    }
  };
  const feedInHurry = async (hash, file, at, end) => {
    const fill = (into) => readAside(open(file), into, 0, Math.min(into.length, end - at), at);
    for (let next = fill(rooms[0]); at < end; ) {
      const { bytesRead, buffer } = await next;
      at += requireBytes(bytesRead, file, at);
      if (at < end) next = fill(rooms.find((other) => other !== buffer));
      hash.update(buffer.subarray(0, bytesRead));
    }
  };
  const feedBlanks = (hash, left) => {
    for (; left > 0; left -= blanks.length) hash.update(blanks.subarray(0, left));
  };
  const digest = async ({ algorithm, stretches, inHurry }) => {
    const hash = createHash(algorithm);
    const digests = [];
    for (const { at, bytes, blank, sampled, file = path } of stretches) {
      if (blank) feedBlanks(hash, bytes);
      else if (inHurry) await feedInHurry(hash, file, at, at + bytes);
      else feed(hash, file, at, at + bytes);
      if (sampled) digests.push(hash.copy().digest('hex'));
    }
    return [...digests, hash.digest('hex')];
  };
  (async () => {
    const all = [];
    for (const order of orders) all.push(await digest(order));
    parentPort.postMessage(all);
  })();
`;
