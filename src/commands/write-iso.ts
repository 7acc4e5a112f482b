/** The work of `slipway write`. */
import { localMachine } from '../engine/local-machine.ts';
import { createExec } from '../host/exec.ts';
import { interruption } from '../host/signals.ts';
import { preflight, toolNeeds } from '../host/tools.ts';
import { withImage } from '../media/image/source.ts';
import { readVolume } from '../media/image/volume.ts';
import { burnDisc } from '../media/write/disc.ts';
import { writeToDisk } from '../media/write/disk.ts';
import { releaseTarget } from '../media/write/guard.ts';
import { byteProgress } from './byte-progress.ts';
import type { WriteCommandOptions } from './write.ts';

/** Writes, compares and says so; rejects before anything is written when the device is not to be overwritten. */
export async function writeIso(
  iso: string,
  device: string,
  { yesIMean }: WriteCommandOptions,
): Promise<void> {
  const signal = interruption();
  const exec = createExec({ signal });
  const machine = localMachine({ exec, signal });
  await withImage(iso, async (image) => {
    const { volumeId } = await readVolume(image);
    const target = await releaseTarget(machine, { device, imageBytes: image.bytes, meant: yesIMean });
    print(`'${volumeId}' goes to ${target.description}`);
    if (target.kind === 'drive') {
      await preflight(toolNeeds('xorriso'), exec);
      await burnDisc(image, target, { exec, machine, say: print });
    } else {
      const bars = { writing: byteProgress('writing'), comparing: byteProgress('comparing') };
      try {
        await writeToDisk(image, target, {
          machine,
          signal,
          onProgress(phase, done, total) {
            if (phase === 'comparing') bars.writing.clear();
            bars[phase].show(done, total);
          },
        });
      } finally {
        bars.writing.clear();
        bars.comparing.clear();
      }
    }
    print(`${target.path}: written and compared, ${image.bytes} bytes`);
  });
}

const print = (line: string): void => void process.stdout.write(`${line}\n`);
