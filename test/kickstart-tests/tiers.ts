/** Which tests of the suite can run against an installer with an image payload, and why the others of them cannot. */

export type Tier = 'A' | 'B' | 'C' | 'D';

/**
 * A: layouts, arrays, volume groups and %pre. B: what is kept of existing disks, automatic layouts, boot loader and
 * system configuration. C: encryption. D: thin pools, caches, snapshots, btrfs, firmware RAID.
 */
export const TIERS: Readonly<Record<Tier, readonly string[]>> = {
  A: [
    ...['raid-1', 'raid-1-reqpart', 'lvm-1', 'lvm-2', 'lvm-raid-1', 'lvm-raid-2', 'lvm-vg-reserved-space'],
    ...['reqpart', 'default-fstype', 'tmpfs-fixed_size'],
    ...['mountpoint-assignment-plain', 'mountpoint-assignment-plain-biosboot', 'script-pre'],
  ],
  B: [
    ...['clearpart-1', 'clearpart-2', 'clearpart-3', 'clearpart-4', 'ignoredisk-1', 'ignoredisk-2'],
    ...['autopart-fstype', 'autopart-nohome', 'autopart-hibernation'],
    ...['bootloader-1', 'bootloader-2', 'bootloader-3', 'bootloader-4', 'bootloader-5', 'bootopts-console'],
    ...['disklabel-default', 'disklabel-gpt', 'disklabel-mbr', 'reboot', 'reboot-biosboot'],
    ...['liveimg', 'script-post', 'script-pre-install', 'ks-include'],
    ...['rootpw-allow-ssh', 'rootpw-basic', 'rootpw-crypted', 'rootpw-lock', 'rootpw-lock-no-password'],
    ...['user-locked-root-locked-admin', 'user-multiple', 'user-multiple-wheel-no-root'],
    ...['user-no-wheel-no-root', 'user-single', 'user-wheel-no-root'],
    ...['hostname', 'timezone-noncommon', 'timezoneLOCAL', 'timezoneUTC'],
    ...['ntp-nontp-without-chrony', 'ntp-pools', 'ntp-with-nontp', 'ntp-without-chrony-gui'],
    ...['selinux-contexts', 'selinux-disabled', 'selinux-enforcing', 'selinux-permissive'],
    ...['firewall', 'firewall-disable', 'firewall-disable-with-options'],
    ...['firewall-use-system-defaults', 'firewall-use-system-defaults-ignore-options', 'services'],
    ...['authselect', 'authselect-not-set'],
    ...['default-systemd-target-gui', 'default-systemd-target-gui-graphical-provides'],
    ...['default-systemd-target-rdp', 'default-systemd-target-rdp-graphical-provides'],
    ...['default-systemd-target-skipx', 'default-systemd-target-startxonboot'],
    ...['default-systemd-target-tui', 'default-systemd-target-tui-graphical-provides'],
    ...['default-systemd-target-vnc', 'default-systemd-target-vnc-graphical-provides'],
  ],
  C: [
    ...['part-luks-1', 'part-luks-2', 'part-luks-3', 'part-luks-4'],
    ...['lvm-luks-1', 'lvm-luks-2', 'lvm-luks-3', 'lvm-luks-4'],
    ...['raid-luks-1', 'raid-luks-2', 'raid-luks-3', 'raid-luks-4'],
    ...['autopart-luks-1', 'autopart-luks-2', 'autopart-luks-3', 'autopart-luks-4', 'autopart-luks-5'],
    ...['autopart-encrypted-1', 'autopart-encrypted-2', 'encrypt-device', 'encrypt-swap'],
  ],
  D: [
    ...['lvm-thinp-1', 'lvm-thinp-2', 'lvm-cache-1', 'lvm-cache-2', 'snapshot-pre'],
    ...['btrfs-1', 'btrfs-2', 'preexisting-btrfs', 'raid-ddf'],
  ],
};

export const tierOf = (test: string): Tier | undefined =>
  (['A', 'B', 'C', 'D'] as const).find((tier) => TIERS[tier].includes(test));
