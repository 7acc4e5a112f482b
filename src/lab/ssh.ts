/** Logging in to a lab's nodes. */
import type { Command } from '../engine/command.ts';
import { sshPath } from '../host/ssh-option.ts';
import type { LabFolder } from './lab-folder.ts';
import { enterCommand } from './launch.ts';
import type { ProcessIdentity } from './process-identity.ts';

/**
 * Logs in as root at an address of the lab's network, for a shell or for `words` as one command line. The lab's own key
 * and list of hosts; nothing of the user's configuration, which may forbid what the lab does.
 */
export function sshCommand(
  keeper: ProcessIdentity,
  { key, knownHosts }: LabFolder,
  address: string,
  words: readonly string[],
): Command {
  const settings = [
    `IdentityFile=${sshPath(key)}`,
    `UserKnownHostsFile=${sshPath(knownHosts)}`,
    'StrictHostKeyChecking=accept-new',
    'ConnectTimeout=10',
    'LogLevel=ERROR',
  ];
  const options = ['-F', 'none', ...settings.flatMap((each) => ['-o', each])];
  return enterCommand(keeper, { file: 'ssh', args: [...options, `root@${address}`, ...words] });
}
