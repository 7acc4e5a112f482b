/** The work of `slipway diff`. */
import { FailedError } from '../errors/exit.ts';
import { diffImages, diffText } from '../media/iso-diff.ts';
import type { DiffCommandOptions } from './diff.ts';

/** Prints what differs; with `exitCode`, rejects with {@link FailedError} when something does. */
export async function diffIsos(a: string, b: string, { exitCode, json }: DiffCommandOptions): Promise<void> {
  const diff = await diffImages(a, b);
  process.stdout.write(json === true ? `${JSON.stringify(diff, null, 2)}\n` : diffText(diff));
  if (exitCode === true && !diff.identical) throw new FailedError(`${a} and ${b} differ`);
}
