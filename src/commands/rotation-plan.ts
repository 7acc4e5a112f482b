/** What a rotation of a cluster's secrets does, from where its nodes stand. Pure. */
import type { RotationReport } from '../../postinstall/cluster/rotate.ts';

export interface Standing {
  readonly cluster: string;
  /** Paths of the key medium and of its successor. */
  readonly medium: string;
  readonly next: string;
  /** Id of the secret on the medium; absent where the medium is lost, and then that of the nodes is what there is. */
  readonly currentId?: string;
  /** Id of the secret on the successor; absent where no rotation was begun from here. */
  readonly nextId?: string;
  /** What each node said when it was looked at. */
  readonly reports: readonly RotationReport[];
}

export type RotationPlan =
  | { readonly kind: 'refused'; readonly problems: readonly string[]; readonly remedy: string }
  /** `proven`: every node has heard all others prove that they hold the new keys. */
  | { readonly kind: 'go'; readonly proven: boolean; readonly lines: readonly string[] };

/** Whether a node has heard all others prove that they hold the new keys. */
const isProven = ({ keyId, next }: RotationReport, nextId: string): boolean =>
  keyId === nextId || (next?.id === nextId && next.phase !== 'staged');

/** Whether the new keys are on their way into use on a node: from then on there is no way back for any. */
const isCommitted = ({ keyId, next }: RotationReport, nextId: string): boolean =>
  keyId === nextId || (next?.id === nextId && next.phase === 'committing');

export function planRotation(standing: Standing): RotationPlan {
  const { nextId, reports } = standing;
  const strangers = strange(standing);
  if (strangers !== undefined) return strangers;
  const isUnderWay = nextId !== undefined && reports.some((report) => isCommitted(report, nextId));
  // Half-way the cluster may well be in pieces: that is what the rest of the rotation mends.
  const ailing = isUnderWay ? [] : reports.flatMap(ailments);
  if (ailing.length > 0) {
    return {
      kind: 'refused',
      problems: ailing,
      remedy: 'secrets are renewed on a cluster that is whole: slipway-agent status, and slipway-agent run',
    };
  }
  const proven = nextId !== undefined && reports.every((report) => isProven(report, nextId));
  return { kind: 'go', proven, lines: words(standing) };
}

const ELSEWHERE = 'run slipway rotate where it was begun';
/** The nodes have all it takes; what is gone with that computer is the medium of the secret they then use. */
const FINISH_ELSEWHERE = `${ELSEWHERE}; if that is lost: on every node slipway-agent rotate commit, then on every node activate, verify, finish, and then slipway rotate --lost`;

/** Nodes this rotation is not about. */
function strange({ cluster, medium, next, currentId, nextId, reports }: Standing): RotationPlan | undefined {
  const refused = (problems: readonly string[], remedy: string): RotationPlan | undefined =>
    problems.length === 0 ? undefined : { kind: 'refused', problems, remedy };
  const elsewhere = reports.filter((report) => report.cluster !== cluster);
  const foreign = reports.filter((report) => report.next !== undefined && report.next.id !== nextId);
  const final = foreign.some((report) => report.next?.phase === 'committing');
  const known = [currentId ?? reports[0]?.keyId, nextId];
  const unknown = reports.filter(({ keyId }) => keyId === undefined || !known.includes(keyId));
  return (
    refused(
      elsewhere.map((report) => `${report.node} belongs to cluster '${report.cluster}', not to '${cluster}'`),
      'choose the spec of this cluster',
    ) ??
    refused(
      foreign.map(
        ({ node, next: theirs }) =>
          `on ${node} a rotation to the secret ${theirs?.id} is half-way (${theirs?.phase}), and ` +
          (nextId === undefined ? `there is no ${next}` : `${next} holds ${nextId}`),
      ),
      final ? FINISH_ELSEWHERE : `${ELSEWHERE}, or give it up on each node: slipway-agent rotate forget`,
    ) ??
    refused(
      unknown.map(({ node, keyId }) =>
        keyId === undefined
          ? `${node} has no keys of its cluster`
          : `${node} uses the secret ${keyId}, and ${medium} holds ${currentId ?? 'none'}`,
      ),
      'choose the folder with the key medium of these nodes: --out',
    )
  );
}

const ailments = ({ node, health }: RotationReport): readonly string[] => [
  ...(health?.run === 'complete' ? [] : [`${node} is ${health?.run ?? 'silent'}, not complete`]),
  ...(health?.problems ?? []).map((problem) => `${node}: ${problem}`),
];

function words({ cluster, medium, next, nextId, reports }: Standing): readonly string[] {
  const from = reports.map((report) => `${report.node} uses ${report.keyId}${stage(report)}`);
  return [
    `cluster '${cluster}': ${nextId === undefined ? 'a new join secret' : `the rotation to the join secret ${nextId} is carried on`}`,
    ...from.map((line) => `  ${line}`),
    `  1. ${next}: ${nextId === undefined ? 'made with the new secret and the passwords of the old one' : 'kept'}`,
    '  2. every node derives the new keys and keeps them beside those in use',
    '  3. the nodes prove to each other that they hold the same',
    '  4. on every node, each file at once: /etc/corosync/authkey, /etc/pacemaker/authkey,',
    '     /etc/slipway/cluster-keys.json, and DRBD’s secret in its resource file',
    '  5. running: drbdadm adjust, corosync-cfgtool -R; nothing is stopped, disconnected or moved',
    '  6. every node verifies its files, DRBD, the membership and Pacemaker',
    `  7. the keys kept beside are erased; ${next} becomes ${medium}`,
  ];
}

const stage = ({ next }: RotationReport): string =>
  next === undefined ? '' : `, ${next.phase} for ${next.id}`;

/** What may not have changed from before to after; a sentence for each that did. */
export function changes(
  before: readonly RotationReport[],
  after: readonly RotationReport[],
): readonly string[] {
  return after.flatMap(({ node, health: now }) => {
    const was = before.find((report) => report.node === node)?.health;
    if (was === undefined || now === undefined) return [];
    return [
      ...(was.ring === now.ring
        ? []
        : [`${node}: the membership was ${was.ring ?? 'none'} and is ${now.ring ?? 'none'}`]),
      ...(was.placement.join() === now.placement.join()
        ? []
        : [`${node}: resources ran as ${was.placement.join(', ')}, and now ${now.placement.join(', ')}`]),
    ];
  });
}
