import { MissingError } from '../errors/exit.ts';
import { writeFileAtomically } from '../host/atomic.ts';

/** Writes a file the user asked for; a folder that cannot be written to is the machine's lack, not our bug. */
export async function writeResult(file: string, content: string, mode?: number): Promise<void> {
  try {
    await writeFileAtomically(file, content, mode);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new MissingError(`cannot write ${file} (${String(error.code)})`, 'name a folder you may write to', {
      cause: error,
    });
  }
}
