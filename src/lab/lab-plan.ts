/** What a lab consists of: worked out before anything is made, and kept beside it as JSON. */
import { join } from 'node:path';
import { MissingError } from '../errors/exit.ts';
import type { InterfacePlan, NodePlan, Plan } from '../plan/types.ts';
import { type DiskShape, demandedDisks } from './demanded-disks.ts';
import type { DiskBus, LabFirmware, LabMachineSpec } from './engine.ts';
import { type NetworkPlan, planNetwork } from './network.ts';
import { bareSeed, loginCredential, type NodeOutline } from './node-seed.ts';
import type { Acceleration } from './qemu-args.ts';
import type { UmlImages } from './uml-images.ts';

export const LAB_VERSION = 1;

/** How machines run, and what they start from. */
export type LabEngine =
  | { readonly kind: 'qemu'; readonly acceleration: Acceleration; readonly iso: string }
  | { readonly kind: 'uml'; readonly images: UmlImages; readonly squashfs: string }
  | {
      readonly kind: 'libvirt';
      readonly uri: string;
      readonly acceleration: Acceleration;
      readonly iso: string;
      /** Marks what is the lab's on libvirt's host. */
      readonly id: string;
    };

export interface LabPlan {
  readonly version: typeof LAB_VERSION;
  /** The cluster's name. */
  readonly name: string;
  readonly engine: LabEngine;
  readonly network: NetworkPlan;
  readonly nodes: readonly LabNode[];
  /** Machines that start or install at the same time. */
  readonly atOnce: number;
  /** What was installed; undefined for machines of no spec. */
  readonly source?: LabSource;
}

/** Absolute paths. */
export interface LabSource {
  readonly spec: string;
  /** Where the ISO went, and the ledger of releases is. */
  readonly out: string;
  /** The plan's hash. */
  readonly plan: string;
}

export interface LabNode {
  readonly name: string;
  /** As it runs once it is installed. */
  readonly machine: LabMachineSpec;
  /** Sizes of its disks in MiB, in their order. */
  readonly diskMiB: readonly number[];
  /** Where it answers, seen from inside the lab's network; undefined when it has no address. */
  readonly address?: string;
  /** Undefined when nothing is to be installed. */
  readonly install?: {
    /** Key of its entry in the boot menu of the ISO. */
    readonly hotkey: string;
    /** The installer's end does not switch the machine off. */
    readonly halts: boolean;
  };
}

export interface LabWishes {
  /** The lab's folder, absolute. */
  readonly dir: string;
  /** A public key, in the form of authorized_keys, that may log in as root. */
  readonly publicKey: string;
  readonly firmware: LabFirmware;
  /** How many of the spec's nodes; undefined for all. */
  readonly nodes?: number;
  readonly bus?: DiskBus;
  /** Graphics cards, for screenshots. */
  readonly screen: boolean;
  /** ISOs of further drives: the key medium. */
  readonly volumes: readonly string[];
  /** Virtual processors of a machine that is installed. */
  readonly cpus: number;
  readonly atOnce: number;
}

/** MiB. A node of the pair needs 0.6 GiB with the whole cluster running, its installer 0.9. */
const QEMU_MEMORY = 1024;
/** MiB. With 384 corosync is killed; what a guest does not use costs nothing. */
const UML_MEMORY = 512;

/** A lab for a plan: as installed from its ISO under QEMU, or as bare systems under User-Mode Linux. */
export function planLab(plan: Plan, engine: LabEngine, wishes: LabWishes): LabPlan {
  const nodes = plan.nodes.slice(0, wishes.nodes);
  const cardsOf = numberedCards(nodes);
  const labNodes = nodes.map((node) => labNode(node, engine, cardsOf(node), wishes));
  const interfaces = nodes.flatMap((node) =>
    engine.kind === 'uml' ? node.interfaces.map(onPlainCard) : node.interfaces,
  );
  return finish(plan.cluster, engine, wishes, labNodes, interfaces, asking(nodes, cardsOf));
}

/** N nodes of no spec: the base as it is, with names and addresses. */
export function planBareLab(
  count: number,
  engine: Extract<LabEngine, { kind: 'uml' }>,
  wishes: LabWishes,
): LabPlan {
  const nodes = Array.from({ length: count }, (_, i) => bareNode(i, count));
  const cardsOf = numberedCards(nodes);
  const labNodes = nodes.map((node) => umlNode(node, engine.squashfs, [], cardsOf(node), wishes));
  return finish(
    'bare',
    engine,
    wishes,
    labNodes,
    nodes.flatMap(({ interfaces }) => interfaces),
    new Set(),
  );
}

interface Card {
  readonly mac: string;
  readonly tap: string;
}

function finish(
  name: string,
  engine: LabEngine,
  { atOnce }: LabWishes,
  nodes: readonly LabNode[],
  interfaces: readonly InterfacePlan[],
  dhcp: ReadonlySet<string>,
): LabPlan {
  const cards = nodes.flatMap(({ machine }) => machine.nics.map(({ mac, tap = '' }) => ({ mac, tap })));
  const network = planNetwork(interfaces, cards, dhcp);
  const leased = nodes.map((node) => {
    const lease = network.leases.find(({ mac }) => node.machine.nics.some((nic) => nic.mac === mac));
    const address = node.address ?? lease?.address;
    return { ...node, ...(address === undefined ? {} : { address }) };
  });
  return { version: LAB_VERSION, name, engine, network, nodes: leased, atOnce };
}

function labNode(node: NodePlan, engine: LabEngine, cards: readonly Card[], wishes: LabWishes): LabNode {
  const { layout } = node;
  const disks = demandedDisks(node.name, node.disks, {
    minimumMiB: layout.minimumDiskMiB,
    ...(wishes.bus === undefined ? {} : { bus: wishes.bus }),
  });
  if (engine.kind === 'uml') return umlNode(node, engine.squashfs, disks, cards, wishes);
  return qemuNode(node, disks, cards, wishes);
}

/** Keys of the boot menu's entries end here. */
const HOTKEYS = 9;

function qemuNode(
  node: NodePlan,
  disks: readonly DiskShape[],
  cards: readonly Card[],
  wishes: LabWishes,
): LabNode {
  if (node.index >= HOTKEYS) {
    throw new MissingError(
      `${node.name} is node ${node.index + 1}, and the boot menu has keys for ${HOTKEYS}`,
      `try the first of them: --nodes ${HOTKEYS}`,
    );
  }
  const undriven = disks.find(({ bus }) => bus === 'lsi' || bus === 'pvscsi');
  if (undriven !== undefined && wishes.firmware !== 'bios') {
    throw new MissingError(
      `${node.name}: the UEFI firmware of Debian's ovmf cannot start from disks on ${undriven.bus}`,
      'take --firmware bios, or --bus scsi',
    );
  }
  const dir = join(wishes.dir, node.name);
  return {
    ...common(node),
    install: { hotkey: String(node.index + 1), halts: node.afterInstall === 'halt' },
    diskMiB: disks.map(({ sizeMiB }) => sizeMiB),
    machine: {
      name: node.name,
      memoryMiB: QEMU_MEMORY,
      cpus: wishes.cpus,
      firmware: wishes.firmware,
      disks: withFiles(disks, dir),
      nics: cards,
      consoleLog: join(dir, 'console.log'),
      efiVars: join(dir, 'efivars.fd'),
      volumes: wishes.volumes,
      oemStrings: [loginCredential(wishes.publicKey)],
      screen: wishes.screen,
    },
  };
}

function umlNode(
  node: NodeOutline,
  squashfs: string,
  disks: readonly DiskShape[],
  cards: readonly Card[],
  { dir: lab, publicKey }: LabWishes,
): LabNode {
  const dir = join(lab, node.name);
  const seed = bareSeed({ ...node, interfaces: node.interfaces.map(onPlainCard) }, cards, publicKey);
  return {
    ...common(node),
    diskMiB: disks.map(({ sizeMiB }) => sizeMiB),
    machine: {
      name: node.name,
      memoryMiB: UML_MEMORY,
      cpus: 1,
      firmware: 'bios',
      disks: withFiles(disks, dir),
      nics: cards,
      consoleLog: join(dir, 'console.log'),
      root: { kind: 'overlay', squashfs, changes: join(dir, 'changes.img'), seed },
    },
  };
}

/** A bare system has its addresses on cards as they are: nobody has set up its bonds and VLANs. */
function onPlainCard({ name, address, gateway, mac, bond }: InterfacePlan): InterfacePlan {
  const card = mac ?? bond?.macs[0];
  return {
    name,
    address,
    ...(card === undefined ? {} : { mac: card }),
    ...(gateway === undefined ? {} : { gateway }),
  };
}

function common({ name, interfaces }: NodeOutline): Pick<LabNode, 'name' | 'address'> {
  const fixed = interfaces.find(({ address }) => address !== 'dhcp')?.address.split('/')[0];
  return { name, ...(fixed === undefined ? {} : { address: fixed }) };
}

const withFiles = (disks: readonly DiskShape[], dir: string) =>
  disks.map(({ sizeMiB: _, ...disk }, i) => ({ ...disk, file: join(dir, `disk${i + 1}.raw`) }));

/** The cards of each node, with tap devices numbered through the lab: names of network devices are short. */
function numberedCards(nodes: readonly NodeOutline[]): (node: NodeOutline) => readonly Card[] {
  let next = 0;
  const cards = new Map(
    nodes.map((node) => [node.name, macsOf(node).map((mac) => ({ mac, tap: `tap${next++}` }))]),
  );
  return ({ name }) => cards.get(name) ?? [];
}

/** An interface that names no card gets one with an address of QEMU's range. VLANs share their card. */
function macsOf({ index, interfaces }: NodeOutline): readonly string[] {
  const macs = interfaces.flatMap(({ mac, bond }, i) => bond?.macs ?? [mac ?? labMac(index, i)]);
  return [...new Set(macs)];
}

function asking(
  nodes: readonly NodePlan[],
  cardsOf: (node: NodeOutline) => readonly Card[],
): ReadonlySet<string> {
  const macs = nodes.flatMap((node) =>
    node.interfaces
      .filter(({ address }) => address === 'dhcp')
      .flatMap(({ mac, bond }) => mac ?? bond?.macs[0] ?? cardsOf(node)[0]?.mac ?? []),
  );
  return new Set(macs);
}

const labMac = (node: number, card: number): string => `52:54:00:77:${hex(card)}:${hex(node + 1)}`;
const hex = (value: number): string => value.toString(16).padStart(2, '0');

function bareNode(index: number, count: number): NodeOutline {
  const hosts = Array.from({ length: count }, (_, i) => ({
    name: `node-${i + 1}`,
    address: `10.77.0.${11 + i}`,
  }));
  const { name, address } = hosts[index] ?? { name: '', address: '' };
  const lan = { name: 'lan', mac: labMac(index, 0), address: `${address}/24` };
  return { name, index, interfaces: [lan], hosts };
}
