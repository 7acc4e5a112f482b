/** Process 1 of a User-Mode Linux machine's initramfs: finds the root the engine gave it, and starts it. */

/**
 * Which disk is which, by the words `lab.root=overlay lab.base=ubdg lab.changes=ubdf` or `lab.root=installed`, and
 * `lab.modules=ubdh`. Runs under busybox sh with the functions of the base's own initramfs at hand (`say`, `argument`).
 */
export const UML_INIT = `#!/bin/sh
. /initramfs-lib.sh
mount_kernel_file_systems
for module in /uml/*.ko; do insmod "$module" || rescue "$module does not load"; done
mkdir -p /lower /upper /sysroot

overlay_root() {
  mount -t squashfs -o ro "/dev/$(argument lab.base)" /lower &&
    mount -t ext4 -o noinit_itable "/dev/$(argument lab.changes)" /upper || return 1
  # A machine that lost its power in the middle of this begins anew.
  if [ ! -e /upper/seeded ]; then
    rm -rf /upper/files /upper/work
    mkdir /upper/files /upper/work
    [ ! -d /seed ] || cp -a /seed/. /upper/files/
    sync
    : >/upper/seeded
    sync
  fi
  mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /sysroot
}

# The array above a partition, or the partition itself.
holder() {
  for above in "/sys/class/block/$1/holders/"*; do
    [ ! -e "$above" ] || { echo "\${above##*/}"; return; }
  done
  echo "$1"
}

installed_root() {
  printf 'DEVICE partitions\\nHOMEHOST <ignore>\\n' >/etc/mdadm.conf
  mdadm --assemble --scan --no-degraded >/run/mdadm.log 2>&1 ||
    mdadm --assemble --scan --run >>/run/mdadm.log 2>&1
  for block in /sys/class/block/ubd*; do
    grep -qx 'PARTNAME=slipway-root' "$block/uevent" || continue
    mount "/dev/$(holder "\${block##*/}")" /sysroot || continue
    [ ! -d /seed ] || cp -a /seed/. /sysroot/
    return 0
  done
  return 1
}

until "$(argument lab.root)_root"; do
  cat /run/mdadm.log 2>/dev/null
  rescue "the root file system does not mount"
done
modules=/sysroot/lib/modules/$(uname -r)
mkdir -p "$modules"
mount -t squashfs -o ro "/dev/$(argument lab.modules)" "$modules" || rescue "the kernel's modules do not mount"
for fs in proc sys dev run; do mount --move "/$fs" "/sysroot/$fs"; done
exec switch_root /sysroot /sbin/init
`;
