#!/bin/bash
# Runs inside the base's chroot before customize.sh, for media whose nodes form a cluster: nothing of the cluster may start
# before the agent has proven the node and its peers. Debian's packages enable a cluster of one node.
set -euo pipefail
build=/slipway-build
preset=00-slipway.preset

install -D -m 0644 "$build/$preset" "/usr/lib/systemd/system-preset/$preset"
# The preset counts when units are set up anew; the packages did that without asking.
while read -r _ unit; do
  [ ! -e "/lib/systemd/system/$unit" ] || systemctl disable -q "$unit" 2>/dev/null
done <"$build/$preset"

if [ -d /etc/drbd.d ]; then
  # Otherwise drbdadm tells a server in the Internet about every resource that is made.
  cat >/etc/drbd.d/global_common.conf <<'EOF'
global {
  usage-count no;
}
common {
}
EOF
fi
