/** Where an ISO is written before it gets its name. */
import { dirname } from 'node:path';
import { CommandError } from '../engine/command.ts';
import { makeFolder } from '../engine/make-folder.ts';
import { MissingError } from '../errors/exit.ts';
import { withTempDir } from '../host/atomic.ts';

export interface IsoPlaces {
  /** Where the ISO goes. */
  readonly out: string;
  /** The folder to work in; default the one of `out`, where a rename is enough in the end. */
  readonly work?: string;
}

/** The folder that has to have room. */
export const workParent = ({ out, work }: IsoPlaces): string => work ?? dirname(out);

/**
 * Lends a fresh folder, removed however this ends, and makes sure that there is one for the ISO.
 * @throws {MissingError} naming the folder when the disk becomes full.
 */
export async function withWorkFolder<T>(places: IsoPlaces, use: (dir: string) => Promise<T>): Promise<T> {
  const parent = workParent(places);
  await makeFolder(dirname(places.out));
  await makeFolder(parent);
  try {
    return await withTempDir(use, { parent, prefix: '.slipway-iso-' });
  } catch (error) {
    if (!isDiskFull(error)) throw error;
    throw new MissingError(`there is no room left in ${parent}`, ROOM_HINT, { cause: error });
  }
}

export const ROOM_HINT =
  'make room, or name another folder: --work for the ISO in the making, --out for the result';

function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && error.code === 'ENOSPC') return true;
  if (error instanceof CommandError && /No space left on device/.test(error.stderr)) return true;
  return isDiskFull(error.cause);
}
