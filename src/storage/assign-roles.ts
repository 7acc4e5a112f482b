/** Finds out which partition of which disk has which role of a layout. Pure. */
import { StepFailure } from '../engine/failure.ts';
import { PARTITION_TYPE } from '../plan/types.ts';
import type { Observation, ObservedDisk, ObservedPartition } from './observe.ts';

/** The part of a node's plan that a layout record is made from; a `NodePlan` fits. */
export interface LayoutDemand {
  readonly name: string;
  readonly layout: {
    readonly kind: 'single' | 'raid1';
    readonly diskCount: number;
    readonly partitions: readonly {
      readonly role: string;
      readonly gptName: string;
      readonly typeGuid: string;
    }[];
    readonly arrays: readonly { readonly role: string; readonly name: string }[];
    readonly volumeGroup?: { readonly name: string };
    readonly volumes: readonly {
      readonly role: string;
      readonly fileSystem?: string;
      readonly mountPoint?: string;
      readonly on: 'partition' | 'array' | 'lv';
    }[];
  };
}

export interface AssignedDisk extends ObservedDisk {
  readonly table: NonNullable<ObservedDisk['table']>;
  /** Role by partition number. */
  readonly roles: ReadonlyMap<number, string>;
}

/**
 * The disks of the layout with the role of each partition. Installers number partitions as they like, so a role is
 * told by what uses the partition: its array, its mount point or swap (`uses`: device name → mount point, or `swap`).
 * On disks found that way the rest is told by GPT name, by type, and finally by being the only one left.
 *
 * Throws a StepFailure of class `verify-failed` with everything that does not fit.
 */
export function assignRoles(
  demand: LayoutDemand,
  observation: Observation,
  uses: ReadonlyMap<string, string>,
): readonly AssignedDisk[] {
  const { layout } = demand;
  const used = usedRoles(demand, observation, uses);
  const problems = layout.arrays
    .filter(({ name }) => !observation.arrays.some((array) => array.name === name))
    .map(({ name }) => `array ${name} is not assembled`);
  const assigned: AssignedDisk[] = [];
  for (const observed of observation.disks) {
    const { table } = observed;
    if (
      table === undefined ||
      !observed.partitions.some(({ device }) => device !== undefined && used.has(device))
    )
      continue;
    const roles = rolesOnDisk(layout, observed, used);
    const missing = layout.partitions.filter(({ role }) => ![...roles.values()].includes(role));
    if (missing.length > 0) {
      problems.push(
        `${observed.disk.name} has no partition for ${missing.map(({ role }) => role).join(', ')}`,
      );
    }
    assigned.push({ ...observed, table, roles });
  }
  if (assigned.length !== layout.diskCount) {
    problems.push(`the layout is on ${assigned.length} disks, the plan says ${layout.diskCount}`);
  }
  if (problems.length > 0) throw new StepFailure('verify-failed', problems.join('; '));
  return assigned;
}

/** Device name → role, for everything that an array, a mount or swap uses. */
function usedRoles(
  { layout }: LayoutDemand,
  observation: Observation,
  uses: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const roles = new Map<string, string>();
  for (const { role, name } of layout.arrays) {
    const array = observation.arrays.find((candidate) => candidate.name === name);
    for (const member of array?.members ?? []) roles.set(member.device, role);
  }
  for (const { role, mountPoint, fileSystem, on } of layout.volumes) {
    if (on !== 'partition') continue;
    for (const [device, use] of uses) {
      if (use === mountPoint || (use === 'swap' && fileSystem === 'swap')) roles.set(device, role);
    }
  }
  return roles;
}

function rolesOnDisk(
  { partitions: planned }: LayoutDemand['layout'],
  observed: ObservedDisk,
  used: ReadonlyMap<string, string>,
): ReadonlyMap<number, string> {
  const roles = new Map<number, string>();
  const take = (partition: ObservedPartition, role: string | undefined): void => {
    const isFree = ![...roles.values()].some((taken) => taken === role);
    if (role !== undefined && isFree && !roles.has(partition.number)) roles.set(partition.number, role);
  };
  for (const partition of observed.partitions) take(partition, used.get(partition.device ?? ''));
  for (const partition of observed.partitions) {
    take(partition, planned.find(({ gptName }) => gptName === partition.name)?.role);
  }
  for (const partition of observed.partitions) {
    if (partition.typeGuid === PARTITION_TYPE.biosboot)
      take(partition, planned.find(({ role }) => role === 'biosboot')?.role);
  }
  const left = observed.partitions.filter(({ number }) => !roles.has(number));
  const open = planned.filter(({ role }) => ![...roles.values()].includes(role));
  const [onlyPartition, onlyRole] = [left[0], open[0]];
  if (left.length === 1 && open.length === 1 && onlyPartition !== undefined)
    take(onlyPartition, onlyRole?.role);
  return roles;
}
