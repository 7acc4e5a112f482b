# shellcheck shell=sh
# What both initramfs have in common. Runs under busybox sh as process 1, so nothing here may end the shell.

mount_kernel_file_systems() {
  mount -t proc -o nosuid,nodev,noexec proc /proc
  mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
  mount -t devtmpfs -o nosuid,mode=0755 devtmpfs /dev
  mkdir -p /dev/pts
  mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs /run
}

# Prints on every console the kernel knows: an operator may look at the screen or at the serial line.
say() {
  for tty in $(cat /sys/class/tty/console/active 2>/dev/null); do
    printf 'slipway: %s\r\n' "$*" >"/dev/$tty" 2>/dev/null
  done
}

# argument NAME: prints every value of NAME= on the kernel command line, one a line.
argument() {
  for word in $(cat /proc/cmdline); do
    case "$word" in "$1="*) printf '%s\n' "${word#*=}" ;; esac
  done
}

has_argument() {
  for word in $(cat /proc/cmdline); do
    case "$word" in "$1" | "$1="*) return 0 ;; esac
  done
  return 1
}

# Loads a driver for every device that is there. Buses appear as their controllers are driven, hence the second round.
load_drivers() {
  for round in 1 2; do
    find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u | xargs -r modprobe -qab 2>/dev/null
    [ "$round" = 2 ] || sleep 0.2
  done
}

# An operator's shell instead of a dead machine; a bare initramfs says nothing useful otherwise.
rescue() {
  say "$*"
  say "a shell follows; leave it with exit to try again"
  setsid -c sh -i </dev/console >/dev/console 2>&1
}
