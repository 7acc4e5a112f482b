/** Finds the join secret: pushed onto this node, or on the key medium. */
import { StepFailure } from '../../src/engine/failure.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { type JoinSecret, KEY_MEDIUM } from '../../src/plan/types.ts';

/** Where it is pushed to. */
export const PUSHED_PATH = '/var/lib/slipway/join-secret.json';
const MEDIUM = `/dev/disk/by-label/${KEY_MEDIUM.volumeId}`;
const MOUNT_POINT = '/run/slipway/key';

/** The secret for `cluster`, or why there is none yet. */
export type Found = { readonly secret: JoinSecret; readonly from: string } | { readonly why: string };

/** Rejects with a StepFailure of class `config-invalid` when what is there is no join secret. */
export async function findJoinSecret(machine: Machine, cluster: string): Promise<Found> {
  const pushed = await machine.readFile(PUSHED_PATH);
  if (pushed !== undefined) return judge(pushed, PUSHED_PATH, cluster);
  if (!(await machine.exists(MEDIUM))) return { why: 'there is no key medium and no secret was pushed' };
  const onMedium = await readMedium(machine);
  const from = `the medium ${KEY_MEDIUM.volumeId}`;
  if (onMedium === undefined) return { why: `${from} holds no ${KEY_MEDIUM.file}` };
  return judge(onMedium, from, cluster);
}

async function readMedium(machine: Machine): Promise<string | undefined> {
  await machine.exec({ file: 'mkdir', args: ['-p', '-m', '0700', MOUNT_POINT], effect: 'write' });
  await machine.exec({
    file: 'mount',
    args: ['-t', 'iso9660', '-o', 'ro,nosuid,nodev,noexec', MEDIUM, MOUNT_POINT],
    effect: 'write',
  });
  try {
    return await machine.readFile(`${MOUNT_POINT}/${KEY_MEDIUM.file}`);
  } finally {
    await machine.exec({ file: 'umount', args: [MOUNT_POINT], effect: 'write' });
  }
}

function judge(text: string, from: string, cluster: string): Found {
  const secret = parseJoinSecret(text);
  if (secret === undefined) {
    throw new StepFailure(
      'config-invalid',
      `${from} holds no join secret`,
      'write the key medium again: slipway enrol',
    );
  }
  if (secret.cluster === cluster) return { secret, from };
  return {
    why: `${from} holds the join secret of cluster '${secret.cluster}', and this node belongs to '${cluster}'`,
  };
}

/** Undefined when the text is no join secret. No part of it is ever repeated in a message. */
export function parseJoinSecret(text: string): JoinSecret | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isJoinSecret(value) ? value : undefined;
}

function isJoinSecret(value: unknown): value is JoinSecret {
  if (typeof value !== 'object' || value === null) return false;
  const given: { version?: unknown; cluster?: unknown; secret?: unknown; fencing?: unknown } = value;
  return (
    given.version === 1 &&
    typeof given.cluster === 'string' &&
    typeof given.secret === 'string' &&
    /^[0-9a-f]{64}$/.test(given.secret) &&
    typeof given.fencing === 'object' &&
    given.fencing !== null &&
    Object.values(given.fencing).every((word) => typeof word === 'string')
  );
}

export const erasePushed = (machine: Machine): Promise<void> => eraseSecret(machine, PUSHED_PATH);

/** Erases a file, if there is one. On a journaling file system or an SSD its old blocks may outlive this; the docs say so. */
export async function eraseSecret(machine: Machine, path: string): Promise<void> {
  if (!(await machine.exists(path))) return;
  await machine.exec({ file: 'shred', args: ['--remove', '--zero', path], effect: 'write' });
}
