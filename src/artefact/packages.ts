/** What is in our two packages. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MissingError } from '../errors/exit.ts';
import { packageRoot, packageVersion } from '../host/package-root.ts';
import { readNews } from './changelog.ts';
import type { NodeRuntime } from './node-runtime.ts';
import { fileEntry, folderEntry, type Payload, textEntry, treeEntries } from './payload.ts';
import { rpmVersion } from './release.ts';
import type { RpmDescription } from './rpm.ts';

/** Where things lie on an installed node. */
export const INSTALLED = {
  node: '/usr/lib/slipway/runtime/bin/node',
  agent: '/usr/lib/slipway/agent.mjs',
  steps: '/usr/lib/slipway/steps',
  unit: '/usr/lib/systemd/system/slipway-agent.service',
  preset: '/usr/lib/systemd/system-preset/50-slipway.preset',
  command: '/usr/bin/slipway-agent',
  /** The operator's, kept by upgrades. */
  environment: '/etc/slipway/agent.env',
} as const;

/** A step of the user's: everything in `dir` goes into the package under its id. */
export interface PackagedStep {
  readonly id: string;
  readonly dir: string;
  readonly title: string;
  readonly after: readonly string[];
  readonly timeoutSeconds?: number;
}

/** Node, from what was downloaded. */
export async function describeRuntime(runtime: NodeRuntime): Promise<RpmDescription> {
  return {
    name: 'slipway-runtime',
    version: runtime.version,
    arch: 'x86_64',
    news: [{ version: runtime.version, notes: [`Node.js ${runtime.version}, as its makers built it.`] }],
    payload: [
      folderEntry('/usr/lib/slipway'),
      folderEntry('/usr/lib/slipway/runtime'),
      folderEntry('/usr/lib/slipway/runtime/bin'),
      await fileEntry(INSTALLED.node, 0o755, runtime.node, `node ${runtime.id}`),
      await fileEntry(
        '/usr/share/licenses/slipway-runtime/LICENSE',
        0o644,
        runtime.license,
        `licence ${runtime.id}`,
      ),
    ],
  };
}

/** Our own files that go into slipway-postinstall; absolute paths on this machine. */
export interface OwnFiles {
  readonly agent: string;
  readonly unit: string;
}

/** The built agent and its unit. */
export function ownFiles(): OwnFiles {
  return { agent: built('agent.mjs'), unit: ownFile('postinstall/units/slipway-agent.service') };
}

/** The agent with its unit, and the user's steps. */
export async function describePostinstall(
  steps: readonly PackagedStep[],
  runtime: Pick<NodeRuntime, 'version'>,
  own: OwnFiles,
): Promise<RpmDescription> {
  const trees = await Promise.all(steps.map((step) => stepEntries(step)));
  return {
    name: 'slipway-postinstall',
    version: rpmVersion(packageVersion()),
    arch: 'noarch',
    news: readNews(readFileSync(ownFile('NEWS.md'), 'utf8')).map((entry) => ({
      ...entry,
      version: rpmVersion(entry.version),
    })),
    values: { nodeMajor: runtime.version.replace(/\..*/, '') },
    payload: [
      folderEntry('/usr/lib/slipway'),
      folderEntry(INSTALLED.steps),
      await fileEntry(INSTALLED.agent, 0o644, own.agent),
      textEntry(INSTALLED.command, 0o755, COMMAND),
      folderEntry('/etc/slipway'),
      textEntry(INSTALLED.environment, 0o644, ENVIRONMENT),
      await fileEntry(INSTALLED.unit, 0o644, own.unit),
      textEntry(INSTALLED.preset, 0o644, PRESET),
      await fileEntry('/usr/share/licenses/slipway-postinstall/LICENSE', 0o644, ownFile('LICENSE')),
      ...trees.flat(),
    ],
  };
}

const COMMAND = `#!/bin/sh
set -a
[ ! -r ${INSTALLED.environment} ] || . ${INSTALLED.environment}
set +a
exec ${INSTALLED.node} ${INSTALLED.agent} "$@"
`;

const ENVIRONMENT = `# Environment of slipway-agent and of the steps it runs, as a shell reads it. Upgrades keep this file.
# https_proxy=http://proxy.example.org:3128
`;

/**
 * The agent starts the cluster's services when their turn has come. Started by a distribution's preset, before the
 * agent has proven the storage below them, they would fence or split.
 */
const PRESET = `enable slipway-agent.service
disable corosync.service
disable pacemaker.service
disable pcsd.service
disable drbd.service
disable keepalived.service
`;

/** The step's own files, and what its step.yaml says as JSON, which the agent reads without a YAML parser. */
async function stepEntries({ id, dir, title, after, timeoutSeconds }: PackagedStep): Promise<Payload> {
  const base = `${INSTALLED.steps}/${id}`;
  const facts = { title, after, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) };
  const own = (await treeEntries(base, dir)).filter(({ path }) => path !== `${base}/step.json`);
  return [...own, textEntry(`${base}/step.json`, 0o644, `${JSON.stringify(facts, null, 2)}\n`)];
}

const ownFile = (path: string): string => join(packageRoot(), path);

function built(name: string): string {
  const path = ownFile(`lib/${name}`);
  if (existsSync(path)) return path;
  throw new MissingError(`lib/${name} has not been built`, 'npm run build');
}
