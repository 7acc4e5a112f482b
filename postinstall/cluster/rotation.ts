/**
 * New keys beside those in use, while the secrets of a cluster are renewed. Only what is derived is kept: the new join
 * secret itself is never on a node.
 */
import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import type { FencingPlan } from '../../src/plan/types.ts';
import { eraseSecret } from './join-secret.ts';
import { keyProblems, readKeys, replaceKeys } from './key-files.ts';
import type { ClusterKeys } from './keys.ts';

const ROTATION_PATH = '/var/lib/slipway/rotation.json';

/**
 * How far a node got: it holds the new keys; every peer proved to hold the same; it puts them in the place of the old
 * ones. From the last one there is no way back: another node may have no others any more.
 */
export type RotationPhase = 'staged' | 'proved' | 'committing';

export interface Rotation {
  readonly cluster: string;
  readonly phase: RotationPhase;
  readonly keys: ClusterKeys;
}

/** Undefined when no rotation is under way. Rejects with a StepFailure when the file is something else. */
export async function readRotation(machine: Machine): Promise<Rotation | undefined> {
  const text = await machine.readFile(ROTATION_PATH);
  if (text === undefined) return undefined;
  const rotation = parseRotation(text);
  if (rotation !== undefined) return rotation;
  throw new StepFailure(
    'config-invalid',
    `${ROTATION_PATH} holds no new keys`,
    `rm ${ROTATION_PATH}, then slipway rotate`,
  );
}

function parseRotation(text: string): Rotation | undefined {
  try {
    const value: {
      version?: unknown;
      cluster?: unknown;
      phase?: unknown;
      keys?: { readonly [key in keyof ClusterKeys]?: unknown };
    } = JSON.parse(text);
    const { version, cluster, phase } = value;
    const { id, replication, peer, corosync, pacemaker } = value.keys ?? {};
    if (version !== 1 || !isWord(cluster) || !isPhase(phase) || !isWord(id) || !isWord(replication))
      return undefined;
    if (!isWord(peer) || !isWord(corosync) || !isWord(pacemaker)) return undefined;
    const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
    return {
      cluster,
      phase,
      keys: { id, replication, peer: bytes(peer), corosync: bytes(corosync), pacemaker: bytes(pacemaker) },
    };
  } catch {
    return undefined;
  }
}

const isWord = (value: unknown): value is string => typeof value === 'string' && value !== '';

const isPhase = (value: unknown): value is RotationPhase =>
  value === 'staged' || value === 'proved' || value === 'committing';

export async function writeRotation(machine: Machine, { cluster, phase, keys }: Rotation): Promise<void> {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const { id, replication, peer, corosync, pacemaker } = keys;
  const derived = { id, replication, peer: hex(peer), corosync: hex(corosync), pacemaker: hex(pacemaker) };
  const record = { version: 1, cluster, phase, keys: derived };
  await machine.writeFile(ROTATION_PATH, `${JSON.stringify(record)}\n`, 0o600);
}

export const eraseRotation = (machine: Machine): Promise<void> => eraseSecret(machine, ROTATION_PATH);

/** Whether the keys in use are those called `id`, whole and root's alone. */
export async function usesKeys(machine: Machine, id: string, fencing: FencingPlan): Promise<boolean> {
  const keys = await readKeys(machine);
  return keys?.id === id && (await keyProblems(machine, keys, fencing)).length === 0;
}

/** Puts the new keys in the place of those in use, unless they are; a power cut in between leaves nothing to mend. */
export async function commitKeys(machine: Machine, { keys }: Rotation, fencing: FencingPlan): Promise<void> {
  if (await usesKeys(machine, keys.id, fencing)) return;
  const inUse = await readKeys(machine);
  if (inUse === undefined) throw new StepFailure('verify-failed', 'this node has no keys of its cluster yet');
  await replaceKeys(machine, keys, inUse);
}
