/** The folders of a run: its report, and beside that the disks of its computers. */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../engine/make-folder.ts';
import { MissingError } from '../../errors/exit.ts';
import { RUN_FILE } from './book.ts';

/** Below the report: what cells have left to be looked at. */
export const CELLS = 'cells';

/** Below the folder for disks: those of one computer, counted from 0. */
export const computerFolder = (index: number): string => `computer-${index + 1}`;

/** @throws {MissingError} for what no run has left, and the next one would remove. */
export async function requireRunFolders(report: string, work: string): Promise<void> {
  const stranger = (await readdir(work).catch(() => [])).find((name) => !/^computer-\d+$/.test(name));
  if (stranger !== undefined) throw notOurs(join(work, stranger));
  const cells = join(report, CELLS);
  if (existsSync(cells) && !existsSync(join(report, RUN_FILE))) throw notOurs(cells);
}

/** Makes both folders, without what an earlier run has left in them. */
export async function makeRunFolders(report: string, work: string): Promise<void> {
  await rm(work, { recursive: true, force: true });
  await rm(join(report, CELLS), { recursive: true, force: true });
  await makeFolder(work);
  await makeFolder(report);
}

const notOurs = (path: string): MissingError =>
  new MissingError(
    `${path} would be removed, and is of no run`,
    'choose another folder with --out, or remove it',
  );
