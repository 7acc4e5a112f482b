/** The files derived from the join secret that stay on a node. */
import { createHash } from 'node:crypto';
import type { Machine } from '../../src/engine/machine.ts';
import type { FencingPlan, JoinSecret } from '../../src/plan/types.ts';
import { FENCE_SECRETS, fenceSecretPath, nodesWithFenceSecret } from './fence-devices.ts';
import { type ClusterKeys, deriveKeys } from './keys.ts';
import type { Identity } from './peer-link.ts';

const KEYS_PATH = '/etc/slipway/cluster-keys.json';
const COROSYNC_KEY = '/etc/corosync/authkey';
const PACEMAKER_KEY = '/etc/pacemaker/authkey';

export interface KeyFile {
  readonly version: 1;
  readonly cluster: string;
  readonly id: string;
  /** Hex digits. */
  readonly peer: string;
  readonly replication: string;
  /** SHA-256 of the other files, by path. */
  readonly files: Readonly<Record<string, string>>;
}

export async function readKeys(machine: Machine): Promise<KeyFile | undefined> {
  const text = await machine.readFile(KEYS_PATH);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isKeyFile(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isKeyFile(value: unknown): value is KeyFile {
  if (typeof value !== 'object' || value === null) return false;
  const given: { [key in keyof KeyFile]?: unknown } = value;
  return (
    given.version === 1 &&
    [given.cluster, given.id, given.peer, given.replication].every((word) => typeof word === 'string') &&
    typeof given.files === 'object' &&
    given.files !== null
  );
}

export const identityOf = (keys: KeyFile, name: string): Identity => ({
  cluster: keys.cluster,
  name,
  key: Buffer.from(keys.peer, 'hex'),
  keyId: keys.id,
});

interface SecretFile {
  readonly path: string;
  readonly content: Uint8Array | string;
  readonly mode: number;
}

/** Writes everything that follows from a join secret; the description of the other files comes last. */
export async function writeKeys(machine: Machine, secret: JoinSecret, fencing: FencingPlan): Promise<void> {
  await machine.exec({ file: 'mkdir', args: ['-p', '-m', '0700', FENCE_SECRETS], effect: 'write' });
  const keys = deriveKeys(secret);
  const passwords = nodesWithFenceSecret(fencing).map((node) => ({
    path: fenceSecretPath(node),
    content: `${secret.fencing[node]?.trimEnd() ?? ''}\n`,
    mode: 0o600,
  }));
  await writeAll(machine, secret.cluster, keys, [...daemonKeys(keys), ...passwords], {});
}

/** Puts other keys in the place of `inUse`. The passwords of fence devices stay as they are. */
export async function replaceKeys(machine: Machine, keys: ClusterKeys, inUse: KeyFile): Promise<void> {
  await writeAll(machine, inUse.cluster, keys, daemonKeys(keys), inUse.files);
}

const daemonKeys = (keys: ClusterKeys): readonly SecretFile[] => [
  { path: COROSYNC_KEY, content: keys.corosync, mode: 0o400 },
  { path: PACEMAKER_KEY, content: keys.pacemaker, mode: 0o400 },
];

/** `others` are hashes of files that are not written. */
async function writeAll(
  machine: Machine,
  cluster: string,
  keys: ClusterKeys,
  files: readonly SecretFile[],
  others: KeyFile['files'],
): Promise<void> {
  const hashes = Object.fromEntries(files.map(({ path, content }) => [path, sha256(content)]));
  const description: KeyFile = {
    version: 1,
    cluster,
    id: keys.id,
    peer: Buffer.from(keys.peer).toString('hex'),
    replication: keys.replication,
    files: { ...others, ...hashes },
  };
  for (const { path, content, mode } of files) await machine.writeFile(path, content, mode);
  await machine.writeFile(KEYS_PATH, `${JSON.stringify(description, null, 1)}\n`, 0o600);
}

const derivedPaths = (fencing: FencingPlan): readonly string[] => [
  COROSYNC_KEY,
  PACEMAKER_KEY,
  ...nodesWithFenceSecret(fencing).map(fenceSecretPath),
];

/** What is wrong with the files, contents and modes; empty when all is as it was written. */
export async function keyProblems(
  machine: Machine,
  keys: KeyFile,
  fencing: FencingPlan,
): Promise<readonly string[]> {
  const expected = derivedPaths(fencing);
  const problems: string[] = [];
  for (const path of expected) {
    const is = await contentHash(machine, path);
    if (is === undefined) problems.push(`${path} is missing`);
    else if (is !== keys.files[path]) problems.push(`${path} is not the one of this cluster`);
  }
  return [...problems, ...(await modeProblems(machine, [KEYS_PATH, ...expected]))];
}

/** Modes that let somebody else than root read. */
async function modeProblems(machine: Machine, paths: readonly string[]): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const path of paths) {
    const file = await machine.stat(path);
    if (file === undefined || ([0o400, 0o600].includes(file.mode) && file.uid === 0)) continue;
    problems.push(`${path} has mode ${file.mode.toString(8)} and belongs to user ${file.uid}`);
  }
  return problems;
}

/** Puts modes and owners right. */
export async function restrictKeys(machine: Machine, fencing: FencingPlan): Promise<void> {
  const paths = [KEYS_PATH, ...derivedPaths(fencing)];
  await machine.exec({ file: 'chown', args: ['root:root', ...paths], effect: 'write' });
  await machine.exec({ file: 'chmod', args: ['0400', ...paths], effect: 'write' });
}

/** 64 KiB are more than any of them. */
async function contentHash(machine: Machine, path: string): Promise<string | undefined> {
  if (!(await machine.exists(path))) return undefined;
  return sha256(await machine.readBytes(path, 0, 65_536));
}

const sha256 = (content: Uint8Array | string): string => createHash('sha256').update(content).digest('hex');
