/** Hands a join secret to a node over SSH, to a host key that was pinned before. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, CommandError, type Exec } from '../engine/command.ts';
import { FailedError } from '../errors/exit.ts';
import { withTempDir } from '../host/atomic.ts';
import type { ToolNeed } from '../host/tools.ts';
import type { JoinSecret } from '../plan/types.ts';

export const PUSH_TOOLS: readonly ToolNeed[] = ['ssh', 'ssh-keyscan'].map((tool) => ({
  tool,
  why: 'reaches the nodes',
  debianPackage: 'openssh-client',
  versionArgs: [],
}));

export interface PushTarget {
  readonly node: string;
  readonly address: string;
  /** `SHA256:…` of its ed25519 host key, read on the node's console; undefined trusts the user's own known_hosts. */
  readonly fingerprint?: string;
}

/** Where the agent looks for it, and in one step there: it never sees half a secret. Then the agent is woken up. */
const RECEIVE = [
  'set -eu; umask 077',
  'd=/var/lib/slipway; mkdir -p $d',
  'cat > $d/.join-secret.new; sync $d/.join-secret.new',
  'mv $d/.join-secret.new $d/join-secret.json; sync $d',
  'systemctl --no-block start slipway-agent.service',
].join('; ');

export const scanCommand = (address: string): Command => ({
  file: 'ssh-keyscan',
  args: ['-T', '10', '-t', 'ed25519', address],
  effect: 'read',
  accept: [0, 1],
});

/** The secret goes by standard input. */
export function pushCommand(address: string, secret: JoinSecret, knownHosts?: string): Command {
  const pinned =
    knownHosts === undefined
      ? []
      : ['-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'GlobalKnownHostsFile=/dev/null'];
  return {
    file: 'ssh',
    args: [
      ...['-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes', '-o', 'ConnectTimeout=10'],
      ...pinned,
      ...['-l', 'root', address, RECEIVE],
    ],
    stdin: `${JSON.stringify(secret)}\n`,
    effect: 'write',
    timeoutMs: 60_000,
  };
}

/** `SHA256:` and the digest of a public key in base64, as OpenSSH prints it. */
export const fingerprintOf = (key: string): string =>
  `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`;

/** Rejects with a FailedError when the node cannot be reached or is not the one that was pinned. */
export async function pushSecret(exec: Exec, target: PushTarget, secret: JoinSecret): Promise<void> {
  const { node, address, fingerprint } = target;
  const push = (knownHosts?: string): Promise<unknown> =>
    exec(pushCommand(address, secret, knownHosts)).catch((error: unknown) => {
      if (!(error instanceof CommandError)) throw error;
      throw new FailedError(`${node} did not take the secret: ${error.message}`, hintOf(error, node), {
        cause: error,
      });
    });
  if (fingerprint === undefined) {
    await push();
    return;
  }
  const { stdout } = await exec(scanCommand(address));
  const keys = stdout
    .split('\n')
    .flatMap((line) => /^\S+ (ssh-ed25519) (\S+)/.exec(line)?.slice(1, 3).join(' ') ?? []);
  const key = keys.find((candidate) => fingerprintOf(candidate.split(' ')[1] ?? '') === fingerprint);
  if (key === undefined) {
    const seen = keys.map((candidate) => fingerprintOf(candidate.split(' ')[1] ?? '')).join(', ');
    throw new FailedError(
      seen === ''
        ? `${node} does not answer at ${address}`
        : `at ${address} is not ${node}: its host key is ${seen}, not ${fingerprint}`,
      'the node shows its fingerprint on its console while it waits for the secret',
    );
  }
  await withTempDir(async (dir) => {
    const knownHosts = join(dir, 'known_hosts');
    await writeFile(knownHosts, `${address} ${key}\n`, { mode: 0o600 });
    await push(knownHosts);
  });
}

const hintOf = ({ stderr }: CommandError, node: string): string =>
  /host key verification failed/i.test(stderr)
    ? `pin its host key: --ssh ${node}=SHA256:... (the node shows it on its console)`
    : 'is your key among access.sshKeys of the spec?';
