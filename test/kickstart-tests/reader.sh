#!/bin/bash
# Process 1 of the machine that reads disks after an installation. It assembles whatever is on them, as libguestfs
# would, and writes what tests look for as a tar archive to the disk with the serial number SLIPWAY-OUT. The array
# `passphrases` stands in front of this text. What is written to the other disks is forgotten when the machine ends.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DM_DISABLE_UDEV=1
exec >/dev/console 2>&1
say() { printf 'slipway: reader: %s\n' "$*"; }

mount -t tmpfs tmpfs /tmp
ln -sfn /proc/self/fd /dev/fd
modprobe -qa virtio_blk raid0 raid1 raid10 raid456 dm_mod dm_crypt dm_thin_pool dm_cache ext4 xfs vfat btrfs
printf 'HOMEHOST <ignore>\n' >/etc/mdadm/mdadm.conf
mkdir -p /run/lvm /run/lock /run/cryptsetup

# No udev runs here, which LVM would wait for.
lvm_config='devices { obtain_device_list_from_udev=0 external_device_info_source="none" } activation { udev_sync=0 udev_rules=0 }'

# Nothing to assemble is no failure.
assemble() {
  mdadm --assemble --scan --run
  vgchange --config "$lvm_config" --activate y --ignoreactivationskip
  vgmknodes --config "$lvm_config"
}

# Every device that holds a superblock of any kind.
devices() { blkid -c /dev/null -o device; }
type_of() { blkid -c /dev/null -o value -s TYPE "$1"; }

assemble
opened=0
for device in $(devices); do
  [ "$(type_of "$device")" = crypto_LUKS ] || continue
  # shellcheck disable=SC2154
  for passphrase in "${passphrases[@]}"; do
    printf %s "$passphrase" | cryptsetup open --key-file=- "$device" "opened$opened" 2>/dev/null && break
  done
  opened=$((opened + 1))
done
[ "$opened" = 0 ] || assemble

out=/tmp/out
mkdir -p "$out" /tmp/mount
number=0
for device in $(devices); do
  case $(type_of "$device") in ext[234] | xfs | vfat | btrfs) ;; *) continue ;; esac
  mount -o ro "$device" /tmp/mount || { say "$device does not mount"; continue; }
  role=-
  [ ! -e /tmp/mount/etc/fstab ] || role=root
  number=$((number + 1))
  mkdir "$out/$number"
  printf '%s\t%s\t%s\t%s\n' "$number" "$device" "$role" "$(blkid -o value -s LABEL "$device")" >>"$out/index"
  # As found in a root file system, a subvolume named root, and a /home or /root of its own.
  (cd /tmp/mount && cp -r --parents RESULT root/RESULT root/*.cfg root/*.log root/root/RESULT etc/fstab \
    var/log/anaconda var/log/slipway "$out/$number" 2>/dev/null)
  umount /tmp/mount
done

for block in /sys/block/vd*; do
  [ "$(cat "$block/serial")" != SLIPWAY-OUT ] || tar -C "$out" -cf "/dev/${block##*/}" . && written=yes
done
say "read $number file systems${written:+, done}"
sync
poweroff -f
