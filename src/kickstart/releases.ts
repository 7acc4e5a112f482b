import type { Release } from '../plan/types.ts';

/**
 * What differs between the installers a kickstart is rendered for. Templates ask here and never for a release's
 * name, so a new release is a new row.
 */
export interface ReleaseFacts {
  /**
   * Where the system comes from: `image` unpacks the medium's squashfs, `tree` installs the vendor's packages from
   * the medium. Anaconda reads a tree's variants (BaseOS, AppStream) from its `.treeinfo` by itself.
   */
  readonly payload: 'image' | 'tree';
  /** Which command names the time servers: `timesource` exists from RHEL 9, `timezone --ntpservers` ends there. */
  readonly timeServers: 'timesource' | 'timezone';
  /**
   * How a VLAN on a bond is said. RHEL 8 takes a line with both for the bond alone, and warns of two lines for one
   * device, which it then obeys.
   */
  readonly vlanOnBond: 'one-line' | 'two-lines';
  /**
   * What a refusal in `%pre` does. Anaconda ends a failed `%pre` with a dialog whose only way on is a reboot (in
   * `cmdline` mode without even asking), and a machine that reboots on and on hides the reason. So there the guard
   * itself keeps the machine standing. Our own installer stops by itself, before the first write, with a shell.
   */
  readonly onRefusal: 'exit' | 'halt';
  /** SELinux and firewalld are the vendor's; the embedded base has neither. */
  readonly hardening: boolean;
  /**
   * Anaconda makes the system bootable for the firmware it runs under and for no other; `%post` does the rest.
   * The embedded installer does both.
   */
  readonly completeBootLoaders: boolean;
  /** Packages and groups beside our own; empty when the payload is an image. */
  readonly packages: readonly string[];
}

const ANACONDA: ReleaseFacts = {
  payload: 'tree',
  timeServers: 'timesource',
  vlanOnBond: 'one-line',
  onRefusal: 'halt',
  hardening: true,
  completeBootLoaders: true,
  packages: [
    '@core',
    'dosfstools',
    'efibootmgr',
    'grub2-efi-x64',
    'grub2-pc',
    'grub2-pc-modules',
    'grub2-tools',
    'mdadm',
    'shim-x64',
  ],
};

export const RELEASES: Readonly<Record<Release, ReleaseFacts>> = {
  embedded: {
    payload: 'image',
    timeServers: 'timesource',
    vlanOnBond: 'one-line',
    onRefusal: 'exit',
    hardening: false,
    completeBootLoaders: false,
    packages: [],
  },
  rhel8: { ...ANACONDA, timeServers: 'timezone', vlanOnBond: 'two-lines' },
  rhel9: ANACONDA,
  rhel10: ANACONDA,
  fedora44: ANACONDA,
};
