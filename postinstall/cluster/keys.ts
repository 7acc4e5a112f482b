/**
 * The secrets of a cluster, all derived from its join secret: HKDF-SHA256 (RFC 5869), one label each. Whoever learns one
 * of them learns nothing about the others, and every node comes to the same ones without talking to anybody.
 */
import { hkdfSync } from 'node:crypto';
import type { JoinSecret } from '../../src/plan/types.ts';

/** What a derived secret is for; the label is part of its derivation and never changes. */
const LABELS = {
  peer: 'slipway/1/peer',
  corosync: 'slipway/1/corosync',
  pacemaker: 'slipway/1/pacemaker',
  replication: 'slipway/1/drbd',
  id: 'slipway/1/id',
} as const;

/** Bytes. corosync's key is as long as corosync-keygen(8) makes it; cram-hmac of DRBD takes at most 64 characters. */
const LENGTHS: Readonly<Record<keyof typeof LABELS, number>> = {
  peer: 32,
  corosync: 256,
  pacemaker: 256,
  replication: 24,
  id: 8,
};

export interface ClusterKeys {
  /** With which nodes prove to each other that they belong together. */
  readonly peer: Uint8Array;
  /** /etc/corosync/authkey */
  readonly corosync: Uint8Array;
  /** /etc/pacemaker/authkey */
  readonly pacemaker: Uint8Array;
  /** DRBD's shared secret, printable. */
  readonly replication: string;
  /** Tells secrets apart and gives none away, 16 hex digits. */
  readonly id: string;
}

/** Derives everything. The cluster's name is the salt: one secret used for two clusters gives different keys. */
export function deriveKeys({ cluster, secret }: Pick<JoinSecret, 'cluster' | 'secret'>): ClusterKeys {
  const material = Buffer.from(secret, 'hex');
  const derive = (what: keyof typeof LABELS): Buffer =>
    Buffer.from(hkdfSync('sha256', material, cluster, LABELS[what], LENGTHS[what]));
  return {
    peer: derive('peer'),
    corosync: derive('corosync'),
    pacemaker: derive('pacemaker'),
    replication: derive('replication').toString('hex'),
    id: derive('id').toString('hex'),
  };
}
