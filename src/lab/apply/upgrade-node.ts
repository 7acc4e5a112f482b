/** Brings one running node of a lab up to a package, and has its agent verify it. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Exec } from '../../engine/command.ts';
import type { Keeper, LabFolder } from '../lab-folder.ts';
import { SSH_FAILED, sshCommand } from '../ssh.ts';
import { type AgentReport, type Upgrade, UpgradeReader, upgradeScript } from './upgrade-script.ts';

/** Milliseconds; far more than is needed, far less than for ever. */
const LIMIT = { run: 30 * 60_000, login: 5 * 60_000 } as const;
const POLL_MS = 500;

export interface NodeUpgrade extends Upgrade {
  /** The package, absolute path. */
  readonly file: string;
}

export interface NodeReport extends AgentReport {
  readonly node: string;
  /** From the beginning of the upgrade to the agent's verdict. */
  readonly seconds: number;
}

export interface Reach {
  readonly exec: Exec;
  readonly keeper: Keeper;
  readonly folder: LabFolder;
}

/** Never rejects for what the node does: that is in the report. `onLine` sees what it says. */
export async function upgradeNode(
  { exec, keeper, folder }: Reach,
  node: { readonly name: string; readonly address: string },
  upgrade: NodeUpgrade,
  onLine: (line: string) => void = () => undefined,
): Promise<NodeReport> {
  const begun = performance.now();
  const reader = new UpgradeReader();
  const command = {
    ...sshCommand(keeper, folder, node.address, [upgradeScript(upgrade)]),
    stdinFile: upgrade.file,
    timeoutMs: LIMIT.run,
    accept: ANY_CODE,
  };
  const { exitCode, stderr } = await exec(command, (line) => {
    reader.line(line, performance.now() / 1000);
    onLine(line);
  });
  return {
    node: node.name,
    ...reader.report(exitCode, stderr),
    seconds: (performance.now() - begun) / 1000,
  };
}

const ANY_CODE = Array.from({ length: 256 }, (_, code) => code);

/** Waits until the node lets us in; returns why not when it does not. */
export async function untilReachable(
  { exec, keeper, folder }: Reach,
  address: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const command = { ...sshCommand(keeper, folder, address, ['true']), accept: [0, SSH_FAILED] };
  for (const deadline = Date.now() + LIMIT.login; ; await pause(POLL_MS, undefined, { signal })) {
    const { exitCode, stderr } = await exec(command);
    if (exitCode === 0) return undefined;
    if (Date.now() > deadline) return `nobody can log in: ${stderr.trim()}`;
  }
}
