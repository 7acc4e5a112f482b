/** The programs a lab is made with. */
import { type ToolNeed, toolNeeds } from '../host/tools.ts';
import type { LabFirmware } from './engine.ts';
import { LOG_VOLUME_TOOLS } from './log-volume.ts';
import { OVMF } from './qemu-args.ts';

const NETWORK: readonly ToolNeed[] = [
  {
    tool: 'unshare',
    why: 'gives the lab a network of its own',
    debianPackage: 'util-linux',
    minVersion: '2.36',
  },
  ...toolNeeds('ip', 'ssh-keygen'),
];

const UML: readonly ToolNeed[] = [
  ...toolNeeds('linux.uml'),
  { tool: 'mksquashfs', why: "packs the kernel's modules", debianPackage: 'squashfs-tools' },
  { tool: 'mke2fs', why: 'makes the disk that keeps what a machine changes', debianPackage: 'e2fsprogs' },
];

/** Needed only where an interface asks for its address. */
export const DHCP_TOOLS: readonly ToolNeed[] = [
  { tool: 'busybox', why: 'gives addresses to nodes that ask', debianPackage: 'busybox-static' },
];

/** What proofs do to disks while no machine has them. */
export const PROOF_TOOLS: readonly ToolNeed[] = [
  { tool: 'qemu-img', why: 'keeps disks as they are, and compares them', debianPackage: 'qemu-utils' },
  { tool: 'qemu-io', why: 'damages disks for a sabotage', debianPackage: 'qemu-utils' },
  { tool: 'mke2fs', why: "makes somebody else's file system", debianPackage: 'e2fsprogs' },
  ...toolNeeds('xorriso'),
];

export const umlTools = (): readonly ToolNeed[] => [...NETWORK, ...UML];

export const qemuTools = (firmware: LabFirmware): readonly ToolNeed[] => [
  ...NETWORK,
  ...toolNeeds('qemu-system-x86_64', 'qemu-img'),
  ...LOG_VOLUME_TOOLS,
  ...(firmware === 'bios'
    ? []
    : [{ tool: OVMF[firmware].code, why: 'is the firmware of the machines', debianPackage: 'ovmf' }]),
];

export const libvirtTools = (firmware: LabFirmware): readonly ToolNeed[] => [
  ...qemuTools(firmware),
  ...toolNeeds('virsh'),
  { tool: 'script', why: 'gives virsh the terminal it wants for a console', debianPackage: 'bsdutils' },
];
