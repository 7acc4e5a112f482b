/** A vendor's install ISO from the net: in the cache once and for all, and only as its maker made it. */
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError } from '../../engine/command.ts';
import { FailedError } from '../../errors/exit.ts';
import { withTempDir } from '../../host/atomic.ts';
import type { Context } from '../../host/context.ts';
import { hashJson, hashText } from '../../host/hash.ts';
import { preflight, toolNeeds } from '../../host/tools.ts';
import { type DownloadOptions, download } from './download.ts';
import { requestFrom } from './http.ts';
import { dearmor } from './openpgp-armor.ts';

/** What a spec says of an ISO to be downloaded. */
export interface VendorImage {
  /** https. */
  readonly url: string;
  /** Lower-case hex. */
  readonly sha256: string;
  /** The maker's public key, a file, and where the detached signature of the ISO lies, a URL. */
  readonly signed?: { readonly key: string; readonly signature: string };
}

export interface DownloadedMedium {
  /** Absolute, in the cache. */
  readonly path: string;
  readonly reused: boolean;
}

/** What tests replace. */
export type Net = Pick<DownloadOptions, 'ca' | 'env' | 'pause'>;

/** A detached signature has some hundred bytes; what is larger is something else. */
const SIGNATURE_BYTES = 1 << 16;
/** gpgv reads the whole ISO. */
const GPGV_TIMEOUT_MS = 20 * 60_000;

/**
 * The ISO of a spec's `media.base`. It is downloaded once, checked against its SHA-256 and, where the spec names a key,
 * against its maker's detached signature; what fails the sum is not kept, what fails the signature is never answered.
 *
 * A download that was ended goes on where it stopped: the part lies in the cache's `parts`, named after the sum it
 * shall have. A preview downloads nothing; where the file is not there yet it ends with ENOENT, as after any command that
 * was not run.
 * @throws {FailedError} when it cannot be had or is not what it should be.
 */
export async function obtainVendorMedium(
  image: VendorImage,
  context: Context,
  say: (line: string) => void,
  net: Net = {},
): Promise<DownloadedMedium> {
  if (image.signed !== undefined) await preflight(toolNeeds('gpgv'), context.exec);
  const { dir, reused } = await context.cache.obtain('medium', image.sha256, async (entry) => {
    say(`downloading ${image.url}`);
    if (context.preview === true) return;
    const parts = join(context.cache.dir, 'parts');
    await mkdir(parts, { recursive: true });
    const part = join(parts, image.sha256);
    await download(image.url, image.sha256, part, { ...net, say, signal: context.signal });
    await rename(part, join(entry, 'medium.iso'));
  });
  const path = join(dir, 'medium.iso');
  if (context.preview === true) await access(path);
  else if (image.signed !== undefined) await checkSignature(path, image, image.signed, { context, say, net });
  return { path, reused };
}

interface Work {
  readonly context: Context;
  readonly say: (line: string) => void;
  readonly net: Net;
}

/** Lets gpgv read the ISO once; that it did so is kept in the cache, by sum and key. */
async function checkSignature(
  iso: string,
  { sha256 }: VendorImage,
  { key, signature }: NonNullable<VendorImage['signed']>,
  { context, say, net }: Work,
): Promise<void> {
  const keyText = await readFile(key);
  const id = hashJson({ sha256, key: hashText(keyText), signature });
  await context.cache.obtain('medium-signature', id, (entry) =>
    withTempDir(async (dir) => {
      say(`checking the signature of ${signature}`);
      const keyring = join(dir, 'key.gpg');
      const detached = join(dir, 'medium.sig');
      await writeFile(keyring, dearmor(keyText));
      await writeFile(detached, dearmor(await fetchSignature(signature, { ...net, signal: context.signal })));
      const { stdout } = await context
        .exec({
          file: 'gpgv',
          args: ['--status-fd', '1', '--keyring', keyring, detached, iso],
          effect: 'read',
          timeoutMs: GPGV_TIMEOUT_MS,
        })
        .catch((error: unknown) => {
          throw error instanceof CommandError && error.reason === 'exit'
            ? notSigned(signature, key, error)
            : error;
        });
      await writeFile(join(entry, 'status'), stdout);
    }),
  );
}

const notSigned = (signature: string, key: string, cause: CommandError): FailedError =>
  new FailedError(
    `the key ${key} did not make the signature ${signature} of this ISO`,
    'take the key from the ISO’s maker anew; if it is the right one, do not use this ISO',
    { cause },
  );

async function fetchSignature(url: string, options: Net & { readonly signal: AbortSignal }): Promise<Buffer> {
  try {
    return await readAll(url, options);
  } catch (error) {
    if (error instanceof FailedError || options.signal.aborted) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new FailedError(`${url} could not be downloaded: ${why}`, undefined, { cause: error });
  }
}

async function readAll(url: string, options: Net & { readonly signal: AbortSignal }): Promise<Buffer> {
  const { body } = await requestFrom(url, 0, options);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > SIGNATURE_BYTES) {
      body.destroy();
      throw new FailedError(`${url} is too large for a detached signature`, 'correct media.base.signature');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
