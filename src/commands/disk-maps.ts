/** What lies on a node's disks, as pages and reports draw it. */
import type { DiskMap } from '../lab/evidence/types.ts';
import { partitionSizes } from '../plan/picture.ts';
import type { NodePlan } from '../plan/types.ts';

/** Disks of these sizes as the installer lays them out; without a node they are empty. */
export const diskMaps = (node: NodePlan | undefined, diskMiB: readonly number[]): readonly DiskMap[] =>
  diskMiB.map((sizeMiB, i) => ({
    name: `disk ${i + 1}`,
    sizeMiB,
    partitions: node === undefined ? [] : partitionsOf(node, sizeMiB),
  }));

function partitionsOf({ layout }: NodePlan, diskMiB: number): DiskMap['partitions'] {
  const sizes = partitionSizes(layout, diskMiB);
  return layout.partitions.map(({ gptName, role, sizeMiB }, i) => ({
    ...{ name: gptName, role },
    sizeMiB: sizes[i] ?? sizeMiB,
  }));
}
