/** The computers that proofs install on: from a plan and a way to start to disks, cards and a key of the boot menu. */
import type { DiskDemand, NodePlan, Plan } from '../../plan/types.ts';
import type { DiskBus, LabDisk, LabFirmware, LabMachineSpec, LabMedium } from '../engine.ts';
import type { DiskMap } from '../evidence/types.ts';
import { type LabNode, planLab } from '../lab-plan.ts';

/** A way to start the ISO. */
export interface Start {
  /** Names the row in ids: `uefi-cd`. */
  readonly id: string;
  /** For people: `UEFI, CD`. */
  readonly title: string;
  readonly firmware: LabFirmware;
  readonly medium: LabMedium['kind'];
}

export const STARTS: readonly Start[] = [
  { id: 'bios-cd', title: 'BIOS, CD', firmware: 'bios', medium: 'cd' },
  { id: 'uefi-cd', title: 'UEFI, CD', firmware: 'uefi', medium: 'cd' },
  { id: 'uefi-secure-cd', title: 'UEFI Secure Boot, CD', firmware: 'uefi-secure', medium: 'cd' },
  { id: 'bios-usb', title: 'BIOS, USB', firmware: 'bios', medium: 'usb' },
  { id: 'uefi-usb', title: 'UEFI, USB', firmware: 'uefi', medium: 'usb' },
];

/** What a node becomes in the lab for one way to start. */
export interface InstalledComputer {
  readonly node: string;
  readonly start: Start;
  /** Without the node when there is only one to prove: `uefi-cd`, `node-a-uefi-cd`. */
  readonly id: string;
  /** `UEFI, CD`, `node-a: UEFI, CD` */
  readonly title: string;
  /** How the spec chooses the disks. */
  readonly demand: DiskDemand;
  /** Mirrored disks, spares left out: each of them starts the node alone. None when nothing is mirrored. */
  readonly mirrored: number;
  /** It forms a cluster with other nodes. */
  readonly inCluster: boolean;
  /** Switched on as it is installed; its disks and logs have names without a folder. */
  readonly machine: LabMachineSpec;
  readonly diskMiB: readonly number[];
  readonly install: NonNullable<LabNode['install']>;
  /** Absolute path. */
  readonly iso: string;
  /** A disk that the spec does not declare, in the last place. */
  readonly undeclared?: LabDisk;
  /** What lies on its disks, for the report. */
  readonly disks: readonly DiskMap[];
}

export interface ComputerWishes {
  /** Absolute paths. */
  readonly iso: string;
  readonly volumes: readonly string[];
  readonly bus?: DiskBus;
  readonly undeclared?: boolean;
  /** What lies on a node's disks of these sizes. */
  diskMaps(node: NodePlan, diskMiB: readonly number[]): readonly DiskMap[];
}

/** MiB. */
export const UNDECLARED_MIB = 512;

/** Whether a disk of that size is none of the declared ones, whatever else it is like. */
export const canBeUndeclared = ({ disks }: NodePlan): boolean =>
  disks.kind === 'identified' || (disks.match.minSizeMiB ?? 0) > UNDECLARED_MIB;

/**
 * One node of each kind: nodes that differ in nothing but name and address prove nothing new.
 */
export function representatives({ nodes }: Plan): readonly NodePlan[] {
  const kinds = new Map<string, NodePlan>();
  for (const node of nodes) {
    const bonds = node.interfaces.map(({ bond }) => bond?.mode);
    const kind = JSON.stringify([node.role, node.layout, shapeOf(node.disks), bonds]);
    if (!kinds.has(kind)) kinds.set(kind, node);
  }
  return [...kinds.values()];
}

/** What of a demand makes for different disks, whatever they are called. */
const shapeOf = (demand: DiskDemand): unknown =>
  demand.kind === 'matching' ? demand : demand.disks.map(({ by, wipe }) => ({ by, wipe }));

/** The ways to start that the node's layout says it supports. */
export const startsOf = ({ layout }: NodePlan): readonly Start[] =>
  STARTS.filter(({ firmware }) => layout.firmware.includes(firmware === 'bios' ? 'bios' : 'uefi'));

/** @throws {MissingError} for disks that no virtual machine can have. */
export function planComputer(
  plan: Plan,
  node: NodePlan,
  start: Start,
  { iso, volumes, bus, undeclared, diskMaps }: ComputerWishes,
): InstalledComputer {
  const lab = planLab(
    { ...plan, nodes: [node] },
    // How fast it runs makes no difference to what it is.
    { kind: 'qemu', acceleration: 'tcg', iso },
    {
      ...{ dir: '', publicKey: '', firmware: start.firmware, screen: true, volumes, cpus: 1, atOnce: 1 },
      ...(bus === undefined ? {} : { bus }),
    },
  );
  const [planned] = lab.nodes;
  if (planned?.install === undefined) throw new Error(`${node.name} is not installed by this plan`);
  const { machine, diskMiB, install } = planned;
  const alone = representatives(plan).length === 1;
  const { kind, diskCount, spares } = node.layout;
  const { oemStrings: _, ...spec } = machine;
  return {
    node: node.name,
    start,
    id: alone ? start.id : `${node.name}-${start.id}`,
    title: alone ? start.title : `${node.name}: ${start.title}`,
    demand: node.disks,
    mirrored: kind === 'raid1' ? diskCount - spares : 0,
    inCluster: node.ha !== undefined,
    machine: {
      ...spec,
      disks: machine.disks.map((disk, i) => ({ ...disk, file: `disk${i + 1}.raw` })),
      nics: machine.nics.map(({ mac }) => ({ mac })),
      consoleLog: 'console.log',
      efiVars: 'efivars.fd',
      onReboot: 'end',
    },
    diskMiB,
    install,
    iso,
    ...(undeclared === true
      ? {
          undeclared: {
            file: 'undeclared.raw',
            bus: machine.disks[0]?.bus ?? 'virtio',
            serial: 'UNDECLARED',
          },
        }
      : {}),
    disks: diskMaps(node, diskMiB),
  };
}
