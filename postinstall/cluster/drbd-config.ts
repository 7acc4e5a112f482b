/** What DRBD is told: drbd.conf(5). Pure. */
import type { HaMember, ReplicationPlan } from '../../src/plan/types.ts';
import { REPLICATED_DEVICE, REPLICATED_MINOR } from './members.ts';

export interface DrbdConfig {
  readonly members: readonly HaMember[];
  readonly replication: ReplicationPlan;
  /** Device under DRBD, the same on both. */
  readonly disk: string;
  readonly sharedSecret: string;
  readonly generation: DrbdGeneration;
  /** Whether a node can be switched off by the other. */
  readonly fenced: boolean;
}

/**
 * A synchronisation as fast as the link: DRBD's own beginning is 250 KiB/s, with 50 KiB under way, and it takes its time
 * from there. It gives way to the service by itself (c-min-rate).
 */
const RESYNC = ['resync-rate 100M;', 'c-fill-target 10M;', 'c-max-rate 1G;'];

/**
 * Pages of 4 KiB. Ten times a second DRBD asks for half of them at most (drbd_rs_number_requests() of its source), so its
 * own 2048 end every synchronisation at 40 MB/s, whatever disks and link can do. They are taken as they are needed.
 */
const MAX_BUFFERS = 16_000;

export type DrbdGeneration = '8.4' | '9';

/** The generation of a module's version, `8.4.11` or `9.2.5`; undefined for one that is neither. */
export function drbdGeneration(version: string): DrbdGeneration | undefined {
  if (/^8\.4\./.test(version)) return '8.4';
  return /^9\./.test(version) ? '9' : undefined;
}

/**
 * After a split brain nothing is ever thrown away: only where one side wrote nothing at all does it take the other's
 * data. A peer that is gone is kept from becoming primary with old data by a constraint in Pacemaker's configuration.
 */
export function drbdConfig(config: DrbdConfig): string {
  const { members, replication, disk, sharedSecret, generation, fenced } = config;
  const suffix = generation === '9' ? '.9.sh' : '.sh';
  const policy = `    fencing ${fenced ? 'resource-and-stonith' : 'resource-only'};`;
  return `${[
    '# Written by slipway-agent.',
    `resource ${replication.resource} {`,
    '  net {',
    '    protocol C;',
    // drbdadm of 8.4 knows it among the options of the disk only, that of 9 among those of the net.
    ...(generation === '9' ? [policy] : []),
    '    cram-hmac-alg sha256;',
    `    shared-secret "${sharedSecret}";`,
    '    verify-alg sha256;',
    `    max-buffers ${MAX_BUFFERS};`,
    '    after-sb-0pri discard-zero-changes;',
    '    after-sb-1pri disconnect;',
    '    after-sb-2pri disconnect;',
    '  }',
    '  disk {',
    '    on-io-error detach;',
    ...RESYNC.map((line) => `    ${line}`),
    ...(generation === '9' ? [] : [policy]),
    '  }',
    '  handlers {',
    `    fence-peer "/usr/lib/drbd/crm-fence-peer${suffix}";`,
    `    ${generation === '9' ? 'unfence-peer' : 'after-resync-target'} "/usr/lib/drbd/crm-unfence-peer${suffix}";`,
    '  }',
    ...members.flatMap(({ name, replication: address }) => [
      `  on ${name} {`,
      `    device ${REPLICATED_DEVICE} minor ${REPLICATED_MINOR};`,
      `    disk ${disk};`,
      '    meta-disk internal;',
      `    address ${address}:${replication.port};`,
      '  }',
    ]),
    '}',
  ].join('\n')}\n`;
}
