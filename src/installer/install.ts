/** An installation from the kickstart to a machine that boots: find, judge, carry out, close. */
import { installedLine } from '../engine/lines.ts';
import type { Machine } from '../engine/machine.ts';
import { type StepEvent, type StepProblem, stepProblem } from '../engine/run-step.ts';
import { runSteps } from '../engine/run-steps.ts';
import type { Step } from '../engine/step.ts';
import { parseBootArguments } from './boot-arguments.ts';
import type { Reporter } from './console.ts';
import { describeModel } from './describe-model.ts';
import { guardedMachine } from './disk-guard.ts';
import { explainFailure } from './explain-failure.ts';
import { FailedStep } from './failure-report.ts';
import { findKickstart } from './find-kickstart.ts';
import { builtDevices, type Installation, onTarget } from './installation.ts';
import { ensureNetwork } from './live-network.ts';
import { type Prepared, prepare } from './prepare.ts';
import { TARGET_LOG } from './save-log.ts';
import { runScript } from './scripts.ts';
import { createAccounts } from './steps/create-accounts.ts';
import { createArrays, releaseArrays } from './steps/create-arrays.ts';
import { createSnapshots } from './steps/create-snapshots.ts';
import { createVolumeGroups } from './steps/create-volume-groups.ts';
import { emptyClusteredVolume } from './steps/empty-clustered-volume.ts';
import { enableServices } from './steps/enable-services.ts';
import { encryptDevices } from './steps/encrypt-devices.ts';
import { installBootLoader } from './steps/install-boot-loader.ts';
import { installPackages } from './steps/install-packages.ts';
import { keepKickstart } from './steps/keep-kickstart.ts';
import { makeBtrfsVolumes } from './steps/make-btrfs-volumes.ts';
import { makeFileSystems } from './steps/make-file-systems.ts';
import { mountTarget, unmountTarget } from './steps/mount-target.ts';
import { partitionDisks } from './steps/partition-disks.ts';
import { resizeFileSystems } from './steps/resize-file-systems.ts';
import { runPostScripts, runPreInstallScripts } from './steps/run-post-scripts.ts';
import { sealInstallation, stopArrays } from './steps/seal-installation.ts';
import { unpackImage } from './steps/unpack-image.ts';
import { writeConfiguration } from './steps/write-configuration.ts';

/** All of them, in their order; which ones have something to do depends on the machine. */
export const INSTALLER_STEPS: readonly Step<Installation>[] = [
  createSnapshots('pre-install'),
  resizeFileSystems('shrink', 'create-first-snapshots'),
  partitionDisks,
  encryptDevices('partitions', 'partition-disks'),
  createArrays,
  encryptDevices('arrays', 'create-arrays'),
  createVolumeGroups,
  resizeFileSystems('grow', 'create-volume-groups'),
  encryptDevices('volumes', 'create-volume-groups'),
  makeFileSystems,
  makeBtrfsVolumes,
  emptyClusteredVolume,
  mountTarget,
  runPreInstallScripts(),
  unpackImage(),
  writeConfiguration,
  keepKickstart,
  installPackages(),
  createAccounts(),
  enableServices(),
  installBootLoader,
  runPostScripts(),
  createSnapshots('post-install', 'run-post-scripts'),
  sealInstallation,
];

/**
 * Installs this machine. Nothing is written to a disk before every refusal is through.
 *
 * @param named hears the node's name as soon as it is known, for whoever has to report a failure
 * @returns what the machine shall do next
 * @throws {InputError} for a kickstart that cannot be used here, a StepFailure for everything else foreseen.
 */
export async function install(
  machine: Machine,
  reporter: Reporter,
  named: (node: string) => void,
): Promise<Installation['config']['after']> {
  const args = parseBootArguments((await machine.readFile('/proc/cmdline')) ?? '');
  if (args.node !== undefined && args.node !== 'by-mac') named(args.node);
  const found = await findKickstart(machine, args);
  if (found.node !== undefined) named(found.node);
  reporter.say(`installing ${found.node ?? 'this machine'} by ${found.file}`);
  const prepared = await prepare(machine, found, tell(reporter), named);
  const { installation, released, warnings } = prepared;
  for (const line of warnings) reporter.say(line);
  if (found.node === undefined) wakeNetwork(machine, installation, reporter);
  for (const line of describeModel(installation.model)) reporter.say(`  ${line}`);
  const guarded = guardedMachine(machine, released, builtDevices(installation.model));
  const { failed } = await runSteps(INSTALLER_STEPS, guarded, installation, { listener: listen(reporter) });
  const stopped = failed ?? (await close(guarded, installation, reporter));
  if (stopped !== undefined) {
    const { failureClass, message, remedy } = await explainFailure(machine, released, stopped.problem);
    await runOnError(machine, prepared, reporter);
    // Everything stays mounted: an operator at the shell wants to look at it.
    throw new FailedStep(stopped.id, failureClass, message, remedy);
  }
  reporter.say(installedLine(installation.node));
  return installation.config.after;
}

/** Scripts may count on the network that the kickstart sets up, as under Anaconda. Nothing waits for it. */
function wakeNetwork(machine: Machine, { config }: Installation, reporter: Reporter): void {
  if (!config.interfaces.some(({ dhcp, manual }) => dhcp && !manual)) return;
  ensureNetwork(machine).catch((error: unknown) =>
    reporter.note(error instanceof Error ? error.message : String(error)),
  );
}

/** What a script prints; a result line stands on every console already, put there by the script itself. */
function tell(reporter: Reporter): (line: string) => void {
  return (line) => (line.startsWith('slipway: ') ? reporter.note(line) : reporter.say(line));
}

/** %onerror and %traceback look at what is left; whatever becomes of them, the failure is the one before. */
async function runOnError(machine: Machine, { onError }: Prepared, reporter: Reporter): Promise<void> {
  for (const section of onError) {
    await runScript(machine, section, tell(reporter)).catch((error: unknown) =>
      reporter.note(`%${section.name}: ${error instanceof Error ? error.message : String(error)}`),
    );
  }
}

function listen(reporter: Reporter): (event: StepEvent) => void {
  return (event) => {
    const state = stateOf(event);
    if (state !== undefined) reporter.event({ event: 'step', id: event.id, ...state });
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

/** A step's state for programs; what it says reaches them as a line. */
function stateOf(event: StepEvent): { readonly state: string; readonly why?: string } | undefined {
  switch (event.kind) {
    case 'said':
      return undefined;
    case 'applying':
      return { state: event.kind, why: event.why };
    case 'ended':
      return { state: event.report.outcome };
    default:
      return { state: event.kind };
  }
}

/** Undoes what the steps opened, so that everything written is on the disks when the power goes. */
async function close(
  machine: Machine,
  { model, node }: Installation,
  reporter: Reporter,
): Promise<{ readonly id: string; readonly problem: StepProblem } | undefined> {
  reporter.note(`slipway: all steps of ${node} are verified`);
  try {
    await machine.writeFile(onTarget(TARGET_LOG), `${reporter.lines.join('\n')}\n`);
    await unmountTarget(machine, model);
    await releaseArrays(machine, model.arrays);
    await stopArrays(machine, model);
    return undefined;
  } catch (error) {
    return { id: 'close-target', problem: stepProblem(error) };
  }
}
