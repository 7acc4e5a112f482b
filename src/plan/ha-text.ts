/** What the nodes of a cluster do together, in lines for people. */
import type { FencingPlan, HaPlan } from './types.ts';

/** One line each; the first says who. */
export function haLines({ members, replication, vip, services, fencing }: HaPlan): readonly string[] {
  const names = members.map(({ name, links }) => `${name} (${links.join(', ')})`);
  const data =
    replication === undefined
      ? []
      : [
          `data: ${replication.fileSystem} at ${replication.mountPoint}, replicated ` +
            `${members.map((member) => member.replication).join(' ↔ ')}`,
        ];
  return [
    `together: ${names.join(', ')}`,
    ...data,
    ...(services.length === 0 ? [] : [`services: ${services.join(', ')}`]),
    ...(vip === undefined ? [] : [`address of the service: ${vip.address}/${vip.prefixLength}`]),
    `fencing: ${fencingText(fencing)}`,
  ];
}

function fencingText(fencing: FencingPlan): string {
  switch (fencing.kind) {
    case 'none':
      return `none, "${fencing.accepted}"`;
    case 'sbd':
      return `sbd on ${fencing.disks.join(', ')} with ${fencing.watchdog}`;
    case 'devices':
      return fencing.devices.map(({ node, kind, address }) => `${node} by ${kind} at ${address}`).join(', ');
  }
}
