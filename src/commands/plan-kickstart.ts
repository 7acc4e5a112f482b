/** The work of `slipway plan --kickstart`: what the embedded installer would make of a kickstart's storage. */
import { readFile } from 'node:fs/promises';
import { fileProblem, formatProblems, InputError, type Problem } from '../errors/problem.ts';
import { buildModel } from '../installer/build-model.ts';
import { describeModel } from '../installer/describe-model.ts';
import type { StorageModel } from '../installer/model.ts';
import { NO_FACTS } from '../installer/storage-facts.ts';
import { parseKickstart } from '../kickstart/parse.ts';
import { withoutSecrets } from '../kickstart/secrets.ts';
import type { CommandLine } from '../kickstart/types.ts';

export interface KickstartPlanOptions {
  readonly json?: boolean;
  /** MiB each; they are called vda, vdb, … and are empty. */
  readonly disks: readonly number[];
  readonly firmware: 'bios' | 'uefi';
}

/**
 * Prints the storage model of a kickstart on a machine with empty disks.
 * @throws {InputError} with every problem of the kickstart's storage.
 */
export async function planKickstart(file: string, options: KickstartPlanOptions): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const message = `cannot be read: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}`;
    throw new InputError([fileProblem(file, 'no-file', message)]);
  });
  const sources = new Map([[file, text]]);
  const { document, problems } = parseKickstart(text, file, 'embedded');
  const errors = problems.filter(({ severity }) => severity === 'error');
  const refused = (found: readonly Problem[]): InputError => {
    const clean = withoutSecrets(found, sources);
    return new InputError(clean.problems, clean.sources);
  };
  if (errors.length > 0) throw refused(errors);
  const unread = document.items.flatMap((item): readonly Problem[] => {
    if (item.kind === 'command' || item.kind === 'section') return [];
    const message = `what ${item.target.text} says is not known here`;
    return [{ ...place(item), severity: 'warning', rule: 'include', message }];
  });
  if (unread.length > 0) process.stderr.write(`${formatProblems(unread, sources)}\n`);
  const model = modelOf(
    document.items.filter((item): item is CommandLine => item.kind === 'command'),
    options,
    refused,
  );
  const lines = options.json === true ? [toJson(model)] : describeModel(model);
  process.stdout.write(`${lines.join('\n')}\n`);
}

const place = ({ file, line, column }: { file: string; line: number; column: number }) => ({
  file,
  line,
  column,
});

const MIB = 1024 ** 2;

function modelOf(
  commands: readonly CommandLine[],
  { disks: sizes, firmware }: KickstartPlanOptions,
  refused: (problems: readonly Problem[]) => InputError,
): StorageModel {
  const disks = sizes.map((mib, index) => ({
    name: `vd${String.fromCharCode('a'.charCodeAt(0) + index)}`,
    sizeBytes: mib * MIB,
    sectorBytes: 512,
  }));
  const { model, problems } = buildModel(
    commands,
    (name) => disks.find((disk) => disk.name === name.replace(/^\/dev\//, '')),
    { ...NO_FACTS, disks, firmware, fileSystem: 'xfs', own: false },
  );
  if (problems.length > 0) throw refused(problems);
  return model;
}

/** Without the places of the kickstart, and without its passphrases. */
const toJson = (model: StorageModel): string =>
  JSON.stringify(
    model,
    (key, value: unknown) => (['place', 'passphrase', 'password'].includes(key) ? undefined : value),
    2,
  );
