#!/bin/bash
# Runs inside the base's chroot at the end of its build: makes both initramfs, collects the boot loader files, and
# leaves the system as an image should be: without identity, without caches.
# Inputs lie in /slipway-build (written by src/media/base/base.ts), results go to /slipway-build/out.
set -euo pipefail
build=/slipway-build
out=$build/out
mkdir -p "$out"
kernel=$(ls /lib/modules)
[ "$(wc -w <<<"$kernel")" = 1 ] || { echo "expected one kernel, found: $kernel" >&2; exit 1; }

# copy_program TREE FILE: the program and every library its loader asks for, at the same places.
copy_program() {
  local tree=$1 file=$2 library
  install -D "$file" "$tree$file"
  # A static program has no libraries to list.
  { ldd "$file" 2>/dev/null || true; } | { grep -o '/[^ ]*' || true; } | while read -r library; do
    [ -e "$tree$library" ] || install -D "$library" "$tree$library"
  done
}

# make_initramfs NAME INIT MODULES BINARIES [EXTRA FILE...]
make_initramfs() {
  local name=$1 init=$2 modules=$3 binaries=$4 tree=$build/$1.tree module
  shift 4
  mkdir -p "$tree"/{bin,sbin,etc,proc,sys,dev,run,tmp,lib/modules/"$kernel"}
  install -m 0755 "$init" "$tree/init"
  install -m 0644 "$build/initramfs-lib.sh" "$tree/initramfs-lib.sh"
  for extra in "$@"; do install -m 0755 "$extra" "$tree/"; done
  while read -r binary; do copy_program "$tree" "$binary"; done <"$binaries"
  "$tree/bin/busybox" --list | while read -r applet; do
    [ -e "$tree/bin/$applet" ] || [ -e "$tree/sbin/$applet" ] || ln -s busybox "$tree/bin/$applet"
  done
  # The kernel loads what a file system needs (crc32c for ext4) by this very path.
  ln -s ../bin/busybox "$tree/sbin/modprobe"
  while read -r module; do
    # A driver may be built in, and a name may be gone in a later kernel: the former is fine, the latter is not.
    modprobe -S "$kernel" --show-depends "$module" >"$build/depends" 2>/dev/null || { echo "no kernel module $module" >&2; exit 1; }
    while read -r verb path _; do
      [ "$verb" != insmod ] || [ -e "$tree$path" ] || install -D -m 0644 "$path" "$tree$path"
    done <"$build/depends"
  done <"$modules"
  cp /lib/modules/"$kernel"/modules.{order,builtin,builtin.modinfo} "$tree/lib/modules/$kernel/"
  depmod -b "$tree" "$kernel"
  find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  (cd "$tree" && find . -print0 | LC_ALL=C sort -z | cpio --null -o -H newc --quiet --reproducible --owner=0:0) |
    zstd -q -12 -T0 --no-progress -o "$out/$name.img"
  rm -rf "$tree"
}

make_initramfs installer "$build/init.installer" "$build/modules.installer" "$build/binaries.installer" "$build/live-init"
make_initramfs node "$build/init.node" "$build/modules.node" "$build/binaries.node"
mv "$out/node.img" "/boot/initrd.img-$kernel"

install -m 0644 "/boot/vmlinuz-$kernel" "$out/vmlinuz"
install -m 0644 /usr/lib/shim/shimx64.efi.signed "$out/shimx64.efi"
install -m 0644 /usr/lib/shim/mmx64.efi.signed "$out/mmx64.efi"
install -m 0644 /usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed "$out/gcdx64.efi"
install -m 0644 /usr/lib/grub/i386-pc/boot_hybrid.img "$out/boot_hybrid.img"
mkdir -p "$out/i386-pc"
cp /usr/lib/grub/i386-pc/*.{mod,lst} "$out/i386-pc/"
sh "$build/eltorito.sh"

# The pinned runtime becomes part of the image as the very RPM that the medium carries, so that installing it on a
# node finds it already there.
shopt -s nullglob
for rpm in "$build"/rpms/*.rpm; do
  # Debian's rpm warns that its packages are not dpkg's; that is the point here.
  rpm -U --force-debian --nosignature "$rpm"
done
shopt -u nullglob

dpkg-query -W -f '${Package}\t${Version}\n' >"$out/packages.tsv"
echo "$kernel" >"$out/kernel-version"

# "uninitialized" would make systemd enable every unit by preset at first boot; an empty file only asks for a new id.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /etc/ssh/ssh_host_* /etc/hostname /etc/resolv.conf
: >/etc/resolv.conf
# mmdebstrap itself removes the package lists, the cache and what is in /tmp, after this.
find /var/log -type f -delete
systemctl mask -q systemd-networkd-wait-online.service apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service 2>/dev/null
systemctl enable -q systemd-networkd.service ssh.service
# Scripts of kickstarts are written for systems whose sh is bash. dash takes their `[[` for a missing command, and the
# condition for false: a check that never looked.
ln -sf bash /bin/sh

install -d /etc/slipway /etc/systemd/system/ssh.service.d
# The image has no host keys, or all nodes would have the same; each makes its own when sshd first starts.
cat >/etc/systemd/system/ssh.service.d/host-keys.conf <<'EOF'
[Service]
ExecStartPre=
ExecStartPre=/usr/bin/ssh-keygen -A
ExecStartPre=/usr/sbin/sshd -t
EOF
tar -C "$out" -cf "$build/out.tar" .
