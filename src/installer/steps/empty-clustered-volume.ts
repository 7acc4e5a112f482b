import type { Command } from '../../engine/command.ts';
import { StepFailure } from '../../engine/failure.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import type { Installation } from '../installation.ts';
import { madeHere } from '../made-here.ts';

/** File systems and partition tables have their signatures in the first MiB, DRBD its metadata in the last. */
const EDGE_BYTES = 1024 ** 2;
/** Both ends of what is written lie on blocks of every disk. */
const BLOCK_BYTES = 4096;

const emptied = madeHere();

/**
 * Takes away what the disks held before where the clustered volume begins and ends. The agent puts nothing onto a volume
 * that holds anything at all, and metadata of a cluster that was here once would pass for that of the new one.
 */
export const emptyClusteredVolume: Step<Installation> = {
  id: 'empty-clustered-volume',
  title: 'Empty the clustered volume',
  after: ['make-btrfs-volumes'],
  async check(machine, { model }) {
    for (const device of model.unformatted) {
      for (const { offset, length } of await edges(machine, device)) {
        const bytes = await machine.readBytes(device, offset, length, true);
        if (bytes.length !== length || bytes.some((byte) => byte !== 0))
          return { done: false, why: `${device} holds something at byte ${offset}` };
      }
      if (!emptied.has(model, device)) return { done: false, why: `${device} holds what it held before` };
    }
    return { done: true, evidence: { empty: model.unformatted } };
  },
  async apply(machine, { model }, say) {
    for (const device of model.unformatted) {
      say(`${device}: nothing in its first and last MiB`);
      for (const edge of await edges(machine, device)) await machine.exec(zeroCommand(device, edge));
      emptied.add(model, device);
    }
  },
};

interface Edge {
  /** Bytes. */
  readonly offset: number;
  readonly length: number;
}

/** `blkdiscard --zeroout` writes zeros where the device cannot do it by itself: blkdiscard(8). */
const zeroCommand = (device: string, { offset, length }: Edge): Command => ({
  file: 'blkdiscard',
  args: ['--zeroout', `--offset=${offset}`, `--length=${length}`, device],
  effect: 'write',
});

async function edges(machine: Machine, device: string): Promise<readonly Edge[]> {
  const name = ((await machine.realPath(device)) ?? device).slice('/dev/'.length);
  const sectors = Number((await machine.readFile(`/sys/class/block/${name}/size`)) ?? '0');
  const size = sectors * 512;
  if (size < 2 * EDGE_BYTES) throw new StepFailure('verify-failed', `${device} has ${size} bytes`);
  const last = Math.floor((size - EDGE_BYTES) / BLOCK_BYTES) * BLOCK_BYTES;
  return [
    { offset: 0, length: EDGE_BYTES },
    { offset: last, length: size - last },
  ];
}
