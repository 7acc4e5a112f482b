/** Version and release of our RPMs. Why they look as they do: docs/decisions/rpm-release.md. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import semver from 'semver';
import { makeFolder } from '../engine/make-folder.ts';
import { fileProblem, InputError } from '../errors/problem.ts';
import { writeFileAtomically } from '../host/atomic.ts';
import { withLock } from '../host/lock.ts';

/** Which content was seen as the how-manieth: `<cluster>/<package>-<version>` → content hashes, oldest first. */
export type Ledger = Readonly<Record<string, readonly string[]>>;

/** Hex digits of the content's hash that a release shows. */
const SHOWN = 12;

/**
 * A version in rpm's order: `1.0.0-rc.1` comes before `1.0.0`, which rpm writes with a tilde. Build metadata has no
 * order and is left out.
 */
export function rpmVersion(version: string): string {
  const parsed = semver.parse(version);
  if (parsed === null) throw new TypeError(`${version} is not a semantic version`);
  const { major, minor, patch, prerelease } = parsed;
  // rpm reads a hyphen as the border between version and release.
  const early = prerelease.length === 0 ? '' : `~${prerelease.join('.').replaceAll('-', '.')}`;
  return `${major}.${minor}.${patch}${early}`;
}

/** The ledger with `content` in it; the same ledger when it was there. */
export function recordContent(ledger: Ledger, name: string, content: string): Ledger {
  const known = ledger[name] ?? [];
  return known.includes(content) ? ledger : { ...ledger, [name]: [...known, content] };
}

/** `<serial>.<hash>`: the serial orders what this ledger has seen, the hash says what it is. */
export function releaseOf(ledger: Ledger, name: string, content: string): string {
  const index = (ledger[name] ?? []).indexOf(content);
  if (index < 0) throw new Error(`${name} ${content} is not in the ledger`);
  return `${index + 1}.${content.slice(0, SHOWN)}`;
}

/** Reads a ledger; there is none before the first build. */
export async function readLedger(path: string): Promise<Ledger> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
  const ledger = parseLedger(text);
  if (ledger !== undefined) return ledger;
  throw new InputError([
    fileProblem(
      path,
      'bad-ledger',
      'this does not look like the ledger of RPM releases',
      'restore it from a copy, or remove it to count from 1 again',
    ),
  ]);
}

/**
 * Changes the ledger and answers the new one. Two builds into one folder take turns, or the later would undo what the
 * earlier counted.
 */
export async function updateLedger(
  path: string,
  signal: AbortSignal,
  change: (ledger: Ledger) => Ledger,
): Promise<Ledger> {
  await makeFolder(dirname(path));
  return withLock(`${path}.lock`, signal, async () => {
    const before = await readLedger(path);
    const after = change(before);
    if (after !== before) await writeFileAtomically(path, `${JSON.stringify(after, null, 2)}\n`);
    return after;
  });
}

function parseLedger(text: string): Ledger | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  const isHashes = (each: unknown): each is string[] =>
    Array.isArray(each) && each.every((hash) => typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash));
  return entries.every(([, each]) => isHashes(each)) ? Object.fromEntries(entries) : undefined;
}
