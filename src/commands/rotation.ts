/**
 * A rotation of a cluster's secrets, from one computer that reaches every node. All that is remembered is on the nodes
 * and on the successor of the key medium; after an interruption it is asked what stands, and what is left is done.
 */
import { deriveKeys } from '../../postinstall/cluster/keys.ts';
import type { RotationAct, RotationReport } from '../../postinstall/cluster/rotate.ts';
import { FailedError } from '../errors/exit.ts';
import type { JoinSecret } from '../plan/types.ts';
import { newJoinSecret } from '../secrets/key-medium.ts';
import { changes, planRotation } from './rotation-plan.ts';

/** The key medium and its successor. */
export interface Media {
  readonly path: string;
  readonly nextPath: string;
  current(): Promise<JoinSecret | undefined>;
  next(): Promise<JoinSecret | undefined>;
  /** Makes the successor; complete or not at all. */
  prepare(secret: JoinSecret): Promise<void>;
  /** Puts the successor in the place of the medium, in one step. */
  publish(): Promise<void>;
}

/** Asks a node for an act; rejects with a FailedError that names it. */
export type AskNode = (node: string, act: RotationAct, secret?: JoinSecret) => Promise<RotationReport>;

export interface RotationRequest {
  readonly cluster: string;
  readonly nodes: readonly string[];
  readonly media: Media;
  readonly ask: AskNode;
  readonly say: (line: string) => void;
  readonly dryRun?: boolean;
  /** There is no key medium, and it is gone on without. */
  readonly lost?: boolean;
}

interface Phase {
  readonly act: RotationAct;
  /** What is said when it is over on every node. */
  readonly words: string;
}

/**
 * Before any node is changed. Not again once it is done: the agents of nodes that came back meanwhile may be waiting for
 * each other, and then it is they who answer their peers.
 */
const PREPARATION: readonly Phase[] = [
  { act: 'stage', words: 'hold the new keys beside those in use' },
  { act: 'prove', words: 'proved to each other that they hold the same' },
];
const CHANGE: readonly Phase[] = [
  { act: 'commit', words: 'have the new keys in the place of the old ones' },
  { act: 'activate', words: 'gave them to DRBD and corosync' },
];

/** Resolves with the new secret, or with undefined after a dry run. Rejects with a FailedError. */
export async function rotateCluster(request: RotationRequest): Promise<JoinSecret | undefined> {
  const { cluster, nodes, media, ask, say, dryRun = false, lost = false } = request;
  const current = await media.current();
  const begun = await media.next();
  if (current === undefined && begun === undefined && !lost) {
    throw new FailedError(
      `there is no key medium ${media.path}`,
      '--out names its folder; if it is lost for good: --lost',
    );
  }
  const all = (act: RotationAct, secret?: JoinSecret): Promise<readonly RotationReport[]> =>
    everyNode(nodes, (node) => ask(node, act, secret));
  const before = await all('look');
  const plan = planRotation({
    cluster,
    medium: media.path,
    next: media.nextPath,
    reports: before,
    ...(current === undefined ? {} : { currentId: deriveKeys(current).id }),
    ...(begun === undefined ? {} : { nextId: deriveKeys(begun).id }),
  });
  if (plan.kind === 'refused') throw new FailedError(plan.problems.join('\n  '), plan.remedy);
  for (const line of plan.lines) say(line);
  if (dryRun) return undefined;

  const secret = begun ?? newJoinSecret(cluster, current?.fencing);
  if (begun === undefined) await media.prepare(secret);
  const names = nodes.join(' and ');
  for (const { act, words } of [...(plan.proven ? [] : PREPARATION), ...CHANGE]) {
    // Fence devices keep their passwords, so that no node is told of those of others again.
    await all(act, act === 'stage' ? { ...secret, fencing: {} } : undefined);
    say(`${names} ${words}`);
  }
  const after = await all('verify');
  const { id } = deriveKeys(secret);
  const behind = after.filter(({ keyId }) => keyId !== id).map(({ node }) => node);
  if (behind.length > 0)
    throw new FailedError(
      `${behind.join(' and ')} does not use the secret ${id}`,
      'slipway rotate once more',
    );
  say(`verified on ${names}: files, DRBD, membership and Pacemaker, with the keys of ${id}`);
  await all('finish');
  await media.publish();
  const different = changes(before, after);
  for (const line of different) say(line);
  if (different.length === 0) say('the membership and the place of every resource are as before');
  return secret;
}

/** All at once: between the first node's new key and the last one's there is to be little time. All failures are told. */
async function everyNode<T>(
  nodes: readonly string[],
  work: (node: string) => Promise<T>,
): Promise<readonly T[]> {
  const outcomes = await Promise.allSettled(nodes.map(work));
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  const [first] = failures;
  if (failures.length > 1 && failures.every((error) => error instanceof FailedError)) {
    throw new FailedError(failures.map((error) => error.message).join('\n  '), failures[0]?.hint, {
      cause: first,
    });
  }
  if (failures.length > 0) throw first;
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}
