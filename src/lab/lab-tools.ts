/** The programs a lab is made with. */
import { type ToolNeed, toolNeeds } from '../host/tools.ts';
import type { LabFirmware } from './engine.ts';
import { OVMF } from './qemu-args.ts';

const NETWORK: readonly ToolNeed[] = [
  {
    tool: 'unshare',
    why: 'gives the lab a network of its own',
    debianPackage: 'util-linux',
    minVersion: '2.36',
  },
  { tool: 'ip', why: 'connects the machines', debianPackage: 'iproute2', versionArgs: ['-V'] },
  { tool: 'ssh-keygen', why: 'makes the key the lab logs in with', debianPackage: 'openssh-client' },
];

const UML: readonly ToolNeed[] = [
  { tool: 'linux.uml', why: 'is the machine', debianPackage: 'user-mode-linux' },
  { tool: 'mksquashfs', why: "packs the kernel's modules", debianPackage: 'squashfs-tools' },
  { tool: 'mke2fs', why: 'makes the disk that keeps what a machine changes', debianPackage: 'e2fsprogs' },
];

const DHCP: readonly ToolNeed[] = [
  { tool: 'busybox', why: 'gives addresses to nodes that ask', debianPackage: 'busybox-static' },
];

/** Needed only where an interface asks for its address. */
export const DHCP_TOOLS = DHCP;

export const umlTools = (): readonly ToolNeed[] => [...NETWORK, ...UML];

export const qemuTools = (firmware: LabFirmware): readonly ToolNeed[] => [
  ...NETWORK,
  ...toolNeeds('qemu-system-x86_64'),
  ...(firmware === 'bios'
    ? []
    : [{ tool: OVMF[firmware].code, why: 'is the firmware of the machines', debianPackage: 'ovmf' }]),
];
