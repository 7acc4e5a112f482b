/** As much of Corosync as a formation touches; what it prints was recorded from corosync 3.1.7. */
import { type FakeNode, type FakePair, type FakePrograms, failing } from './fake-nodes.ts';

const UNIT = 'corosync.service';

/** What Corosync encrypts with once it is started. */
export const keyOf = ({ machine }: FakeNode): string =>
  Buffer.from(machine.files.get('/etc/corosync/authkey') ?? '').toString('hex');

const hasCorosync = ({ run }: FakeNode): boolean => run.units.includes(UNIT);

/** The nodes a node sees: those that run, are linked, and have the same key. */
export const seenBy = ({ nodes, linked }: FakePair, node: FakeNode): readonly FakeNode[] =>
  nodes.filter((one) => one === node || (linked && hasCorosync(one) && one.run.key === node.run.key));

export const isOneCluster = (pair: FakePair): boolean =>
  pair.nodes.every((node) => hasCorosync(node) && seenBy(pair, node).length === pair.nodes.length);

function countRings(pair: FakePair): void {
  const now = pair.nodes.map((node) => (hasCorosync(node) ? seenBy(pair, node).length : 0)).join();
  if (now !== pair.membership) pair.ring += 1;
  pair.membership = now;
}

export const COROSYNC_PROGRAMS: FakePrograms = {
  corosync: (_, _node, { args }) =>
    args[0] === '-v'
      ? "Corosync Cluster Engine, version '3.1.7'\nCopyright (c) 2006-2021 Red Hat, Inc.\n"
      : '',
  'corosync-cfgtool': (pair, node) => {
    countRings(pair);
    for (const one of seenBy(pair, node)) one.run.key = keyOf(one);
    countRings(pair);
    return 'Reloading corosync.conf...\nDone\n';
  },
  'corosync-cmapctl': () => 'totem.cluster_name (str) = pair\n',
  'corosync-quorumtool': (pair, node) => {
    if (!hasCorosync(node)) return failing(1, 'Cannot initialize CMAP service\n');
    countRings(pair);
    const seen = seenBy(pair, node);
    const lines = seen.map(({ name }) => `         ${name.slice(1)}          1 ${name}\n`).join('');
    return `Ring ID:          1.${pair.ring}\nVotequorum information\nQuorate:          ${seen.length === 2 ? 'Yes' : 'No'}\n\nMembership information\n----------------------\n    Nodeid      Votes Name\n${lines}`;
  },
};
