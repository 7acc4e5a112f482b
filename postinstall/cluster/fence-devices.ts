/** How each kind of fence device is told to Pacemaker. Pure. */
import type { FenceDevicePlan, FencingPlan, HaMember } from '../../src/plan/types.ts';

export interface FenceDevice {
  /** Id of its resource. */
  readonly id: string;
  /** Name of the fence agent. */
  readonly agent: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  /** The one node it switches off; undefined for a device that can reach all of them. */
  readonly target?: string;
}

/** Folder of the passwords of fence devices, one file for each node; root's alone. */
export const FENCE_SECRETS = '/etc/slipway/fencing';
/** Ours, for the power switch of a lab. */
export const LAB_SWITCH_AGENT = 'fence_slipway_lab';

/**
 * Seconds one node waits before it shoots: the first member's device has it, so that of two nodes that lost sight of each
 * other the first one survives, and not none.
 */
const HEAD_START = 5;

const AGENTS: Readonly<Record<FenceDevicePlan['kind'], string>> = {
  ipmi: 'fence_ipmilan',
  redfish: 'fence_redfish',
  libvirt: 'fence_virsh',
  'lab-switch': LAB_SWITCH_AGENT,
};

export function fenceDevices(fencing: FencingPlan, members: readonly HaMember[]): readonly FenceDevice[] {
  switch (fencing.kind) {
    case 'none':
      return [];
    case 'sbd':
      return [
        {
          id: 'slipway-fence-sbd',
          agent: 'fence_sbd',
          // One device for all of them: the delay is a random one.
          parameters: { devices: fencing.disks.join(','), pcmk_delay_max: `${HEAD_START}s` },
        },
      ];
    case 'devices':
      return fencing.devices.map((device) => fenceDevice(device, members[0]?.name));
  }
}

function fenceDevice(device: FenceDevicePlan, first: string | undefined): FenceDevice {
  return {
    id: `slipway-fence-${device.node}`,
    agent: AGENTS[device.kind],
    target: device.node,
    parameters: {
      ...connection(device),
      pcmk_host_list: device.node,
      ...(device.node === first ? { pcmk_delay_base: `${HEAD_START}s` } : {}),
    },
  };
}

function connection({
  kind,
  node,
  address,
  port,
  user,
  plug,
}: FenceDevicePlan): Record<string, string | number> {
  if (kind === 'lab-switch') return { url: address, plug: plug ?? node };
  return {
    ip: address,
    ...(port === undefined ? {} : { ipport: port }),
    ...(user === undefined ? {} : { username: user }),
    ...secret(kind, node),
    ...(kind === 'ipmi' ? { lanplus: 1 } : {}),
    ...(kind === 'redfish' ? { ssl_insecure: 1 } : {}),
    ...(kind === 'redfish' && plug !== undefined ? { systems_uri: plug } : {}),
    ...(kind === 'libvirt' ? { plug: plug ?? node } : {}),
  };
}

/** The password stays out of Pacemaker's configuration, which every member of haclient can read. */
const secret = (kind: FenceDevicePlan['kind'], node: string): Record<string, string> =>
  kind === 'libvirt'
    ? { identity_file: fenceSecretPath(node) }
    : { password_script: `cat ${fenceSecretPath(node)}` };

export const fenceSecretPath = (node: string): string => `${FENCE_SECRETS}/${node}`;

/** Nodes whose device takes a password that has to come with the join secret. */
export const nodesWithFenceSecret = (fencing: FencingPlan): readonly string[] =>
  fencing.kind === 'devices'
    ? fencing.devices.filter(({ kind }) => kind !== 'lab-switch').map(({ node }) => node)
    : [];

/** A fence agent for a power switch that takes GET <url>/<action>/<plug> and answers `on` or `off`. */
export const LAB_SWITCH_SCRIPT = `#!/bin/sh
# Written by slipway-agent: the power switch of a lab. Options arrive as lines of standard input (fence agent API).
action=reboot
if [ "$1" = -o ]; then action=$2; else
  while IFS='=' read -r key value; do
    case $key in action) action=$value ;; url) url=$value ;; plug | port) plug=$value ;; esac
  done
fi
ask() { curl --silent --fail --max-time 20 "$url/$1/$plug"; }
case $action in
metadata)
  cat <<'END'
<?xml version="1.0" ?>
<resource-agent name="${LAB_SWITCH_AGENT}" shortdesc="Power switch of a lab">
<longdesc>Switches a node of a lab off and on by HTTP.</longdesc><vendor-url></vendor-url>
<parameters>
<parameter name="action" unique="0" required="1"><getopt mixed="-o"/><content type="string" default="reboot"/></parameter>
<parameter name="url" unique="0" required="1"><getopt mixed="-a"/><content type="string"/></parameter>
<parameter name="plug" unique="0" required="0"><getopt mixed="-n"/><content type="string"/></parameter>
</parameters>
<actions><action name="on" automatic="0"/><action name="off"/><action name="reboot"/><action name="status"/>
<action name="monitor"/><action name="metadata"/></actions>
</resource-agent>
END
  ;;
monitor | status)
  case $(ask status) in on) exit 0 ;; off) [ "$action" = monitor ] && exit 0; exit 2 ;; *) exit 1 ;; esac ;;
off) [ "$(ask off)" = off ] ;;
on | reboot) [ "$(ask "$action")" = on ] ;;
*) exit 1 ;;
esac
`;
