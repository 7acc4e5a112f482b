/** The work of `slipway rotate`. */
import { dirname } from 'node:path';
import type { RotationAct, RotationReport } from '../../postinstall/cluster/rotate.ts';
import { CommandError, type Exec } from '../engine/command.ts';
import { makeFolder } from '../engine/make-folder.ts';
import { FailedError } from '../errors/exit.ts';
import { publish } from '../host/atomic.ts';
import { createExec } from '../host/exec.ts';
import { withLock } from '../host/lock.ts';
import { preflight } from '../host/tools.ts';
import { makePlan } from '../plan/plan.ts';
import type { JoinSecret, Plan } from '../plan/types.ts';
import {
  KEY_MEDIUM_TOOLS,
  keyMediumPath,
  nextKeyMediumPath,
  readOwnMedium,
  writeKeyMedium,
} from '../secrets/key-medium.ts';
import {
  loginHint,
  type NodeShell,
  type NodeTarget,
  SSH_TOOLS,
  withNodeShell,
} from '../secrets/node-shell.ts';
import { loadSpec } from '../spec/load.ts';
import { clusterOf, keyWords, lackingPasswords } from './iso-key.ts';
import { nodeTarget, type Refuse } from './node-target.ts';
import type { RotateOptions } from './rotate.ts';
import { type Media, rotateCluster } from './rotation.ts';
import { specFile } from './spec-file.ts';

/** Milliseconds; `verify` waits three minutes for the cluster, and a small machine takes its time. */
const ACT_MS = 300_000;

export async function rotateSecrets(
  given: string | undefined,
  options: RotateOptions,
  refuse: Refuse,
): Promise<void> {
  const file = specFile(given);
  const plan = makePlan((await loadSpec(file)).spec, dirname(file));
  const ha = clusterOf(plan);
  if (ha === undefined)
    return refuse(`no node of ${plan.cluster} forms a cluster, so there is no secret to renew`);
  const names = ha.members.map(({ name }) => name);
  const targets = everyTarget(names, options.ssh, plan, refuse);
  const exec = createExec();
  await preflight([...KEY_MEDIUM_TOOLS, ...SSH_TOOLS], exec);
  const media = mediaIn(exec, options.out, plan.cluster);
  const renew = (): Promise<JoinSecret | undefined> =>
    withShells(exec, targets, (shells) =>
      rotateCluster({
        cluster: plan.cluster,
        nodes: names,
        media,
        ask: (node, act, word) => askNode(node, shells.get(node), act, word),
        say: (line) => void process.stdout.write(`${line}\n`),
        dryRun: options.dryRun === true,
        lost: options.lost === true,
      }),
    );
  const secret = options.dryRun === true ? await renew() : await alone(options.out, media, renew);
  if (secret === undefined) return;
  const lacking = lackingPasswords(ha, secret);
  for (const line of keyWords({ path: media.path, made: true, lacking })) process.stdout.write(`${line}\n`);
  process.stdout.write('copies of the old key medium open nothing any more: replace or erase them\n');
}

/** Two at a time in one folder would each make a successor of the key medium, and one of them would be lost. */
async function alone<T>(folder: string, { nextPath }: Media, work: () => Promise<T>): Promise<T> {
  await makeFolder(folder);
  return withLock(`${nextPath}.lock`, undefined, work);
}

/** A secret that one node does not know keeps it out of its cluster: none is left aside. */
function everyTarget(
  names: readonly string[],
  words: readonly string[] | undefined,
  plan: Plan,
  refuse: Refuse,
): readonly NodeTarget[] {
  const targets = (words ?? names).map((word) => nodeTarget(word, plan, refuse));
  const strangers = targets.filter(({ node }) => !names.includes(node)).map(({ node }) => node);
  if (strangers.length > 0) return refuse(`${strangers.join(' and ')} is no member of the cluster`);
  const missing = names.filter((name) => !targets.some(({ node }) => node === name));
  if (missing.length > 0)
    return refuse(
      `--ssh leaves out ${missing.join(' and ')}; every node takes the new secret, so name all of them, or none`,
    );
  return targets;
}

const mediaIn = (exec: Exec, folder: string, cluster: string): Media => {
  const path = keyMediumPath(folder, cluster);
  const nextPath = nextKeyMediumPath(folder, cluster);
  return {
    path,
    nextPath,
    current: () => readOwnMedium(exec, path, cluster),
    next: () => readOwnMedium(exec, nextPath, cluster),
    prepare: (secret) => writeKeyMedium(exec, nextPath, secret),
    publish: () => publish(nextPath, path),
  };
};

/** Lends a shell of every node, all host keys pinned first. */
async function withShells<T>(
  exec: Exec,
  [target, ...others]: readonly NodeTarget[],
  use: (shells: ReadonlyMap<string, NodeShell>) => Promise<T>,
  shells: ReadonlyMap<string, NodeShell> = new Map(),
): Promise<T> {
  if (target === undefined) return use(shells);
  return withNodeShell(exec, target, (shell) =>
    withShells(exec, others, use, new Map([...shells, [target.node, shell]])),
  );
}

/** Rejects with a FailedError that says why a node did not do what it was asked. */
export async function askNode(
  node: string,
  shell: NodeShell | undefined,
  act: RotationAct,
  secret: JoinSecret | undefined,
): Promise<RotationReport> {
  const what = act === 'look' ? node : `${node} did not ${act}`;
  if (shell === undefined) throw new Error(`there is no shell of ${node}`);
  const result = await shell({
    line: `slipway-agent rotate ${act}`,
    effect: act === 'look' ? 'read' : 'write',
    timeoutMs: ACT_MS,
    accept: [0, 1, 2],
    ...(secret === undefined ? {} : { stdin: `${JSON.stringify(secret)}\n` }),
  }).catch((error: unknown) => {
    if (!(error instanceof CommandError)) throw error;
    throw new FailedError(`${what}: ${error.message}`, hintOf(error, node, act), {
      cause: error,
    });
  });
  const report = result.exitCode === 0 ? parseReport(result.stdout) : undefined;
  if (report !== undefined) return report;
  const [said = '', remedy] = result.stderr.trim().split('\n');
  const why = said.replace(/^slipway-agent: /, '') || 'its agent gave no answer';
  const isOld = why.startsWith('there is no command');
  throw new FailedError(
    `${what}: ${why}`,
    isOld ? 'its agent is older than this command: upgrade its package' : remedy?.trim() || AGAIN,
  );
}

const AGAIN = 'what is done stays done; slipway rotate once more finishes the rest';

const hintOf = (error: CommandError, node: string, act: RotationAct): string => {
  if (error.exitCode === 127) return 'the agent is not installed there';
  return act === 'look' ? loginHint(error, node) : AGAIN;
};

/** What it says about itself is compared with what is expected of it; here only the form is looked at. */
function parseReport(text: string): RotationReport | undefined {
  try {
    const report: RotationReport = JSON.parse(text);
    return typeof report.node === 'string' && typeof report.cluster === 'string' ? report : undefined;
  } catch {
    return undefined;
  }
}
