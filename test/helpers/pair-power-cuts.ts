/**
 * Power cuts while two real nodes form a pair: at the operations the agent itself names (uml-agent-machine.ts). Several
 * cuts may hit one formation, each after the restart from the one before; then it is left to finish, and is proven.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { NODES, type NodeNumber, type UmlPair } from './uml-pair.ts';

export interface CutPoint {
  /** Whose operation it is. */
  readonly node: NodeNumber;
  /** `before …`, `during …` or `after` a command, or `before` a file is written. */
  readonly at: string;
}

export interface Cut extends CutPoint {
  /** Whose power goes off. */
  readonly who: 'that node' | 'both';
}

export interface CutOutcome extends Cut {
  /** `passed by`: after the restart the node had no need to do this again. */
  readonly result: 'complete' | 'passed by' | 'failed';
  /** What failed. */
  readonly detail: string;
}

/** The state of disks every formation begins with. */
const INSTALLED = 'installed';
/** Milliseconds from a start to the point, or to the verdict. */
const LIMIT_MS = 6 * 60_000;

const stopFile = (pair: UmlPair, node: NodeNumber): string => pair.shared(`n${node}.stop`);
const pointsFile = (pair: UmlPair, node: NodeNumber): string => pair.shared(`n${node}.points`);

/** Both nodes as they are after the installation, switched off. */
export async function keepInstalled(pair: UmlPair): Promise<void> {
  await Promise.all(NODES.map((node) => pair.up(node, { agent: false })));
  await Promise.all(
    NODES.map((node) => pair.ssh(node, 'until [ -e /etc/slipway/layout.json ]; do sleep 1; done; sync')),
  );
  await cutBoth(pair);
  await pair.save(INSTALLED);
}

/** Every operation of one whole formation, in the order of each node; each once. */
export async function enumeratePoints(pair: UmlPair): Promise<readonly CutPoint[]> {
  await begin(pair);
  await bothComplete(pair);
  await cutBoth(pair);
  const lists = await Promise.all(
    NODES.map(async (node) => {
      const lines = (await readFile(pointsFile(pair, node), 'utf8')).trimEnd().split('\n');
      return [...new Set(lines)].map((at): CutPoint => ({ node, at }));
    }),
  );
  return lists.flat();
}

/**
 * One formation with these cuts, which are points of one node in their order; an outcome for each that was tried. A run
 * that passes one by is over, and what comes later in the list wants another formation. Never rejects for what the nodes
 * do: then there is one outcome, that of the last cut.
 */
export async function formWithCuts(pair: UmlPair, cuts: readonly Cut[]): Promise<readonly CutOutcome[]> {
  const outcomes: CutOutcome[] = [];
  try {
    await begin(pair, cuts[0]);
    for (const [i, cut] of cuts.entries()) {
      const isReached = await reached(pair, cut.node);
      outcomes.push({ ...cut, result: isReached ? 'complete' : 'passed by', detail: '' });
      const next = cuts[i + 1];
      if (!isReached) break;
      await restart(pair, cut, next);
    }
    await bothComplete(pair);
    await proveWhole(pair);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    await cutBoth(pair);
    // Those before it were survived as far as the next one, which proves nothing; those behind it were not tried.
    const last = outcomes.at(-1) ?? cuts[0];
    if (last === undefined) throw error;
    return [{ ...last, result: 'failed', detail: `cut number ${Math.max(1, outcomes.length)}: ${detail}` }];
  }
  await cutBoth(pair);
  return outcomes;
}

async function begin(pair: UmlPair, first?: Cut): Promise<void> {
  await cutBoth(pair);
  await pair.restore(INSTALLED);
  for (const node of NODES) {
    await rm(stopFile(pair, node), { force: true });
    await rm(pointsFile(pair, node), { force: true });
  }
  if (first !== undefined) await writeFile(stopFile(pair, first.node), `${first.at}\n`);
  await Promise.all(NODES.map((node) => pair.up(node)));
}

async function restart(pair: UmlPair, { node, who }: Cut, next: Cut | undefined): Promise<void> {
  const hit = who === 'both' ? NODES : [node];
  await Promise.all(hit.map((one) => pair.cut(one)));
  await rm(stopFile(pair, node), { force: true });
  if (next !== undefined) await writeFile(stopFile(pair, next.node), `${next.at}\n`);
  await Promise.all(hit.map((one) => pair.up(one)));
}

/** Whether the node has come to its point; false once its run has ended without. */
async function reached(pair: UmlPair, node: NodeNumber): Promise<boolean> {
  const until = Date.now() + LIMIT_MS;
  for (;;) {
    if ((await readFile(stopFile(pair, node), 'utf8')) === 'reached\n') return true;
    const line = await lastVerdict(pair, node);
    if (line?.startsWith('slipway: complete')) return false;
    if (line !== undefined) throw new Error(line);
    if (Date.now() > until)
      throw new Error(`n${node} comes to no end: ${(await pair.console(node)).slice(-400)}`);
    await delay(100);
  }
}

async function bothComplete(pair: UmlPair): Promise<void> {
  const until = Date.now() + LIMIT_MS;
  for (;;) {
    const lines = await Promise.all(NODES.map((node) => lastVerdict(pair, node)));
    const failed = lines.find((line) => line?.startsWith('slipway: failed'));
    if (failed !== undefined) throw new Error(failed);
    if (lines.every((line) => line !== undefined)) return;
    if (Date.now() > until)
      throw new Error(
        `no verdict of ${NODES.filter((_, i) => lines[i] === undefined).map((node) => `n${node}`)}`,
      );
    await delay(200);
  }
}

/** The verdict of the start that a node is in, as its console shows it. */
async function lastVerdict(pair: UmlPair, node: NodeNumber): Promise<string | undefined> {
  return /^slipway: (?:complete|failed) .*$/m.exec(await pair.console(node))?.[0]?.trim();
}

/** Nobody switches a node on again that is to be off. */
async function cutBoth(pair: UmlPair): Promise<void> {
  pair.powerSwitch.state = 'silent';
  await Promise.all(NODES.map((node) => pair.cut(node)));
  pair.powerSwitch.state = 'works';
}

/** What every formation has to end in, however often it was interrupted. */
async function proveWhole(pair: UmlPair): Promise<void> {
  for (const node of NODES) {
    const [status = '', drbd = '', md = ''] = (
      await pair.ssh(
        node,
        'slipway-agent status --json; echo ---; drbdsetup status slipway --verbose; echo ---; cat /sys/block/md*/md/degraded; slipway-agent run --check >/run/check 2>&1 || grep -v ": verified" /run/check',
        120_000,
      )
    ).split('---\n');
    const { state, steps }: { state: string; steps: { id: string; state: string }[] } = JSON.parse(status);
    const open = steps.filter((step) => step.state !== 'verified').map(({ id }) => id);
    if (state !== 'complete' || open.length > 0) throw new Error(`n${node} is ${state}: ${open.join(', ')}`);
    if (!/ disk:UpToDate[\s\S]*peer-disk:UpToDate/.test(drbd)) throw new Error(`DRBD of n${node}: ${drbd}`);
    if (md.trim() !== '0') throw new Error(`n${node}: ${md.trim()}`);
  }
  // Everything that was written is there, on the one node that serves, and the file system holds it without a flaw.
  const mounted = await Promise.all(
    NODES.map((node) => pair.ssh(node, 'findmnt -n -o SOURCE /srv/data || true')),
  );
  const serving = NODES.filter((_, i) => mounted[i] === '/dev/drbd0\n');
  const [first, ...others] = serving;
  if (first === undefined || others.length > 0)
    throw new Error(`the data is mounted on ${serving.length} nodes`);
  const data = await pair.ssh(
    first,
    'wc -c < /srv/data/.slipway-proof; e2fsck -fn /dev/md/clustered >/run/fsck 2>&1; grep -c "ERRORS\\|corrupt" /run/fsck || true',
  );
  if (data !== '65\n0\n') throw new Error(`the data: ${data.trim().replaceAll('\n', ', ')}`);
}
