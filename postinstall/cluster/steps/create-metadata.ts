import { StepFailure } from '../../../src/engine/failure.ts';
import type { Machine } from '../../../src/engine/machine.ts';
import { readFileSystem } from '../../../src/storage/file-system.ts';
import type { AgentStep } from '../../agent-step.ts';
import { readDrbd } from '../drbd-state.ts';
import { type Pair, pairOf } from '../members.ts';

/** The clustered volume carries DRBD's metadata. Written once, onto a volume with nothing on it. */
export const createMetadata: AgentStep = {
  id: 'create-metadata',
  title: 'Replication metadata',
  after: ['write-replication'],
  checks: 'The clustered volume has DRBD metadata (drbdadm dump-md), or DRBD uses it already.',
  byHand: 'drbdadm dump-md RESOURCE; blkid --probe DEVICE. A volume with data on it is never overwritten.',

  async check(machine, facts) {
    const pair = pairOf(facts);
    const found = await metadata(machine, pair);
    if (found === 'none') return { done: false, why: `${pair.disk} has no DRBD metadata` };
    return { done: true, evidence: { disk: pair.disk, metadata: found } };
  },

  async apply(machine, facts, say) {
    const pair = pairOf(facts);
    await refuseUsed(machine, pair);
    say(`writing DRBD metadata onto ${pair.disk}`);
    // Without --force and without a terminal, ever: where anything at all is found the tool then refuses by itself.
    const { exitCode, stdout, stderr } = await machine.exec({
      file: 'drbdadm',
      args: ['create-md', pair.replication.resource],
      effect: 'write',
      accept: [0, NOT_CONFIRMED, WOULD_TRUNCATE],
    });
    if (exitCode === 0) return;
    const found = /^Found .+$/m.exec(`${stdout}\n${stderr}`)?.[0] ?? 'it found data';
    throw refusal(pair.disk, `drbdadm does not write metadata onto ${pair.disk}: ${found}`);
  },
};

async function metadata(machine: Machine, { replication }: Pair): Promise<'none' | 'found' | 'in use'> {
  const { resource } = replication;
  const state = await readDrbd(machine, resource);
  // Connected without a disk: it had one, and lost it. That is the next step's to say.
  if (state !== undefined && (state.disk !== 'Diskless' || state.connection === 'Connected')) return 'in use';
  const { exitCode, stdout, stderr } = await machine.exec({
    file: 'drbdadm',
    args: ['dump-md', resource],
    effect: 'read',
    accept: [0, 1, 10, 20, 255],
  });
  if (exitCode === 0) return 'found';
  const said = `${stdout}\n${stderr}`;
  // After a power cut the activity log has to be replayed before anybody reads it; attaching does that.
  if (/unclean/i.test(said)) return 'found';
  if (/no valid meta ?data/i.test(said)) return 'none';
  const last = said.trimEnd().split('\n').at(-1)?.trim();
  // Pacemaker attaches it between the two questions: the next look finds it in use.
  const isHeld = /busy|exclusive open|exit code 20$/im.test(said);
  throw new StepFailure(
    isHeld ? 'transient' : 'verify-failed',
    `drbdadm cannot read the metadata of ${resource}: ${last}`,
  );
}

/** Exit codes of create-md: nobody confirmed that data may go; a file system would be cut off. */
const NOT_CONFIRMED = 1;
const WOULD_TRUNCATE = 40;

const refusal = (disk: string, why: string): StepFailure =>
  new StepFailure(
    'refused-foreign-data',
    why,
    `nothing was written; if it is not needed, empty it yourself: blkdiscard --zeroout ${disk}`,
  );

/** The guard before the one write to the volume itself. */
async function refuseUsed(machine: Machine, pair: Pair): Promise<void> {
  const { disk, replication } = pair;
  const refuse = (why: string): StepFailure => refusal(disk, why);
  if ((await readDrbd(machine, replication.resource)) !== undefined)
    throw new StepFailure(
      'verify-failed',
      `DRBD has started ${replication.resource} without a disk`,
      `drbdadm down ${replication.resource}`,
    );
  const real = (await machine.realPath(disk)) ?? disk;
  const inUse = `${(await machine.readFile('/proc/self/mounts')) ?? ''}\n${(await machine.readFile('/proc/swaps')) ?? ''}`;
  if (inUse.split('\n').some((line) => [disk, real].includes(line.split(/\s/)[0] ?? '')))
    throw refuse(`${disk} is in use`);
  const known = await readFileSystem(machine, real);
  if (known !== undefined)
    throw refuse(`${disk} holds ${known.type}${known.label === '' ? '' : ` '${known.label}'`}`);
  const { exitCode, stdout } = await machine.exec({
    file: 'blkid',
    args: ['--probe', '--output', 'export', real],
    effect: 'read',
    // 2: nothing found. 8: several things found, so that it cannot say which.
    accept: [0, 2, 8],
  });
  const type = /^(?:TYPE|PTTYPE)=(.+)$/m.exec(stdout)?.[1];
  if (exitCode === 8 || type !== undefined) throw refuse(`${disk} holds ${type ?? 'several signatures'}`);
}
