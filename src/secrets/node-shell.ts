/** A line for the shell of a node, over SSH, as root, to a host key that was pinned before; nobody is asked anything. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command, CommandError, CommandResult, Exec } from '../engine/command.ts';
import { FailedError } from '../errors/exit.ts';
import { withTempDir } from '../host/atomic.ts';
import { sshPath } from '../host/ssh-option.ts';
import type { ToolNeed } from '../host/tools.ts';

export const SSH_TOOLS: readonly ToolNeed[] = ['ssh', 'ssh-keyscan'].map((tool) => ({
  tool,
  why: 'reaches the nodes',
  debianPackage: 'openssh-client',
  versionArgs: [],
}));

export interface NodeTarget {
  readonly node: string;
  readonly address: string;
  /** `SHA256:…` of its ed25519 host key, read on the node's console; undefined trusts the user's own known_hosts. */
  readonly fingerprint?: string;
}

/** What is done there. A secret goes by `stdin`. */
export interface ShellLine extends Pick<Command, 'effect' | 'stdin' | 'timeoutMs' | 'accept'> {
  readonly line: string;
}

/** Rejects with a CommandError when the line fails or the node is not there (exit code 255). */
export type NodeShell = (line: ShellLine) => Promise<CommandResult>;

export const scanCommand = (address: string): Command => ({
  file: 'ssh-keyscan',
  args: ['-T', '10', '-t', 'ed25519', address],
  effect: 'read',
  accept: [0, 1],
});

export function shellCommand(address: string, { line, ...rest }: ShellLine, knownHosts?: string): Command {
  const pinned =
    knownHosts === undefined
      ? []
      : ['-o', `UserKnownHostsFile=${sshPath(knownHosts)}`, '-o', 'GlobalKnownHostsFile=/dev/null'];
  return {
    file: 'ssh',
    args: [
      ...['-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes', '-o', 'ConnectTimeout=10'],
      // A node that loses its power says nothing any more.
      ...['-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=3'],
      ...pinned,
      ...['-l', 'root', address, line],
    ],
    ...rest,
  };
}

/** `SHA256:` and the digest of a public key in base64, as OpenSSH prints it. */
export const fingerprintOf = (key: string): string =>
  `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`;

/** Lends the shell of a node. Rejects with a FailedError when what answers there does not have the pinned key. */
export async function withNodeShell<T>(
  exec: Exec,
  target: NodeTarget,
  use: (shell: NodeShell) => Promise<T>,
): Promise<T> {
  const { address, fingerprint } = target;
  const shell =
    (knownHosts?: string): NodeShell =>
    (line) =>
      exec(shellCommand(address, line, knownHosts));
  if (fingerprint === undefined) return use(shell());
  const key = await pinnedKey(exec, target, fingerprint);
  return withTempDir(async (dir) => {
    const knownHosts = join(dir, 'known_hosts');
    await writeFile(knownHosts, `${address} ${key}\n`, { mode: 0o600 });
    return use(shell(knownHosts));
  });
}

async function pinnedKey(exec: Exec, { node, address }: NodeTarget, fingerprint: string): Promise<string> {
  const { stdout } = await exec(scanCommand(address));
  const keys = stdout
    .split('\n')
    .flatMap((line) => /^\S+ (ssh-ed25519) (\S+)/.exec(line)?.slice(1, 3).join(' ') ?? []);
  const key = keys.find((candidate) => fingerprintOf(candidate.split(' ')[1] ?? '') === fingerprint);
  if (key !== undefined) return key;
  const seen = keys.map((candidate) => fingerprintOf(candidate.split(' ')[1] ?? '')).join(', ');
  throw new FailedError(
    seen === ''
      ? `${node} does not answer at ${address}`
      : `at ${address} is not ${node}: its host key is ${seen}, not ${fingerprint}`,
    'its console shows the fingerprint while it waits for the secret; so does, on the node, ' +
      'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub',
  );
}

/** What a person can do about a node that did not let us in. */
export function loginHint({ reason, stderr }: CommandError, node: string): string {
  if (/host key verification failed/i.test(stderr))
    return `pin its host key: --ssh ${node}=SHA256:... (the node shows it on its console)`;
  return reason === 'timeout' || /timed out|refused|no route|unreachable/i.test(stderr)
    ? 'is it running, and can this computer reach its network?'
    : 'is your key among access.sshKeys of the spec?';
}
