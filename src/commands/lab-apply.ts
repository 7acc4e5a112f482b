/** `slipway lab apply`: from an edited step to nodes that have verified it, without installing them again. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { buildPostinstall } from '../artefact/artefacts.ts';
import { sourceDateEpoch } from '../artefact/epoch.ts';
import { RPM_TOOLS } from '../artefact/rpm.ts';
import { CommandError, type Exec } from '../engine/command.ts';
import { FailedError, MissingError } from '../errors/exit.ts';
import { openCache } from '../host/cache.ts';
import { createExec } from '../host/exec.ts';
import { packageRoot } from '../host/package-root.ts';
import { interruption } from '../host/signals.ts';
import { preflight } from '../host/tools.ts';
import { accelerate } from '../lab/accelerate.ts';
import { reportTable } from '../lab/apply/report-table.ts';
import { Saves } from '../lab/apply/saves.ts';
import { type NodeReport, type NodeUpgrade, type Reach, upgradeNode } from '../lab/apply/upgrade-node.ts';
import { askLab, type RefreshEngine } from '../lab/control.ts';
import { controlSocket } from '../lab/lab-folder.ts';
import type { LabNode, LabSource } from '../lab/lab-plan.ts';
import { qemuTools, umlTools } from '../lab/lab-tools.ts';
import { withLabLock } from '../lab/launch.ts';
import { obtainUmlImages } from '../lab/uml-images.ts';
import { makePlan } from '../plan/plan.ts';
import { loadSpec } from '../spec/load.ts';
import type { LabApplyOptions, Usage } from './lab.ts';
import { buildLabBase } from './lab-base.ts';
import { findKeeper, findLab, type Place, requireOurNetwork } from './lab-place.ts';
import { outcomeOf } from './outcome.ts';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

interface Workplace {
  readonly place: Place;
  readonly source: LabSource;
  readonly options: LabApplyOptions;
  readonly exec: Exec;
  readonly signal: AbortSignal;
  /** What the nodes are started on, freshly installed, each time; undefined to take them as they are. */
  readonly fresh?: RefreshEngine;
}

export async function labApply(options: LabApplyOptions, usage: Usage): Promise<void> {
  if (options.engine !== undefined && options.fresh !== true) usage('--engine is for --fresh');
  const place = await findLab(options);
  const source = installedFrom(place, options.dir);
  await findKeeper(place);
  requireOurNetwork(place, 'slipway lab apply works with labs of --engine qemu');
  const signal = interruption();
  const exec = createExec({ signal });
  await preflight(RPM_TOOLS, exec);
  // Before the agent is built: that writes this very program anew, and parts not yet loaded would be gone.
  const fresh = options.fresh === true ? await freshEngine(place, source, options, exec) : undefined;
  const work = { place, source, options, exec, signal, ...(fresh === undefined ? {} : { fresh }) };
  if (options.watch === true) return watchSaves(work);
  conclude(await apply(work));
}

function installedFrom({ plan }: Place, dir: string): LabSource {
  if (plan.source !== undefined) return plan.source;
  throw new MissingError(
    `the nodes of the lab in ${dir} are bare: there is no agent on them`,
    'slipway lab up installs some (--engine qemu)',
  );
}

async function freshEngine(
  { plan }: Place,
  { spec, out }: LabSource,
  { engine = 'uml' }: LabApplyOptions,
  exec: Exec,
): Promise<RefreshEngine> {
  if (engine === 'qemu') {
    await preflight(qemuTools(plan.nodes[0]?.machine.firmware ?? 'bios'), exec);
    return { kind: 'qemu', acceleration: await accelerate(exec) };
  }
  await preflight(umlTools(), exec);
  const base = await buildLabBase(spec, out);
  return { kind: 'uml', images: await obtainUmlImages(base.installerInitrd, { exec, cache: openCache() }) };
}

/** Goes on until it is interrupted; what fails is told, and the next save is another try. */
async function watchSaves(work: Workplace): Promise<never> {
  const { source, signal } = work;
  const steps = await stepsFolder(source);
  const saves = new Saves({
    folders: [...steps, ...agentSources()],
    files: [source.spec],
  });
  try {
    for (;;) {
      try {
        conclude(await apply(work));
      } catch (error) {
        signal.throwIfAborted();
        const { exitCode, message } = outcomeOf(error);
        if (exitCode === 2) throw error;
        process.stderr.write(`${message}\n`);
      }
      print(`watching ${[source.spec, ...steps].join(', ')}; Ctrl-C ends it`);
      await saves.next(signal);
    }
  } finally {
    saves.close();
  }
}

/** Where the user's steps are, also when one of them is half written. */
async function stepsFolder({ spec: file }: LabSource): Promise<readonly string[]> {
  const { spec } = await loadSpec(file);
  const { stepsDir } = makePlan(spec, dirname(file));
  return stepsDir === undefined ? [] : [stepsDir];
}

/** The agent's own code, where this is a checkout of it. */
const agentSources = (): readonly string[] =>
  ['postinstall', 'src/engine', 'src/storage', 'src/plan'].map((path) => join(packageRoot(), path));

/** Two at a time would upgrade the nodes from under each other. */
const apply = (work: Workplace): Promise<readonly NodeReport[]> =>
  withLabLock(work.place.folder, 'slipway lab apply', () => applyAlone(work));

async function applyAlone(work: Workplace): Promise<readonly NodeReport[]> {
  const { place, options, exec, signal, fresh } = work;
  const begun = performance.now();
  const keeper = await findKeeper(place);
  const reach: Reach = { exec, keeper, folder: place.folder };
  const [built] = await Promise.all([
    buildPackage(work),
    fresh === undefined ? undefined : startAfresh(place, controlSocket(keeper), fresh),
  ]);
  const upgrade = { ...built, ...(options.step === undefined ? {} : { only: options.step }) };
  print(`${upgrade.package}, after ${seconds(begun)}`);
  const reports = await Promise.all(
    place.plan.nodes.map(async (node): Promise<NodeReport> => {
      const { name, address } = node;
      if (address === undefined) return unreached(node, 'it has no address');
      return upgradeNode(reach, { name, address }, upgrade, {
        patienceMs: fresh === undefined ? PATIENCE_MS.running : PATIENCE_MS.fresh,
        signal,
        onBegin: () => fresh !== undefined && print(`${name}: up after ${seconds(begun)}`),
      });
    }),
  );
  print(reportTable(reports));
  print(`${seconds(begun)} in all`);
  return reports;
}

/** A node that runs answers at once, or after its SSH server has been restarted. */
const PATIENCE_MS = { running: 15_000, fresh: 5 * 60_000 } as const;

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

const unreached = ({ name }: LabNode, problem: string): NodeReport => ({
  node: name,
  upgraded: false,
  steps: [],
  problem,
  seconds: 0,
});

/** What has not changed is not built again. */
async function buildPackage({ place, source, exec, signal }: Workplace): Promise<NodeUpgrade> {
  await buildAgent(exec);
  const { spec, steps } = await loadSpec(source.spec);
  if (makePlan(spec, dirname(source.spec)).hash !== source.plan) {
    print(
      `${source.spec} says something else of the nodes than it did when they were installed; only \`lab up\` brings that to them`,
    );
  }
  const rpm = await buildPostinstall(
    { exec, cache: openCache(undefined, signal), signal },
    {
      steps,
      ledger: join(source.out, 'releases.json'),
      cluster: place.plan.name,
      epoch: sourceDateEpoch(),
    },
    print,
  );
  return { file: rpm.file, package: basename(rpm.file, '.rpm') };
}

/** An installed slipway has the agent as it was released; in a checkout somebody may be working on it. */
async function buildAgent(exec: Exec): Promise<void> {
  const root = packageRoot();
  if (!existsSync(join(root, 'postinstall/agent.ts'))) return;
  try {
    await exec({ file: process.execPath, args: ['scripts/build.mjs'], cwd: root, effect: 'write' });
  } catch (error) {
    if (!(error instanceof CommandError) || error.reason !== 'exit') throw error;
    throw new FailedError(`the agent does not build:\n${error.stderr.trim()}`);
  }
}

async function startAfresh({ folder }: Place, socket: string, engine: RefreshEngine): Promise<void> {
  const answer = await askLab(socket, { ask: 'refresh', engine });
  answer.destroy();
  // They may make keys of their own at their first start.
  await rm(folder.knownHosts, { force: true });
}

/** @throws {FailedError} naming the nodes that are not as they should be. */
function conclude(reports: readonly NodeReport[]): void {
  const failed = reports.flatMap(({ node, problem }) => (problem === undefined ? [] : `${node}: ${problem}`));
  if (failed.length > 0) throw new FailedError(failed.join('\n'), 'slipway lab logs NODE has its console');
}
