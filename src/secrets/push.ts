/** Hands a join secret to a node over SSH, to a host key that was pinned before. */
import { CommandError, type Exec } from '../engine/command.ts';
import { FailedError } from '../errors/exit.ts';
import type { JoinSecret } from '../plan/types.ts';
import { loginHint, type NodeTarget, type ShellLine, withNodeShell } from './node-shell.ts';

/** Where the agent looks for it, and in one step there: it never sees half a secret. Then the agent is woken up. */
const RECEIVE = [
  'set -eu; umask 077',
  'd=/var/lib/slipway; mkdir -p $d',
  'cat > $d/.join-secret.new; sync $d/.join-secret.new',
  'mv $d/.join-secret.new $d/join-secret.json; sync $d',
  'systemctl --no-block start slipway-agent.service',
].join('; ');

/** The secret goes by standard input. */
export const pushLine = (secret: JoinSecret): ShellLine => ({
  line: RECEIVE,
  stdin: `${JSON.stringify(secret)}\n`,
  effect: 'write',
  timeoutMs: 60_000,
});

/** Rejects with a FailedError when the node cannot be reached or is not the one that was pinned. */
export async function pushSecret(exec: Exec, target: NodeTarget, secret: JoinSecret): Promise<void> {
  const { node } = target;
  await withNodeShell(exec, target, (shell) =>
    shell(pushLine(secret)).catch((error: unknown) => {
      if (!(error instanceof CommandError)) throw error;
      throw new FailedError(`${node} did not take the secret: ${error.message}`, loginHint(error, node), {
        cause: error,
      });
    }),
  );
}
