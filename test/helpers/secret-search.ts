/** Everything a node has, searched for a cluster's secrets in every form they could have. */
import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { deriveKeys } from '../../postinstall/cluster/keys.ts';
import type { JoinSecret } from '../../src/plan/types.ts';
import type { NodeNumber, UmlPair } from './uml-pair.ts';

/** Where what is derived belongs. */
export const KEY_FILES =
  '/etc/corosync/authkey /etc/pacemaker/authkey /etc/slipway/cluster-keys.json /etc/drbd.d/slipway.res';
const PLACES = '/etc /var /root /home /tmp /opt /srv /run/slipway /run/log';

/** The join secret and what is derived from it: as bytes, hex digits and base64. */
export function formsOf(secret: JoinSecret): readonly Buffer[] {
  const { peer, corosync, pacemaker, replication } = deriveKeys(secret);
  const raw = [Buffer.from(secret.secret, 'hex'), peer, corosync, pacemaker].map((key) => Buffer.from(key));
  const texts = raw.flatMap((key) => [key.toString('hex'), key.toString('base64').replace(/=+$/, '')]);
  return [...raw, ...[...texts, replication].map((form) => Buffer.from(form))];
}

/** Fails when one of the forms is in a file, the system journal, the words of a process, or on the console of a node. */
export async function assertNowhere(
  pair: UmlPair,
  node: NodeNumber,
  forms: readonly Buffer[],
  { except = KEY_FILES } = {},
): Promise<void> {
  const file = `n${node}.search`;
  const excluded = except
    .split(' ')
    .filter((path) => path !== '')
    .map((path) => `--exclude=${path}`);
  await pair.ssh(
    node,
    `cd /run/share; { tar -c ${excluded.join(' ')} ${PLACES} 2>/dev/null; journalctl -o export; ps -ewwo args; cat /proc/cmdline; } > ${file}`,
    5 * 60_000,
  );
  const all = await readFile(pair.shared(file));
  // What is searched does hold what such places hold.
  assert.ok(all.includes('slipway: complete') && all.includes('cluster_name: pair'));
  for (const [i, form] of forms.entries()) assert.equal(all.includes(form), false, `secret ${i} on n${node}`);
  const console = Buffer.from(await pair.console(node));
  for (const form of forms) assert.equal(console.includes(form), false);
  await rm(pair.shared(file));
}
