/** The embedded installer: runs as the only program of the live root, from a kickstart to a machine that boots. */
import { readFile, writeFile } from 'node:fs/promises';
import { CommandError, type Exec, shellLine } from '../engine/command.ts';
import { StepFailure } from '../engine/failure.ts';
import { failedLine, installedLine } from '../engine/lines.ts';
import { localMachine } from '../engine/local-machine.ts';
import type { Machine } from '../engine/machine.ts';
import type { StepEvent } from '../engine/run-step.ts';
import { type RunReport, runSteps } from '../engine/run-steps.ts';
import { spawnExec } from '../engine/spawn.ts';
import type { Step } from '../engine/step.ts';
import { formatProblems, InputError } from '../errors/problem.ts';
import type { CommandLine, Section } from '../kickstart/types.ts';
import { type Disk, readDisks } from '../storage/block-devices.ts';
import { parseBootArguments } from './boot-arguments.ts';
import { buildModel } from './build-model.ts';
import { createReporter, type Reporter } from './console.ts';
import { guardedExec, incarnation, type ReleasedDisk } from './disk-guard.ts';
import { expandKickstart } from './expand.ts';
import { findKickstart } from './find-kickstart.ts';
import { builtDevices, type Installation, onTarget } from './installation.ts';
import { createArrays, releaseArrays } from './steps/create-arrays.ts';
import { createVolumeGroups } from './steps/create-volume-groups.ts';
import { installBootLoader } from './steps/install-boot-loader.ts';
import { installPackages } from './steps/install-packages.ts';
import { makeFileSystems } from './steps/make-file-systems.ts';
import { mountTarget, unmountTarget } from './steps/mount-target.ts';
import { partitionDisks } from './steps/partition-disks.ts';
import { runPostScripts, runPreInstallScripts } from './steps/run-post-scripts.ts';
import { sealInstallation, stopArrays } from './steps/seal-installation.ts';
import { unpackImage } from './steps/unpack-image.ts';
import { writeConfiguration } from './steps/write-configuration.ts';
import { readSystemConfig } from './system-config.ts';

const LOG = '/run/slipway/installer.log';
/** What process 1 does next; absent after a failure. */
const NEXT = '/run/slipway/next';

const STEPS: readonly Step<Installation>[] = [
  partitionDisks,
  createArrays,
  createVolumeGroups,
  makeFileSystems,
  mountTarget,
  runPreInstallScripts(),
  unpackImage,
  writeConfiguration,
  installPackages,
  installBootLoader,
  runPostScripts(),
  sealInstallation,
];

/** Name in result lines until the kickstart has told a better one. */
const UNKNOWN_NODE = 'unknown';

async function install(reporter: Reporter): Promise<void> {
  const exec = logged(spawnExec(), reporter);
  const machine = localMachine({ exec });
  let node = UNKNOWN_NODE;
  try {
    const args = parseBootArguments((await machine.readFile('/proc/cmdline')) ?? '');
    const found = await findKickstart(machine, args);
    node = found.node ?? node;
    reporter.say(`installing ${found.node ?? 'this machine'} by ${found.file}`);
    const { installation, disks } = await prepare(machine, found, reporter);
    node = installation.node;
    const guarded = localMachine({
      exec: guardedExec(exec, machine, disks, builtDevices(installation.model)),
    });
    const report = await runSteps(STEPS, guarded, installation, { listener: listen(reporter) });
    await leave(guarded, installation, report, reporter);
  } catch (error) {
    tellFailure(error, node, reporter);
    throw error;
  }
}

/** Notes every command with what it took: an installation that is slow or fails is read from its log. */
function logged(exec: Exec, reporter: Reporter): Exec {
  return async (command, onLine) => {
    const started = performance.now();
    const took = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;
    try {
      const result = await exec(command, onLine);
      reporter.note(`$ ${shellLine(command)} # ${took()}`);
      return result;
    } catch (error) {
      reporter.note(`$ ${shellLine(command)} # failed after ${took()}`);
      throw error;
    }
  };
}

/** Everything that can be judged before the first write. */
async function prepare(
  machine: Machine,
  found: { readonly text: string; readonly file: string; readonly node?: string },
  reporter: Reporter,
): Promise<{ readonly installation: Installation; readonly disks: readonly ReleasedDisk[] }> {
  const { document, sources } = await expandKickstart(machine, found.text, found.file, (line) =>
    reporter.note(line),
  );
  const commands = document.items.filter((item): item is CommandLine => item.kind === 'command');
  const all = await readDisks(machine);
  const byName = await resolveNames(machine, commands);
  const find = (name: string): Disk | undefined =>
    all.find(({ path }) => path === (byName.get(name) ?? `/dev/${name}`));
  const { model, problems } = buildModel(commands, (name) => {
    const disk = find(name);
    return disk === undefined
      ? undefined
      : { name: disk.name, sizeBytes: disk.sizeBytes, sectorBytes: disk.blockBytes };
  });
  const { config, problems: others } = readSystemConfig(document);
  if (problems.length + others.length > 0) throw new InputError([...others, ...problems], sources);
  const sections = document.items.filter((item): item is Section => item.kind === 'section');
  return {
    installation: {
      node: found.node ?? config.hostname ?? UNKNOWN_NODE,
      model,
      config,
      preInstall: sections.filter(({ name }) => name === 'pre-install'),
      post: sections.filter(({ name }) => name === 'post'),
    },
    disks: await Promise.all(
      model.disks.map(async ({ name }) => ({ name, incarnation: await incarnation(machine, name) })),
    ),
  };
}

/** Every /dev path in the kickstart → the device it leads to now. */
async function resolveNames(
  machine: Machine,
  commands: readonly CommandLine[],
): Promise<ReadonlyMap<string, string>> {
  const words = commands.flatMap((command) =>
    [...command.options.values()].flat().flatMap(({ value }) => value?.text.split(',') ?? []),
  );
  const resolved = new Map<string, string>();
  for (const word of new Set(words.filter((one) => /^(\/dev\/|disk\/)/.test(one)))) {
    const path = await machine.realPath(word.startsWith('/dev/') ? word : `/dev/${word}`);
    if (path !== undefined) resolved.set(word, path);
  }
  return resolved;
}

function listen(reporter: Reporter): (event: StepEvent) => void {
  return (event) => {
    switch (event.kind) {
      case 'applying':
        reporter.say(event.title);
        break;
      case 'said':
        reporter.say(`  ${event.line}`);
        break;
      case 'ended':
        reporter.note(
          `${event.id}: ${event.report.outcome} in ${(event.report.durationMs / 1000).toFixed(1)} s`,
        );
        break;
      default:
        reporter.note(`${event.id}: ${event.kind}`);
    }
  };
}

/** Closes what the steps opened, whether they succeeded or not, and says how it went. */
async function leave(
  machine: Machine,
  installation: Installation,
  report: RunReport,
  reporter: Reporter,
): Promise<void> {
  const { model, node, config } = installation;
  if (report.failed !== undefined) {
    const { failureClass, message, remedy } = report.failed.problem;
    // Everything stays mounted: an operator at the shell wants to look at it.
    throw new InstallError(report.failed.id, failureClass, message, remedy);
  }
  reporter.note(`slipway: all steps of ${node} are verified`);
  await machine.writeFile(onTarget('/var/log/slipway/installer.log'), `${reporter.lines.join('\n')}\n`);
  await unmountTarget(machine, model);
  await releaseArrays(machine, model.arrays);
  await stopArrays(machine, model);
  reporter.say(installedLine(node));
  await reporter.flush();
  await writeFile(NEXT, config.after);
}

class InstallError extends StepFailure {
  readonly step: string;

  constructor(step: string, ...[failureClass, message, remedy]: ConstructorParameters<typeof StepFailure>) {
    super(failureClass, message, remedy);
    this.step = step;
  }
}

function tellFailure(error: unknown, node: string, reporter: Reporter): void {
  if (error instanceof InputError) {
    for (const line of formatProblems(error.problems, error.sources).split('\n')) reporter.say(line);
    const first = error.problems[0];
    const where = first === undefined ? '' : ` (line ${first.line}, column ${first.column})`;
    reporter.say(failedLine(node, 'config-invalid', 'read-kickstart', `${first?.message ?? ''}${where}`));
    return;
  }
  if (error instanceof StepFailure) {
    const step = error instanceof InstallError ? error.step : 'read-kickstart';
    reporter.say(failedLine(node, error.failureClass, step, error.message));
    if (error.remedy !== undefined) reporter.say(`  ${error.remedy}`);
    return;
  }
  if (error instanceof CommandError) reporter.note(error.stderr);
  reporter.say(
    failedLine(node, 'verify-failed', 'installer', error instanceof Error ? error.message : String(error)),
  );
  reporter.note(error instanceof Error ? (error.stack ?? '') : '');
}

const everything = (await readFile('/proc/cmdline', 'utf8')).split(/\s+/).includes('slipway.debug');
const reporter = createReporter(LOG, { everything });
try {
  await install(reporter);
} catch {
  // Told already, on every console.
  process.exitCode = 1;
}
await reporter.flush();
