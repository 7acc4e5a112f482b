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
  /** Not on all nodes at the same time. */
  readonly inTurn?: boolean;
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
  // The first one’s corosync reaches all others; they are to find it done, and not in the middle of it.
  { act: 'activate', inTurn: true, words: 'gave them to DRBD and corosync' },
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
  const all = (
    act: RotationAct,
    { secret: given, inTurn = false }: { secret?: JoinSecret; inTurn?: boolean } = {},
  ): Promise<readonly RotationReport[]> => everyNode(nodes, (node) => ask(node, act, given), inTurn);
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
  // Fence devices keep their passwords: no node is told of them again.
  const alone: JoinSecret = { ...secret, fencing: {} };
  for (const { act, words, inTurn = false } of [...(plan.proven ? [] : PREPARATION), ...CHANGE]) {
    await all(act, { inTurn, ...(act === 'stage' ? { secret: alone } : {}) });
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

/**
 * All at once where nothing is said against it: between the first node's new keys and the last one's there is to be little
 * time. What fails on one is no reason to leave out another, and all failures are told.
 */
async function everyNode<T>(
  nodes: readonly string[],
  work: (node: string) => Promise<T>,
  inTurn: boolean,
): Promise<readonly T[]> {
  let before: Promise<unknown> = Promise.resolve();
  const working = nodes.map((node) => {
    const one = inTurn ? before.then(() => work(node)) : work(node);
    before = one.catch(() => {});
    return one;
  });
  const outcomes = await Promise.allSettled(working);
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  const [first] = failures;
  if (failures.length > 1 && failures.every((error) => error instanceof FailedError)) {
    const messages = failures.map((error) => error.message).join('\n  ');
    throw new FailedError(messages, failures[0]?.hint, { cause: first });
  }
  if (failures.length > 0) throw first;
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}
