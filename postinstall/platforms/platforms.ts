/** What differs between the systems the agent runs on. One table; nobody else asks which system this is. */
import type { Machine } from '../../src/engine/machine.ts';
import type { FenceDevicePlan } from '../../src/plan/types.ts';

export type PlatformId = 'embedded' | 'el8' | 'el9' | 'el10' | 'fedora';

export interface Platform {
  readonly id: PlatformId;
  /** For people. */
  readonly name: string;
  /** What the roles with a cluster need, beside what every node has. */
  readonly packages: {
    readonly cluster: readonly string[];
    readonly replication: readonly string[];
    readonly sbd: readonly string[];
    readonly fencing: Readonly<Record<FenceDevicePlan['kind'], readonly string[]>>;
  };
  /** Services that start with their package unless told otherwise; the agent starts them when it is time. */
  readonly disabledServices: readonly string[];
  readonly files: {
    /** Of sbd: its environment. */
    readonly sbd: string;
  };
  /** DRBD of the kernel that comes with the system; where the kernel has another one, that one counts. */
  readonly drbd: '8.4' | '9';
  /** How the tools of GRUB are called: `grub-install` or `grub2-install`. */
  readonly grub: 'grub' | 'grub2';
  readonly firewall: 'nftables' | 'firewalld';
}

const SERVICES = ['corosync.service', 'pacemaker.service', 'sbd.service', 'drbd.service'];

const el = (id: 'el8' | 'el9' | 'el10', version: number): Platform => ({
  id,
  name: `Enterprise Linux ${version}`,
  packages: {
    cluster: ['pacemaker', 'corosync', 'resource-agents', 'pacemaker-cli', 'iputils'],
    // Of ELRepo; kernel and module have to fit each other, so both are pinned on the medium.
    replication: ['kmod-drbd9x', 'drbd9x-utils'],
    sbd: ['sbd', 'fence-agents-sbd'],
    fencing: {
      ipmi: ['fence-agents-ipmilan'],
      redfish: ['fence-agents-redfish'],
      libvirt: ['fence-agents-virsh'],
      'lab-switch': ['curl'],
    },
  },
  disabledServices: [...SERVICES, 'pcsd.service'],
  files: { sbd: '/etc/sysconfig/sbd' },
  drbd: '9',
  grub: 'grub2',
  firewall: 'firewalld',
});

export const PLATFORMS: Readonly<Record<PlatformId, Platform>> = {
  embedded: {
    id: 'embedded',
    name: 'the embedded base (Debian 12)',
    packages: {
      // psmisc: the agent of file systems ends who still uses one with fuser; Debian only recommends it.
      cluster: ['pacemaker', 'corosync', 'resource-agents', 'pacemaker-cli-utils', 'iputils-ping', 'psmisc'],
      // The kernel of Debian brings DRBD 8.4 itself.
      replication: ['drbd-utils'],
      sbd: ['sbd', 'fence-agents'],
      fencing: {
        ipmi: ['fence-agents', 'ipmitool'],
        redfish: ['fence-agents'],
        libvirt: ['fence-agents', 'openssh-client'],
        'lab-switch': ['curl'],
      },
    },
    // logd of cluster-glue comes with resource-agents and serves nobody.
    disabledServices: [...SERVICES, 'logd.service', 'pcsd.service', 'pcsd-ruby.service'],
    files: { sbd: '/etc/default/sbd' },
    drbd: '8.4',
    grub: 'grub',
    firewall: 'nftables',
  },
  el8: el('el8', 8),
  el9: el('el9', 9),
  el10: el('el10', 10),
  fedora: {
    ...el('el10', 10),
    id: 'fedora',
    name: 'Fedora',
    packages: {
      ...el('el10', 10).packages,
      // The kernel of Fedora brings DRBD 8.4 itself.
      replication: ['drbd-utils', 'drbd-pacemaker'],
    },
    drbd: '8.4',
  },
};

/** The system that runs, by os-release(5); undefined for one that is not in the table. */
export async function readPlatform(machine: Machine): Promise<Platform | undefined> {
  const text =
    (await machine.readFile('/etc/os-release')) ?? (await machine.readFile('/usr/lib/os-release')) ?? '';
  return platformOf(text);
}

/** Rebuilds of Enterprise Linux name it in ID_LIKE; the major version is what counts. */
export function platformOf(osRelease: string): Platform | undefined {
  const value = (key: string): string =>
    new RegExp(`^${key}=["']?([^"'\\n]*)`, 'm').exec(osRelease)?.[1] ?? '';
  const words = [value('ID'), ...value('ID_LIKE').split(' ')];
  if (words.includes('debian')) return PLATFORMS.embedded;
  if (!words.includes('rhel') && !words.includes('centos'))
    return words.includes('fedora') ? PLATFORMS.fedora : undefined;
  switch (value('VERSION_ID').split('.')[0]) {
    case '8':
      return PLATFORMS.el8;
    case '9':
      return PLATFORMS.el9;
    case '10':
      return PLATFORMS.el10;
    default:
      return undefined;
  }
}

/** A preset that keeps services off until the agent has proven the node, as systemd.preset(5) has it. */
export const presetOf = ({ disabledServices }: Pick<Platform, 'disabledServices'>): string =>
  disabledServices.map((unit) => `disable ${unit}\n`).join('');
