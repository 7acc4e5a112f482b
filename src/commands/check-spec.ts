/** The work of `slipway check`. */
import { formatProblems, InputError, type Problem } from '../errors/problem.ts';
import { type LoadedSpec, loadSpec } from '../spec/load.ts';
import { specFile } from './spec-file.ts';

/** Prints what is to be said about the spec; rejects with the {@link InputError} of a broken one. */
export async function checkSpec(given: string | undefined, json: boolean): Promise<void> {
  const file = specFile(given);
  const loaded = await loadSpec(file).catch((error: unknown) => {
    if (json && error instanceof InputError) printJson(error.problems);
    throw error;
  });
  if (json) return printJson(loaded.warnings);
  if (loaded.warnings.length > 0) {
    process.stdout.write(`${formatProblems(loaded.warnings, new Map([[file, loaded.source]]))}\n`);
  }
  process.stdout.write(`${summary(loaded)}\n`);
}

function printJson(problems: readonly Problem[]): void {
  process.stdout.write(`${JSON.stringify(problems, null, 2)}\n`);
}

function summary({ spec, file, steps }: LoadedSpec): string {
  const count = (amount: number, noun: string) => `${amount} ${noun}${amount === 1 ? '' : 's'}`;
  return `${file}: ${spec.cluster} is sound (${count(spec.nodes.length, 'node')}, ${count(steps.length, 'own step')})`;
}
