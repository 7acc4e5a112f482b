/** Brings one running node of a lab up to a package, and has its agent verify it. */
import { setTimeout as pause } from 'node:timers/promises';
import { CommandError, type Exec } from '../../engine/command.ts';
import type { Keeper, LabFolder } from '../lab-folder.ts';
import { sshCommand } from '../ssh.ts';
import { type AgentReport, type Upgrade, UpgradeReader, upgradeScript } from './upgrade-script.ts';

/** Milliseconds; far more than a run needs, far less than for ever. */
const RUN_MS = 30 * 60_000;
/** Between two tries to log in. */
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

export interface UpgradeOptions {
  /** Milliseconds that the node may take to let us in. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Told once it has let us in. */
  readonly onBegin?: () => void;
}

/** What the node does or does not do is in the report. @throws the signal's reason. */
export async function upgradeNode(
  reach: Reach,
  node: { readonly name: string; readonly address: string },
  upgrade: NodeUpgrade,
  { patienceMs, signal, onBegin }: UpgradeOptions,
): Promise<NodeReport> {
  for (const deadline = performance.now() + patienceMs; ; await pause(POLL_MS, undefined, { signal })) {
    const { begun, report } = await tryUpgrade(reach, node, upgrade, onBegin);
    if (begun || performance.now() > deadline) return report;
  }
}

/** A node that starts refuses logins, and some restart their SSH server once. */
async function tryUpgrade(
  { exec, keeper, folder }: Reach,
  { name, address }: { readonly name: string; readonly address: string },
  upgrade: NodeUpgrade,
  onBegin: () => void = () => undefined,
): Promise<{ readonly begun: boolean; readonly report: NodeReport }> {
  const since = performance.now();
  const reader = new UpgradeReader();
  const command = {
    ...sshCommand(keeper, folder, address, [upgradeScript(upgrade)]),
    stdinFile: upgrade.file,
    timeoutMs: RUN_MS,
    accept: ANY_CODE,
  };
  const onLine = (line: string): void => {
    const before = reader.begun;
    reader.line(line, performance.now() / 1000);
    if (reader.begun && !before) onBegin();
  };
  const { exitCode, stderr } = await exec(command, onLine).catch((error: unknown) => {
    if (!(error instanceof CommandError) || error.reason !== 'timeout') throw error;
    return { exitCode: TIMED_OUT, stderr: `no verdict within ${RUN_MS / 60_000} min` };
  });
  const seconds = (performance.now() - since) / 1000;
  return { begun: reader.begun, report: { node: name, ...reader.report(exitCode, stderr), seconds } };
}

/** As timeout(1) says it. */
const TIMED_OUT = 124;
const ANY_CODE = Array.from({ length: 256 }, (_, code) => code);
