/** Burns an image onto the blank disc in an optical drive, by xorriso, and reads it back. */
import { type Command, CommandError, type Exec } from '../../engine/command.ts';
import type { Machine } from '../../engine/machine.ts';
import { FailedError } from '../../errors/exit.ts';
import type { ImageSource } from '../image/source.ts';
import { xorrisoComplaint } from '../xorriso.ts';
import type { ReleasedDrive } from './guard.ts';

/** A full DVD at single speed takes an hour. */
const BURN_TIMEOUT_MS = 2 * 3600_000;
const CHUNK = 4 << 20;

export interface BurnDeps {
  readonly exec: Exec;
  readonly machine: Machine;
  /** Hears xorriso's own words on how far it is. */
  readonly say: (line: string) => void;
}

/** What is in the drive. */
const discCommand = (drive: string): Command => ({
  file: 'xorriso',
  effect: 'read',
  args: ['-outdev', drive, '-toc'],
});

/** `padsize`: Linux reads ahead behind the last block of a CD burned track at once, and fails without something there. */
export const burnCommand = (drive: string, iso: string): Command => ({
  file: 'xorriso',
  effect: 'write',
  timeoutMs: BURN_TIMEOUT_MS,
  args: ['-as', 'cdrecord', '-v', `dev=${drive}`, 'padsize=300k', iso],
});

/** @throws {FailedError} when there is no blank disc with room, or it does not give back what was burned. */
export async function burnDisc(image: ImageSource, drive: ReleasedDrive, deps: BurnDeps): Promise<void> {
  const { exec, say } = deps;
  const state = await exec(discCommand(drive.path)).catch(explained(drive.path));
  const problem = discProblem(`${state.stdout}\n${state.stderr}`, image.bytes);
  if (problem !== undefined) throw new FailedError(`${drive.path}: ${problem.message}`, problem.hint);
  await exec(burnCommand(drive.path, image.path), (line) => {
    if (/UPDATE :.*written/.test(line)) say(line.replace(/^.*UPDATE :\s*/, ''));
  }).catch(explained(drive.path));
  await compareDisc(image, drive.path, deps.machine);
}

/** What keeps a disc from being burned, by xorriso's table of contents; undefined when nothing does. */
export function discProblem(
  toc: string,
  imageBytes: number,
): { readonly message: string; readonly hint?: string } | undefined {
  const status = /^Media status\s*: (.*)$/m.exec(toc)?.[1]?.trim();
  if (status === undefined || /no |not/.test(status))
    return { message: 'there is no disc to write to in it' };
  if (!status.includes('is blank'))
    return {
      message: 'the disc in it is not blank',
      hint: 'put in a blank one; to erase a rewritable one: xorriso -outdev DRIVE -blank as_needed',
    };
  const writable = /^Media blocks\s*:.*?(\d+) writable/m.exec(toc)?.[1];
  if (writable !== undefined && Number(writable) * 2048 < imageBytes)
    return { message: `the disc holds ${Number(writable) * 2048} bytes, the ISO has ${imageBytes}` };
  return undefined;
}

const explained =
  (drive: string) =>
  (error: unknown): never => {
    const complaint = error instanceof CommandError ? xorrisoComplaint(error.stderr) : undefined;
    if (complaint === undefined) throw error;
    throw new FailedError(`${drive} cannot be written: ${complaint}`, undefined, { cause: error });
  };

async function compareDisc(image: ImageSource, drive: string, machine: Machine): Promise<void> {
  for (let at = 0; at < image.bytes; at += CHUNK) {
    const length = Math.min(CHUNK, image.bytes - at);
    const [wanted, found] = await Promise.all([image.read(at, length), machine.readBytes(drive, at, length)]);
    if (Buffer.compare(wanted, found) !== 0)
      throw new FailedError(
        `${drive} does not give back what was burned, from byte ${at} on`,
        'take the disc out and put it in again, then: slipway verify; if that fails, too, burn another one',
      );
  }
}
