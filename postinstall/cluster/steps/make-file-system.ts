import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import { type FileSystemSignature, readFileSystem } from '../../../src/storage/file-system.ts';
import type { AgentStep } from '../../agent-step.ts';
import { describeDrbd, isSynchronised, readDrbd } from '../drbd-state.ts';
import { type Pair, pairOf, REPLICATED_DEVICE } from '../members.ts';
import { PEER_PATIENCE_MS, waitsForPeer, waitUntil } from '../wait.ts';

/** Discards go to both nodes piece by piece, a long time on large volumes; fstrim(8) does them when nobody waits. */
const NO_DISCARD = { ext4: ['-E', 'nodiscard'], xfs: ['-K'] } as const;
/** Tells ours from any other; short enough for XFS. */
const LABEL = 'slipway';

/** The replicated volume holds the file system of the plan. Made once, by the first node, on an empty volume. */
export const makeFileSystem: AgentStep = {
  id: 'make-file-system',
  title: 'Replicated file system',
  after: ['synchronise-data'],
  timeoutSeconds: 1800,
  checks: `The replicated volume holds the file system of the plan, with the label '${LABEL}'; read below DRBD on every node.`,
  byHand: 'blkid --probe DEVICE; the agent never overwrites another file system.',

  async check(machine, facts) {
    const pair = pairOf(facts);
    const found = await fileSystem(machine, pair);
    if (found === undefined) return { done: false, why: 'the replicated volume has no file system' };
    return { done: true, evidence: { fileSystem: found.type, uuid: found.uuid } };
  },

  async apply(machine, facts, say) {
    const pair = pairOf(facts);
    if (pair.self !== pair.leader) {
      return waitUntil(
        machine,
        async () =>
          (await fileSystem(machine, pair)) === undefined
            ? `${pair.leader.name} has not made the file system`
            : undefined,
        { limitMs: PEER_PATIENCE_MS, late: waitsForPeer() },
      );
    }
    const { resource, fileSystem: type } = pair.replication;
    const state = await readDrbd(machine, resource);
    if (!isSynchronised(state) || state?.peerRole !== 'Secondary')
      throw new StepFailure('waiting-peer', `DRBD is ${describeDrbd(state)}`);
    if (state.role !== 'Primary')
      await machine.exec({ file: 'drbdadm', args: ['primary', resource], effect: 'write' });
    await refuseData(machine);
    say(`making ${type} on ${REPLICATED_DEVICE}`);
    await machine.exec({
      file: `mkfs.${type}`,
      args: ['-q', ...NO_DISCARD[type], '-L', LABEL, REPLICATED_DEVICE],
      effect: 'write',
      timeoutMs: 1_500_000,
    });
    // The check reads below DRBD, and Pacemaker is to find both nodes alike.
    await machine.exec({ file: 'drbdadm', args: ['secondary', resource], effect: 'write' });
  },
};

/** Ours, or nothing; anything else is refused. Internal metadata lies at the end, so that the volume begins the same. */
async function fileSystem(
  machine: Machine,
  { disk, replication }: Pair,
): Promise<FileSystemSignature | undefined> {
  const found = await readFileSystem(machine, disk);
  if (found === undefined) return undefined;
  if (found.type === replication.fileSystem && found.label === LABEL) return found;
  throw new StepFailure(
    'refused-foreign-data',
    `the replicated volume holds ${found.type} '${found.label}', and not the ${replication.fileSystem} '${LABEL}' of this cluster`,
    'nothing was written; save what is on it, and empty it yourself if it is not needed',
  );
}

/** mkfs asks nobody when it has no terminal. */
async function refuseData(machine: Machine): Promise<void> {
  const { exitCode, stdout } = await machine.exec({
    file: 'blkid',
    args: ['--probe', '--output', 'export', REPLICATED_DEVICE],
    effect: 'read',
    accept: [0, 2, 8],
  });
  if (exitCode === 2) return;
  const type = /^(?:TYPE|PTTYPE)=(.+)$/m.exec(stdout)?.[1] ?? 'several signatures';
  throw new StepFailure('refused-foreign-data', `${REPLICATED_DEVICE} holds ${type}`, 'nothing was written');
}
