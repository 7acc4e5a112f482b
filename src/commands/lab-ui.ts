/** `slipway lab up --ui`: a page of the lab that changes as the lab does. */
import { setTimeout as pause } from 'node:timers/promises';
import { packageVersion } from '../host/package-root.ts';
import { forgetInterruption } from '../host/signals.ts';
import type { LabFolder } from '../lab/lab-folder.ts';
import type { LabPlan } from '../lab/lab-plan.ts';
import { type LivePage, serveLivePage } from '../lab/report/live-page.ts';
import { NodeWatch } from '../lab/report/watch-nodes.ts';
import type { NodePlan, Plan } from '../plan/types.ts';
import { describeMachine, runnerOf } from './describe-machine.ts';
import { diskMaps } from './disk-maps.ts';

/** Milliseconds between two looks whether the lab still runs. */
const LOOK_MS = 500;

/** Serves the page of the lab in `folder`, which has been laid out. @throws {MissingError} when the port is taken. */
export async function openLabPage(folder: LabFolder, plan: Plan, port: number): Promise<LivePage> {
  const lab = await folder.plan();
  if (lab === undefined) throw new Error('a lab that is not laid out has no page');
  const watch = new NodeWatch(folder, lab, {
    command: ['slipway', ...process.argv.slice(2)].join(' '),
    cluster: lab.name,
    plan: plan.hash,
    startedAt: new Date().toISOString(),
    machine: describeMachine(
      lab.engine.kind === 'qemu' ? runnerOf(lab.engine.acceleration) : lab.engine.kind,
    ),
    versions: { slipway: packageVersion(), node: process.versions.node },
    disks: new Map(lab.nodes.map(({ name, diskMiB }) => [name, diskMaps(planOf(plan, lab, name), diskMiB)])),
  });
  return serveLivePage({ port, look: () => watch.look() });
}

/**
 * Shows the page of a lab that has settled until somebody ends the lab, or until Ctrl-C, which from now on ends the
 * page alone and says nothing of how the lab came up.
 */
export async function keepShowing(
  page: Pick<LivePage, 'close'>,
  folder: Pick<LabFolder, 'keeper'>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted && (await folder.keeper()) !== undefined) await pause(LOOK_MS);
  forgetInterruption();
  await page.close();
}

/** Bare nodes have no plan, and nothing on their disks. */
const planOf = ({ nodes }: Plan, { engine }: LabPlan, name: string): NodePlan | undefined =>
  engine.kind === 'uml' ? undefined : nodes.find((node) => node.name === name);
