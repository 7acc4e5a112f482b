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
}

export interface DigestOrder {
  readonly algorithm: 'md5' | 'sha256';
  /** Digested one after the other. */
  readonly stretches: readonly Stretch[];
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

/** SHA-256 (hex) of the first bytes of a file. */
export async function sha256Aside(path: string, bytes: number): Promise<string> {
  const [digests] = await digestAside(path, [{ algorithm: 'sha256', stretches: [{ at: 0, bytes }] }]);
  return digests?.[0] ?? '';
}

/** A text and no module of its own, so that it runs from a bundle, too. */
const DIGESTER = `
  const { createHash } = require('node:crypto');
  const { openSync, readSync } = require('node:fs');
  const { parentPort, workerData: { path, orders } } = require('node:worker_threads');
  const file = openSync(path, 'r');
  const buffer = Buffer.allocUnsafe(1 << 18);
  const blanks = Buffer.alloc(1 << 12, ' ');
  const feed = (hash, { at, bytes, blank }) => {
    for (let done = 0; done < bytes; ) {
      const room = blank ? blanks : buffer;
      const want = Math.min(room.length, bytes - done);
      const size = blank ? want : readSync(file, room, 0, want, at + done);
      if (size === 0) throw new Error(path + ' ends at byte ' + (at + done) + ', before what is to be digested');
      hash.update(room.subarray(0, size));
      done += size;
    }
  };
  parentPort.postMessage(
    orders.map(({ algorithm, stretches }) => {
      const hash = createHash(algorithm);
      const digests = [];
      for (const stretch of stretches) {
        feed(hash, stretch);
        if (stretch.sampled) digests.push(hash.copy().digest('hex'));
      }
      return [...digests, hash.digest('hex')];
    }),
  );
`;
