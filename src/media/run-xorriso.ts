import { type Command, CommandError, type Exec } from '../engine/command.ts';
import { FailedError } from '../errors/exit.ts';
import { xorrisoComplaint } from './xorriso.ts';

/** Runs xorriso; what it complains of becomes the error's sentence. @throws {FailedError} */
export async function runXorriso(exec: Exec, command: Command): Promise<void> {
  try {
    await exec(command);
  } catch (error) {
    const complaint = error instanceof CommandError ? xorrisoComplaint(error.stderr) : undefined;
    if (complaint === undefined) throw error;
    throw new FailedError(`xorriso could not write the ISO: ${complaint}`, undefined, { cause: error });
  }
}
