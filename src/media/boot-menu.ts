/**
 * The boot menu as data: what its entries are called, which key takes them, and the kernel arguments they pass. The
 * same for BIOS and UEFI; rendered by {@link renderBootMenu}.
 */
import type { MediaPlan, NodePlan, Plan } from '../plan/types.ts';
import { MEDIUM } from './types.ts';

export interface BootMenu {
  /** Id of the entry that the time-out takes. */
  readonly defaultId: string;
  readonly timeoutSeconds: number;
  /** In the order of the menu, after "Boot from disk". */
  readonly entries: readonly BootEntry[];
}

/** An entry that starts the kernel of the medium. */
export interface BootEntry {
  readonly id: string;
  /** One character; absent from the tenth node on. */
  readonly hotkey?: string;
  readonly title: string;
  /** Words of the kernel's command line. */
  readonly kernelArgs: readonly string[];
}

/** Ids of the entries that are not nodes. A node's id has its own prefix, so a node may be called `rescue`. */
export const ENTRY_DISK = 'disk';
export const ENTRY_BY_MAC = 'by-mac';
const ENTRY_RESCUE = 'rescue';
const nodeEntryId = (node: string): string => `node:${node}`;

/**
 * Kernel messages go to both; the last one becomes /dev/console. Warnings and worse only: a serial line is slow, and an
 * operator should see what the installer says.
 */
const CONSOLES = ['loglevel=5', 'console=tty0', 'console=ttyS0,115200'] as const;

/** @throws {RangeError} when the plan's default names no node. */
export function planBootMenu(plan: Plan, buildId: string): BootMenu {
  const { media, nodes } = plan;
  return {
    defaultId: defaultEntry(media, nodes),
    timeoutSeconds: media.timeoutSeconds,
    entries: [
      ...nodes.map((node) => installEntry(node, media, buildId)),
      ...(media.default === ENTRY_BY_MAC ? [byMacEntry(media, buildId)] : []),
      rescueEntry(media, buildId),
    ],
  };
}

function defaultEntry(media: MediaPlan, nodes: readonly NodePlan[]): string {
  if (media.default === ENTRY_DISK || media.default === ENTRY_BY_MAC) return media.default;
  if (nodes.some((node) => node.name === media.default)) return nodeEntryId(media.default);
  throw new RangeError(`the boot menu's default '${media.default}' is no node of the plan`);
}

/** The key and the words by which people know a node's entry. */
export function installChoice(node: NodePlan): Pick<BootEntry, 'hotkey' | 'title'> {
  const number = node.index + 1;
  return {
    ...(number <= 9 ? { hotkey: String(number) } : {}),
    title: `Install ${node.name} (${describeDisks(node)})`,
  };
}

const installEntry = (node: NodePlan, media: MediaPlan, buildId: string): BootEntry => ({
  id: nodeEntryId(node.name),
  ...installChoice(node),
  kernelArgs: [
    `inst.ks=hd:LABEL=${media.volumeId}:/${MEDIUM.kickstart(node.name)}`,
    ...commonArgs(media, buildId, [`slipway.node=${node.name}`]),
  ],
});

/** No `inst.ks`: the installer looks the machine's MAC addresses up in the plan on the medium. */
const byMacEntry = (media: MediaPlan, buildId: string): BootEntry => ({
  id: ENTRY_BY_MAC,
  hotkey: 'm',
  title: 'Install the node that has a MAC address of this machine',
  kernelArgs: commonArgs(media, buildId, ['slipway.node=by-mac']),
});

const rescueEntry = (media: MediaPlan, buildId: string): BootEntry => ({
  id: ENTRY_RESCUE,
  hotkey: 'r',
  title: 'Rescue shell (changes nothing by itself)',
  kernelArgs: commonArgs(media, buildId, ['slipway.rescue']),
});

const commonArgs = (media: MediaPlan, buildId: string, own: readonly string[]): readonly string[] => [
  `inst.stage2=hd:LABEL=${media.volumeId}`,
  ...own,
  `slipway.medium=${buildId}`,
  ...CONSOLES,
];

function describeDisks({ layout }: NodePlan): string {
  const count = `${layout.diskCount} ${layout.diskCount === 1 ? 'disk' : 'disks'}`;
  if (layout.kind === 'single') return count;
  return layout.spares === 0 ? `${count}, RAID1` : `${count}, RAID1, ${layout.spares} spare`;
}
