/** What the commands that look at a lab, or reach into it, begin with. */
import { resolve } from 'node:path';
import { MissingError } from '../errors/exit.ts';
import { type Keeper, LabFolder } from '../lab/lab-folder.ts';
import type { LabNode, LabPlan } from '../lab/lab-plan.ts';
import type { LabOptions, Usage } from './lab.ts';

export interface Place {
  readonly folder: LabFolder;
  readonly plan: LabPlan;
}

/** @throws {MissingError} when there is no lab. */
export async function findLab({ dir }: LabOptions): Promise<Place> {
  const folder = new LabFolder(resolve(dir));
  const plan = await folder.plan();
  if (plan === undefined) throw new MissingError(`there is no lab in ${dir}`, 'slipway lab up');
  return { folder, plan };
}

/** @throws {MissingError} when nobody keeps the lab running any more. */
export async function findKeeper({ folder }: Place): Promise<Keeper> {
  const keeper = await folder.keeper();
  if (keeper === undefined) {
    throw new MissingError(
      `the lab in ${folder.dir} does not run any more`,
      'slipway lab down removes it; slipway lab logs still shows its consoles',
    );
  }
  return keeper;
}

export function findNode({ plan }: Place, name: string, usage: Usage): LabNode {
  const node = plan.nodes.find((each) => each.name === name);
  return (
    node ?? usage(`there is no node '${name}' in the lab: ${plan.nodes.map((each) => each.name).join(', ')}`)
  );
}

/** @throws {MissingError} when the nodes are on a network of libvirt's, which cannot be entered from here. */
export function requireOurNetwork({ plan }: Place, hint?: string): void {
  if (plan.engine.kind !== 'libvirt') return;
  throw new MissingError(
    `the nodes are on a network of ${plan.engine.uri}, where nobody logs in from here`,
    hint,
  );
}
