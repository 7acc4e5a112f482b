/** The plan as text for a terminal. */
import Table from 'cli-table3';
import { formatSize } from '../spec/size.ts';
import { haLines } from './ha-text.ts';
import { arrayText, contentText, demandText, interfaceTexts, sizeText, volumesOn } from './picture.ts';
import type { LayoutPlan, NodePlan, PartitionPlan, Plan } from './types.ts';

/** What the table says about one of the user's own steps. */
export interface StepLine {
  readonly id: string;
  readonly title: string;
}

/** The whole plan, in paragraphs: the cluster, a table for each node, what they run together, the steps. */
export function planTable(plan: Plan, steps: readonly StepLine[] = []): string {
  const { cluster, release, media, hash, nodes } = plan;
  const head = [
    `cluster ${cluster}: ${nodes.length === 1 ? '1 node' : `${nodes.length} nodes`}, ${release}, plan ${hash.slice(0, 12)}`,
    `medium ${media.volumeId}: takes ${media.default} after ${media.timeoutSeconds} s`,
  ].join('\n');
  const ha = nodes.find((node) => node.ha !== undefined)?.ha;
  const together =
    ha === undefined
      ? []
      : [
          haLines(ha)
            .map((line, i) => (i === 0 ? line : `  ${line}`))
            .join('\n'),
        ];
  const own =
    steps.length === 0
      ? []
      : [['own steps', ...steps.map(({ id, title }) => `  ${id}: ${title}`)].join('\n')];
  return [head, ...nodes.map(nodeText), ...together, ...own].join('\n\n');
}

function nodeText(node: NodePlan): string {
  const { name, index, role, rank, layout, disks } = node;
  const key = index < 9 ? `, boot menu key ${index + 1}` : '';
  const spares = layout.spares === 0 ? '' : `, ${layout.spares} of them spare`;
  return [
    `${name}: ${role}${role === 'standalone' ? '' : `, rank ${rank}`}${key}, then ${node.afterInstall}`,
    ...interfaceTexts(node).map((line) => `  ${line}`),
    `  disks: ${demandText(disks)}${spares}`,
    `  layout: ${layout.kind}, boots by ${layout.firmware.join(' and ')}, needs ${formatSize(layout.minimumDiskMiB)} a disk`,
    layoutTable(layout),
  ].join('\n');
}

/** One rule below the head and no other lines. */
export const RULED = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '' },
};

function layoutTable(layout: LayoutPlan): string {
  const raid = layout.arrays.length > 0;
  const table = new Table({
    head: ['on each disk', 'size', ...(raid ? ['array'] : []), 'content'],
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: RULED,
  });
  for (const partition of layout.partitions) {
    const array = raid ? [arrayText(layout, partition) ?? ''] : [];
    table.push([partition.gptName, sizeText(partition), ...array, holdsText(layout, partition)]);
  }
  return table
    .toString()
    .split('\n')
    .map((line) => `    ${line}`.trimEnd())
    .join('\n');
}

function holdsText(layout: LayoutPlan, partition: PartitionPlan): string {
  if (partition.role === 'biosboot') return "GRUB's core image";
  const volumes = volumesOn(layout, partition);
  if (partition.role !== 'pv') return volumes.map(contentText).join('\n');
  const lines = volumes.map(
    (volume) => `  ${volume.name ?? volume.role}: ${contentText(volume)}, ${sizeText(volume)}`,
  );
  return [`volume group ${layout.volumeGroup?.name ?? ''}`, ...lines].join('\n');
}
