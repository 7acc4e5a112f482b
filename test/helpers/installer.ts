/** Kickstarts and machines for the installer's tests. */
import assert from 'node:assert/strict';
import { StepFailure } from '../../src/engine/failure.ts';
import type { StepReport } from '../../src/engine/run-step.ts';
import { InputError, type Problem } from '../../src/errors/problem.ts';
import { buildModel, type ModelResult } from '../../src/installer/build-model.ts';
import type { Installation } from '../../src/installer/installation.ts';
import type { StorageModel, TargetDisk } from '../../src/installer/model.ts';
import { readSystemConfig } from '../../src/installer/system-config.ts';
import { parseKickstart } from '../../src/kickstart/parse.ts';
import type { CommandLine, KickstartDocument } from '../../src/kickstart/types.ts';

const MIB = 1024 ** 2;

export function documentOf(text: string): KickstartDocument {
  return parseKickstart(text, 'test.ks', 'embedded').document;
}

export function commandsOf(text: string): readonly CommandLine[] {
  return documentOf(text).items.filter((item): item is CommandLine => item.kind === 'command');
}

/** The model of these storage commands on disks of so many MiB, by kernel name. */
export function modelOf(
  text: string,
  disks: Readonly<Record<string, number | Partial<TargetDisk>>> = { vda: 8192, vdb: 8192 },
): ModelResult {
  return buildModel(commandsOf(text), (name) => {
    const short = name.replace(/^\/dev\//, '');
    const given = disks[short];
    if (given === undefined) return undefined;
    const facts = typeof given === 'number' ? { sizeBytes: given * MIB } : given;
    return { name: short, sizeBytes: 8192 * MIB, sectorBytes: 512, ...facts };
  });
}

/** A model that must be without problems. */
export function goodModel(...given: Parameters<typeof modelOf>): StorageModel {
  const { model, problems } = modelOf(...given);
  if (problems.length > 0) throw new InputError(problems);
  return model;
}

/** What a step works from: a model, and the commands of `text` for the system on it. */
export function installationOf(model: StorageModel, text = 'zerombr'): Installation {
  const { config } = readSystemConfig(documentOf(`${text}\n`));
  return { node: 'node-a', model, config, preInstall: [], post: [] };
}

/** What a step that must have failed says. */
export function why(report: StepReport): string {
  assert.ok(report.outcome === 'failed', report.outcome);
  return report.problem.message;
}

/** `class: message` of a step that must have failed. */
export function failure(report: StepReport): string {
  assert.ok(report.outcome === 'failed', report.outcome);
  return `${report.problem.failureClass}: ${report.problem.message}`;
}

/** `2:19 no-such-disk: there is no disk vdz in this machine` */
export const brief = ({ line, column, rule, message }: Problem): string =>
  `${line}:${column} ${rule}: ${message}`;

/** `class: message` of what `work` is refused with; problems of an input one by one. */
export async function refusal(work: Promise<unknown>): Promise<string | readonly string[]> {
  try {
    await work;
  } catch (error) {
    if (error instanceof StepFailure) return `${error.failureClass}: ${error.message}`;
    if (error instanceof InputError) {
      return error.problems.map((problem) => `${problem.file}:${brief(problem)}`);
    }
    throw error;
  }
  throw new Error('it was not refused');
}

/** Two disks of which the kickstart makes everything anew. */
export const RELEASE = `zerombr
ignoredisk --only-use=vda,vdb
clearpart --all --drives=vda,vdb --initlabel --disklabel=gpt
`;

/** /boot, / and swap as arrays, biosboot on both disks. */
export const RAID1 = `${RELEASE}part biosboot --fstype=biosboot --size=1 --ondisk=vda
part raid.boot0 --size=512 --ondisk=vda
part raid.root0 --size=1024 --grow --ondisk=vda
part None --fstype=biosboot --size=1 --ondisk=vdb
part raid.boot1 --size=512 --ondisk=vdb
part raid.root1 --size=1024 --grow --ondisk=vdb
raid /boot --device=boot --level=1 --fstype=ext4 --label=boot raid.boot0 raid.boot1
raid / --device=root --level=1 --fstype=ext4 raid.root0 raid.root1
`;
