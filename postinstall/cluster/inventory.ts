/** What the nodes of a cluster have to agree on before they act together. */
import { createHash } from 'node:crypto';
import type { NodePlan } from '../../src/plan/types.ts';

/**
 * A hash over the cluster's part of the plan, the same on every member. Two nodes with different ones were installed from
 * different specs.
 */
export function inventoryHash({ cluster, ha }: NodePlan): string {
  return createHash('sha256')
    .update(JSON.stringify([cluster, sorted(ha)]))
    .digest('hex')
    .slice(0, 16);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}
