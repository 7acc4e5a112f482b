/** OpenPGP signatures of packages and of their repository, by the user's own gpg and its agent. */
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Command, CommandError, type Exec } from '../engine/command.ts';
import { FailedError, MissingError } from '../errors/exit.ts';
import type { Context } from '../host/context.ts';
import { hashFile, hashJson } from '../host/hash.ts';
import { findProgram } from '../host/search-path.ts';
import { toolNeeds } from '../host/tools.ts';

export const SIGNING_TOOLS = toolNeeds('gpg', 'gpg-agent', 'rpmsign');

export interface SigningKey {
  /** 40 or 64 upper-case hex digits. */
  readonly fingerprint: string;
  /** When the newest of its signing keys was made; seconds since the epoch. */
  readonly createdAt: number;
  /** The public key in ASCII armor. */
  readonly publicKey: string;
}

/** Somebody may have to type a passphrase, which gpg-agent asks for. */
const TIMEOUT_MS = 10 * 60_000;

/**
 * The key that signs, by whatever gpg takes for a name: a key id, a fingerprint, an address. Only its name is ever on
 * a command line; the key itself stays with gpg-agent.
 * @throws {MissingError} when there is no such secret key, or more than one.
 */
export async function findSigningKey(name: string, exec: Exec): Promise<SigningKey> {
  const { stdout } = await exec({
    file: 'gpg',
    args: ['--batch', '--with-colons', '--fingerprint', '--list-secret-keys', '--', name],
    effect: 'read',
  }).catch((error: unknown) => {
    throw error instanceof CommandError && error.reason === 'exit' ? noKey(name, error) : error;
  });
  const records = stdout.split('\n').map((line) => line.split(':'));
  const fingerprints = records.flatMap(([type], i) => (type === 'sec' ? [fingerprintAfter(records, i)] : []));
  const [fingerprint, another] = fingerprints;
  if (fingerprint === undefined) throw noKey(name);
  if (another !== undefined) {
    throw new MissingError(
      `gpg has several secret keys for '${name}'`,
      `name one: ${fingerprints.join(', ')}`,
    );
  }
  // GnuPG's doc/DETAILS: field 6 is the time of creation, field 12 what the key can do.
  const signing = records.filter(
    ([type = '', ...fields]) => /^(sec|ssb)$/.test(type) && /s/.test(fields[10] ?? ''),
  );
  const exported = await exec({
    file: 'gpg',
    args: ['--batch', '--armor', '--export-options', 'export-minimal', '--export', fingerprint],
    effect: 'read',
  });
  return {
    fingerprint,
    createdAt: Math.max(0, ...signing.map(([, , , , , created]) => Number(created))),
    publicKey: exported.stdout,
  };
}

const fingerprintAfter = (records: readonly (readonly string[])[], i: number): string =>
  records.slice(i).find(([type]) => type === 'fpr')?.[9] ?? '';

const noKey = (name: string, cause?: unknown): MissingError =>
  new MissingError(`gpg has no secret key '${name}'`, 'gpg --list-secret-keys shows those there are', {
    cause,
  });

/**
 * When a signature says it was made: the build's time stamp, so that the same inputs give the same bytes, but never
 * before the key itself, which verifiers refuse.
 */
export const signatureTime = (key: SigningKey, epoch: number): number => Math.max(epoch, key.createdAt);

/** A signed copy of a package, made or taken from the cache. A signature that it had before is replaced. */
export async function signRpm(
  context: Context,
  rpm: { readonly file: string },
  key: SigningKey,
  epoch: number,
): Promise<{ readonly file: string; readonly id: string; readonly reused: boolean }> {
  const time = signatureTime(key, epoch);
  const id = hashJson({ rpm: await hashFile(rpm.file), key: key.fingerprint, time });
  const { dir, reused } = await context.cache.obtain('rpm-signed', id, async (entry) => {
    const copy = join(entry, basename(rpm.file));
    await copyFile(rpm.file, copy);
    await sign(context.exec, rpmsignCommand(copy, key, time));
  });
  return { file: join(dir, basename(rpm.file)), id, reused };
}

/** Writes `repomd.xml.asc` beside the repository's `repomd.xml`. */
export async function signRepomd(
  exec: Exec,
  repodata: string,
  key: SigningKey,
  epoch: number,
): Promise<void> {
  await sign(exec, repomdCommand(repodata, key, signatureTime(key, epoch)));
}

/** The call of rpmsign; pure. The user's macros hold: a key on a card may need them. */
export function rpmsignCommand(file: string, { fingerprint }: SigningKey, time: number): Command {
  const defines: Readonly<Record<string, string>> = {
    // Debian's macros name a gpg2 that Debian does not have.
    __gpg: findProgram('gpg') ?? 'gpg',
    _gpg_name: fingerprint,
    _gpg_digest_algo: 'sha256',
    _gpg_sign_cmd_extra_args: `--batch --faked-system-time ${time}!`,
  };
  return {
    file: 'rpmsign',
    args: [
      '--addsign',
      ...Object.entries(defines).flatMap(([name, value]) => ['--define', `${name} ${value}`]),
      file,
    ],
    effect: 'write',
    timeoutMs: TIMEOUT_MS,
  };
}

/** The call of gpg that signs repomd.xml; pure. */
export function repomdCommand(repodata: string, { fingerprint }: SigningKey, time: number): Command {
  const repomd = join(repodata, 'repomd.xml');
  return {
    file: 'gpg',
    args: [
      ...['--batch', '--yes', '--armor', '--digest-algo', 'SHA256', '--faked-system-time', `${time}!`],
      ...['--local-user', fingerprint, '--output', `${repomd}.asc`, '--detach-sign', repomd],
    ],
    effect: 'write',
    timeoutMs: TIMEOUT_MS,
  };
}

async function sign(exec: Exec, command: Command): Promise<void> {
  await exec(command).catch((error: unknown) => {
    if (!(error instanceof CommandError) || error.reason === 'aborted') throw error;
    throw new FailedError(
      `gpg could not sign: ${lastLine(error.stderr) ?? error.message}`,
      'on a text console, say export GPG_TTY=$(tty), so that gpg-agent can ask for the passphrase',
      { cause: error },
    );
  });
}

const lastLine = (text: string): string | undefined => text.trim().split('\n').at(-1) || undefined;
