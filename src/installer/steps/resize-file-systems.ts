import type { Command } from '../../engine/command.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import type { Installation } from '../installation.ts';
import type { ModelResize, StorageModel } from '../model.ts';

/** File systems that stay shrink before their device does, and grow after it. */
export const resizeFileSystems = (change: 'shrink' | 'grow', after: string): Step<Installation> => ({
  id: `${change}-file-systems`,
  title: change === 'shrink' ? 'Shrink file systems' : 'Grow file systems',
  after: [after],
  timeoutSeconds: 24 * 3600,
  async check(machine, { model }) {
    const wanted = resizesOf(model, change);
    for (const one of wanted) {
      const why = await difference(machine, one);
      if (why !== undefined) return { done: false, why };
    }
    return { done: true, evidence: { fileSystems: wanted.map(({ device }) => device) } };
  },
  async apply(machine, { model }, say) {
    for (const one of resizesOf(model, change)) {
      say(`${one.device}: ${one.sizeMiB} MiB`);
      for (const command of resizeCommands(one)) await machine.exec(command);
    }
  },
});

const resizesOf = ({ resizes }: StorageModel, change: 'shrink' | 'grow'): readonly ModelResize[] =>
  resizes.filter(({ grows }) => grows === (change === 'grow'));

/** resize2fs wants a file system that was just looked through, and tells how small one can be by failing. */
const resizeCommands = ({ device, sizeMiB }: ModelResize): readonly Command[] => [
  // 1: errors were found and mended.
  { file: 'e2fsck', args: ['-f', '-p', device], effect: 'write', accept: [0, 1], timeoutMs: DAY_MS },
  { file: 'resize2fs', args: [device, `${sizeMiB * 1024}K`], effect: 'write', timeoutMs: DAY_MS },
];

const DAY_MS = 24 * 3600 * 1000;

/** Of the ext superblock: where it is, and its fields. */
const EXT = {
  at: 1024,
  bytes: 1024,
  blocks: 4,
  blockSize: 24,
  magic: 56,
  incompat: 96,
  blocksHigh: 336,
} as const;
const INCOMPAT_64BIT = 0x80;

async function difference(
  machine: Machine,
  { device, sizeMiB, grows }: ModelResize,
): Promise<string | undefined> {
  const bytes = Buffer.from(await machine.readBytes(device, EXT.at, EXT.bytes, true));
  if (bytes.length < EXT.bytes || bytes.readUInt16LE(EXT.magic) !== 0xef53) {
    return `${device} holds no file system of ext`;
  }
  const high = bytes.readUInt32LE(EXT.incompat) & INCOMPAT_64BIT ? bytes.readUInt32LE(EXT.blocksHigh) : 0;
  const blocks = high * 2 ** 32 + bytes.readUInt32LE(EXT.blocks);
  const blockBytes = 1024 << bytes.readUInt32LE(EXT.blockSize);
  const have = (blocks * blockBytes) / 1024 ** 2;
  // It ends with a whole block.
  const isRight = grows ? have > sizeMiB - 1 : have <= sizeMiB;
  return isRight ? undefined : `the file system on ${device} has ${Math.ceil(have)} MiB, not ${sizeMiB}`;
}
