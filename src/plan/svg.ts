/** The plan as a picture: every disk of every node to scale, arrays as ribbons between their members. */
import { formatSize } from '../spec/size.ts';
import {
  arrayText,
  contentText,
  demandText,
  drawnDiskMiB,
  interfaceTexts,
  partitionSizes,
  scaledWidths,
  sizeText,
  volumesOn,
} from './picture.ts';
import { escapeXml, round, STYLE, shorten, text } from './svg-text.ts';
import type { LayoutPlan, NodePlan, PartitionPlan, PartitionRole, Plan, VolumePlan } from './types.ts';

/** All lengths in CSS pixels. */
const WIDTH = 1200;
const MARGIN = 32;
const PAD = 28;
const LABEL = 164;
const BAR = 52;
const GAP = 30;
const ROW = 26;
const HEADER = 104;
/** Between two nodes. */
const SPACE = 24;
/** Space above the first disk (name, role, addresses) grows with the number of interfaces. */
const CARD_HEAD = 60;
const BAR_X = MARGIN + PAD + LABEL;
const BAR_WIDTH = WIDTH - 2 * (MARGIN + PAD) - LABEL;

const COLOURS: Readonly<Record<PartitionRole, string>> = {
  biosboot: '#7b8794',
  esp: '#d98e2b',
  boot: '#3f9464',
  root: '#3869b4',
  swap: '#8d62b3',
  data: '#1f8f95',
  clustered: '#c8445c',
  pv: '#5262a8',
};

interface Segment {
  readonly x: number;
  readonly width: number;
  readonly partition: PartitionPlan;
  readonly sizeMiB: number;
}

/** A self-contained SVG document: no fonts, scripts or images from elsewhere. */
export function planSvg(plan: Plan): string {
  const tops = plan.nodes.map((_, i) =>
    plan.nodes.slice(0, i).reduce((top, node) => top + cardHeight(node) + SPACE, HEADER),
  );
  const height = plan.nodes.reduce((sum, node) => sum + cardHeight(node) + SPACE, HEADER) + 8;
  const facts = [
    plan.nodes.length === 1 ? '1 node' : `${plan.nodes.length} nodes`,
    plan.release,
    `medium ${plan.media.volumeId}`,
    `plan ${plan.hash.slice(0, 12)}`,
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(`Disks of the cluster ${plan.cluster}`)}">
  <title>${escapeXml(`Disks of the cluster ${plan.cluster}`)}</title>
  <style>${STYLE}
  </style>
  <defs>
    <pattern id="idle" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="8" height="8" fill="#eef1f5"/><rect width="3" height="8" fill="#e1e6ec"/></pattern>
  </defs>
  <rect width="${WIDTH}" height="${height}" fill="#f4f6f9"/>
  ${text(MARGIN, 52, 'title', plan.cluster)}
  ${text(MARGIN, 78, 'quiet', facts.join('   ·   '))}
${plan.nodes.map((node, i) => card(node, tops[i] ?? HEADER)).join('\n')}
</svg>
`;
}

function cardHeight(node: NodePlan): number {
  return headHeight(node) + disksHeight(node.layout) + legendHeight(node.layout) + 2 * PAD;
}

function headHeight(node: NodePlan): number {
  return CARD_HEAD + Math.max(0, node.interfaces.length - 1) * 18;
}

/** The volume group is one more bar below the disks. */
function disksHeight({ diskCount, volumeGroup }: LayoutPlan): number {
  const bars = diskCount + (volumeGroup === undefined ? 0 : 1);
  return bars * BAR + (bars - 1) * GAP;
}

function legendRows(layout: LayoutPlan): number {
  return layout.partitions.reduce(
    (sum, partition) => sum + 1 + (partition.role === 'pv' ? volumesOn(layout, partition).length : 0),
    0,
  );
}

function legendHeight(layout: LayoutPlan): number {
  return 52 + legendRows(layout) * ROW;
}

function card(node: NodePlan, top: number): string {
  const { layout, name, role, rank } = node;
  const bars = top + PAD + headHeight(node);
  const segments = segmentsOf(node);
  const disks = Array.from({ length: layout.diskCount }, (_, i) => bars + i * (BAR + GAP));
  const right = WIDTH - MARGIN - PAD;
  const part = role === 'standalone' ? role : `${role}, rank ${rank}`;
  return `  <g>
    <rect x="${MARGIN}" y="${top}" width="${WIDTH - 2 * MARGIN}" height="${cardHeight(node)}" rx="14" fill="#fff" stroke="#dfe5ec"/>
    ${text(MARGIN + PAD, top + PAD + 16, 'name', name)}
    ${text(MARGIN + PAD, top + PAD + 38, 'quiet', `${part}   ·   disks: ${node.disks.kind === 'matching' ? demandText(node.disks) : 'each by its identity'}`)}
    ${interfaceTexts(node)
      .map((line, i) => text(right, top + PAD + 16 + i * 18, 'quiet', line, 'end'))
      .join('\n    ')}
${ribbons(layout, segments, disks)}
${disks.map((y, i) => disk(node, segments, y, i)).join('\n')}
${groupBar(node, segments, bars + disksHeight(layout) - BAR)}
${legend(layout, bars + disksHeight(layout) + 40)}
  </g>`;
}

/** Where each partition stands on a bar; the same for every disk of the node. */
function segmentsOf(node: NodePlan): readonly Segment[] {
  const { partitions } = node.layout;
  const sizes = partitionSizes(node.layout, drawnDiskMiB(node));
  const free = drawnDiskMiB(node) - sizes.reduce((sum, size) => sum + size, 0);
  const minimums = partitions.map(({ role }) => (role === 'biosboot' ? 10 : 76));
  // What no partition takes is drawn as the bar's own, empty ground.
  const widths = scaledWidths([...sizes, Math.max(free, 0.001)], [...minimums, 0], BAR_WIDTH);
  let x = BAR_X;
  return partitions.map((partition, i) => {
    const segment = { x, width: widths[i] ?? 0, partition, sizeMiB: sizes[i] ?? 0 };
    x += segment.width;
    return segment;
  });
}

function disk(node: NodePlan, segments: readonly Segment[], y: number, index: number): string {
  const { diskCount, spares } = node.layout;
  const spare = index >= diskCount - spares;
  const middle = y + BAR / 2;
  const identity = node.disks.kind === 'identified' ? node.disks.disks[index] : undefined;
  const below = spare
    ? 'spare'
    : identity === undefined
      ? `${formatSize(drawnDiskMiB(node))} or more`
      : `${identity.by} ${identity.value}`;
  const clip = `disk-${node.index}-${index}`;
  return `    <clipPath id="${clip}"><rect x="${BAR_X}" y="${y}" width="${BAR_WIDTH}" height="${BAR}" rx="9"/></clipPath>
    ${text(MARGIN + PAD, middle - 3, 'row strong', `disk ${index + 1}`)}
    ${text(MARGIN + PAD, middle + 14, 'small', shorten(below, 24))}
    <g clip-path="url(#${clip})"${spare ? ' opacity=".45"' : ''}>
      <rect x="${BAR_X}" y="${y}" width="${BAR_WIDTH}" height="${BAR}" fill="url(#idle)"/>
${segments.map((segment) => bar(segment, y)).join('\n')}
    </g>`;
}

function bar({ x, width, partition }: Segment, y: number): string {
  return block(x, width, y, partition.role, partition.gptName.replace(/^slipway-/, ''), partition);
}

/** One coloured piece of a bar, with its name and size where there is room for them. */
function block(
  x: number,
  width: number,
  y: number,
  role: PartitionRole,
  label: string,
  { sizeMiB, grow }: Pick<PartitionPlan, 'sizeMiB' | 'grow'>,
): string {
  const box = `      <rect x="${round(x)}" y="${y}" width="${round(Math.max(width - 2, 1))}" height="${BAR}" fill="${COLOURS[role]}"/>`;
  if (width < 60) return box;
  return `${box}
      ${text(round(x + 10), y + 23, 'on', shorten(label, Math.floor((width - 20) / 7.5)))}
      ${text(round(x + 10), y + 40, 'on-small', `${grow ? '≥ ' : ''}${formatSize(sizeMiB)}`)}`;
}

/** The logical volumes, below the partition that the group lies on. */
function groupBar(node: NodePlan, segments: readonly Segment[], y: number): string {
  const { layout } = node;
  const below = segments.find(({ partition }) => partition.role === 'pv');
  if (layout.volumeGroup === undefined || below === undefined) return '';
  const volumes = volumesOn(layout, below.partition);
  const rest = below.sizeMiB - volumes.reduce((sum, { sizeMiB }) => sum + sizeMiB, 0);
  const sizes = volumes.map(({ sizeMiB, grow }) => (grow ? sizeMiB + rest : sizeMiB));
  const free = volumes.some(({ grow }) => grow) ? 0 : rest;
  const widths = scaledWidths([...sizes, Math.max(free, 0.001)], [...sizes.map(() => 76), 0], below.width);
  const bars = volumes.map((volume, i) => {
    const x = below.x + widths.slice(0, i).reduce((sum, width) => sum + width, 0);
    return block(x, widths[i] ?? 0, y, volume.role, volume.name ?? volume.role, volume);
  });
  const clip = `group-${node.index}`;
  const box = `x="${round(below.x)}" y="${y}" width="${round(below.width)}" height="${BAR}"`;
  return `    <rect x="${round(below.x)}" y="${y - GAP}" width="${round(below.width - 2)}" height="${GAP}" fill="${COLOURS.pv}" fill-opacity=".08"/>
    <clipPath id="${clip}"><rect ${box} rx="9"/></clipPath>
    ${text(MARGIN + PAD, y + BAR / 2 - 3, 'row strong', layout.volumeGroup.name)}
    ${text(MARGIN + PAD, y + BAR / 2 + 14, 'small', 'volume group')}
    <g clip-path="url(#${clip})">
      <rect ${box} fill="url(#idle)"/>
${bars.join('\n')}
    </g>`;
}

/** The members of an array stand under each other; the ribbon between them is the array. */
function ribbons(layout: LayoutPlan, segments: readonly Segment[], disks: readonly number[]): string {
  const mirrored = segments.filter(({ partition }) => arrayText(layout, partition) !== undefined);
  return disks
    .slice(1)
    .flatMap((below) =>
      mirrored.map(({ x, width, partition }) => {
        const colour = COLOURS[partition.role];
        const box = `<rect x="${round(x)}" y="${below - GAP}" width="${round(width - 2)}" height="${GAP}" fill="${colour}" fill-opacity=".16"/>`;
        const centre = round(x + (width - 2) / 2);
        return `    ${box}<text x="${centre}" y="${below - GAP / 2 + 4}" text-anchor="middle" font-size="11" font-weight="600" style="fill:${colour}">RAID1</text>`;
      }),
    )
    .join('\n');
}

const COLUMNS = { name: 22, size: 230, array: 470, content: 700 } as const;

function legend(layout: LayoutPlan, top: number): string {
  const x = MARGIN + PAD;
  const raid = layout.arrays.length > 0;
  const content = raid ? COLUMNS.content : COLUMNS.array;
  const head = [
    text(x + COLUMNS.name, top, 'head', 'PARTITION'),
    text(x + COLUMNS.size, top, 'head', 'SIZE'),
    ...(raid ? [text(x + COLUMNS.array, top, 'head', 'ARRAY')] : []),
    text(x + content, top, 'head', 'CONTENT'),
  ];
  const rows = layout.partitions.flatMap((partition) => [
    { partition, volume: undefined },
    ...(partition.role === 'pv' ? volumesOn(layout, partition).map((volume) => ({ partition, volume })) : []),
  ]);
  return [
    `    ${head.join('')}`,
    ...rows.map(({ partition, volume }, i) => {
      const y = top + 28 + i * ROW;
      const colour = COLOURS[volume?.role ?? partition.role];
      const indent = volume === undefined ? 0 : 16;
      const cells = volume === undefined ? partitionCells(layout, partition) : volumeCells(layout, volume);
      return `    <line x1="${x}" y1="${y - 18}" x2="${WIDTH - x}" y2="${y - 18}" stroke="#edf0f4"/><rect x="${x + indent}" y="${y - 10}" width="12" height="12" rx="3" fill="${colour}"/>${[
        text(x + COLUMNS.name + indent, y, 'row mono', cells.name),
        text(x + COLUMNS.size, y, 'row', cells.size),
        text(x + COLUMNS.array, y, 'row', cells.array),
        text(x + content, y, 'row', cells.content),
      ].join('')}`;
    }),
  ].join('\n');
}

interface Cells {
  readonly name: string;
  readonly size: string;
  readonly array: string;
  readonly content: string;
}

function partitionCells(layout: LayoutPlan, partition: PartitionPlan): Cells {
  const [volume] = volumesOn(layout, partition);
  const plain = volume === undefined ? "GRUB's core image" : contentText(volume);
  return {
    name: partition.gptName,
    size: sizeText(partition),
    array: arrayText(layout, partition) ?? '',
    content: partition.role === 'pv' ? `volume group ${layout.volumeGroup?.name ?? ''}` : plain,
  };
}

function volumeCells(layout: LayoutPlan, volume: VolumePlan): Cells {
  return {
    name: `${layout.volumeGroup?.name ?? ''}/${volume.name ?? volume.role}`,
    size: sizeText(volume),
    array: '',
    content: contentText(volume),
  };
}
