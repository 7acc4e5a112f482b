/** What corosync is told: corosync.conf(5) and votequorum(5). Pure. */
import type { HaMember } from '../../src/plan/types.ts';

export interface CorosyncConfig {
  readonly cluster: string;
  readonly members: readonly HaMember[];
}

/** Milliseconds without a word until a node counts as lost. */
const TOKEN_MS = 5_000;

export function corosyncConf({ cluster, members }: CorosyncConfig): string {
  const isPair = members.length === 2;
  return `${[
    '# Written by slipway-agent.',
    'totem {',
    '  version: 2',
    `  cluster_name: ${cluster}`,
    '  transport: knet',
    '  crypto_cipher: aes256',
    '  crypto_hash: sha256',
    `  token: ${TOKEN_MS}`,
    '}',
    'nodelist {',
    ...members.flatMap(({ name, id, links }) => [
      '  node {',
      ...links.map((address, i) => `    ring${i}_addr: ${address}`),
      `    name: ${name}`,
      `    nodeid: ${id}`,
      '  }',
    ]),
    '}',
    'quorum {',
    '  provider: corosync_votequorum',
    // One of two keeps the quorum it had; a node that starts alone has none until it has seen the other.
    ...(isPair ? ['  two_node: 1', '  wait_for_all: 1'] : []),
    '}',
    'logging {',
    '  to_syslog: yes',
    '  to_logfile: no',
    '}',
  ].join('\n')}\n`;
}
