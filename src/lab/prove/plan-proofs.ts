/** All proofs of a plan, worked out before anything is started. */
import type { NodePlan, Plan } from '../../plan/types.ts';
import { bootMatrix } from './boot-matrix.ts';
import {
  type ComputerWishes,
  canBeUndeclared,
  type InstalledComputer,
  planComputer,
  representatives,
  type Start,
  startsOf,
} from './computer.ts';
import { failover } from './failover.ts';
import { type InstallerStep, powerCuts } from './power-cuts.ts';
import type { ProofGroup } from './proof.ts';
import { secondRun, undeclaredDisks } from './running-again.ts';
import { missingMember, trap } from './trap.ts';

export interface ProofWishes extends Omit<ComputerWishes, 'undeclared'> {
  /** All steps of the installer in their order. */
  readonly installerSteps: readonly InstallerStep[];
}

/** Groups in the order of the report. @throws {MissingError} for disks that no virtual machine can have. */
export function planProofs(plan: Plan, wishes: ProofWishes): readonly ProofGroup[] {
  return [
    ...representatives(plan).flatMap((node) => nodeGroups(plan, node, wishes)),
    ...clusterGroups(plan, wishes),
  ];
}

function nodeGroups(plan: Plan, node: NodePlan, wishes: ProofWishes): readonly ProofGroup[] {
  const computer = (start: Start, change: Partial<ComputerWishes> = {}): InstalledComputer =>
    planComputer(plan, node, start, { ...wishes, ...change });
  // What no firmware makes a difference to is proven with the first one.
  const [first, ...others] = startsOf(node);
  if (first === undefined) return [];
  const plain = computer(first);
  return [
    startGroup(computer(first, { undeclared: canBeUndeclared(node) }), true),
    ...others.map((start) => startGroup(computer(start), false)),
    ...trapGroups(node, plain, () => computer(first, { bus: 'scsi' })),
    powerCuts(plain, wishes.installerSteps),
  ];
}

/** Of nodes that form a cluster, all. */
function clusterGroups(plan: Plan, wishes: ProofWishes): readonly ProofGroup[] {
  const members = plan.nodes.filter(({ ha }) => ha !== undefined);
  const [first] = members;
  const [start] = first === undefined ? [] : startsOf(first);
  if (first?.ha === undefined || start === undefined) return [];
  const group = failover(
    first.ha,
    members.map((node) => planComputer(plan, node, start, wishes)),
  );
  return group === undefined ? [] : [group];
}

function startGroup(computer: InstalledComputer, isFirst: boolean): ProofGroup {
  const matrix = bootMatrix(computer);
  const complete = matrix[1]?.id ?? '';
  const further = isFirst ? [...secondRun(computer, complete), ...undeclaredDisks(computer, complete)] : [];
  return { computer, cells: [...matrix, ...further] };
}

function trapGroups(
  { layout }: NodePlan,
  computer: InstalledComputer,
  onScsi: () => InstalledComputer,
): readonly ProofGroup[] {
  const boot = layout.arrays.find(({ role }) => role === 'boot');
  if (boot === undefined) return [];
  return [trap(computer, boot.name), missingMember(computer, onScsi, computer)];
}
