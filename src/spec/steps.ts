/** The user's own steps: every folder below `steps:` that brings an executable `check` and `apply`. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import type { Problem } from '../errors/problem.ts';
import { text } from './formats.ts';
import { parseDuration } from './size.ts';
import { applySchema, inOrder, parseYaml, problemOf } from './yaml-file.ts';

/** `step.yaml`, optional as a whole and in each key. */
const StepSchema = z.strictObject({
  title: text('title').optional(),
  after: z.array(text('hostName')).max(64).default([]),
  timeout: text('duration').optional(),
});

export interface UserStep {
  /** Name of its folder. */
  readonly id: string;
  /** Absolute. */
  readonly dir: string;
  readonly title: string;
  /** Ids of steps that must be verified first. */
  readonly after: readonly string[];
  readonly timeoutSeconds?: number;
}

export interface UserSteps {
  /** In the order of their names. */
  readonly steps: readonly UserStep[];
  readonly problems: readonly Problem[];
  /** Text of the `step.yaml` files, for caret lines. */
  readonly sources: ReadonlyMap<string, string>;
}

interface StepRead {
  readonly step?: UserStep;
  readonly problems: readonly Problem[];
  readonly source?: readonly [string, string];
}

/** Reads a folder of steps. Rejects as `readdir` does when there is no such folder. */
export async function readSteps(dir: string): Promise<UserSteps> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name);
  const read = await Promise.all(names.sort().map((name) => readStep(join(dir, name), name)));
  return {
    steps: read.flatMap(({ step }) => step ?? []),
    problems: read.flatMap(({ problems }) => problems),
    sources: new Map(read.flatMap(({ source }) => (source === undefined ? [] : [source]))),
  };
}

async function readStep(dir: string, id: string): Promise<StepRead> {
  const programs = await Promise.all([programProblem(dir, 'check'), programProblem(dir, 'apply')]);
  const problems = programs.flatMap((problem) => problem ?? []);
  const file = join(dir, 'step.yaml');
  const source = await readIfThere(file);
  if (source === undefined) return { step: { id, dir: resolve(dir), title: id, after: [] }, problems };
  const yaml = parseYaml(source, file);
  const checked = applySchema(StepSchema, yaml.value ?? {});
  const findings = checked.findings.map((finding) => problemOf(yaml, finding));
  const all = {
    problems: [...problems, ...inOrder([...yaml.problems, ...findings])],
    source: [file, source] as const,
  };
  return checked.ok ? { ...all, step: { id, dir: resolve(dir), ...stepOf(checked.data, id) } } : all;
}

function stepOf(
  { title, after, timeout }: z.output<typeof StepSchema>,
  id: string,
): Omit<UserStep, 'id' | 'dir'> {
  const timeoutSeconds = timeout === undefined ? undefined : parseDuration(timeout);
  return { title: title ?? id, after, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function programProblem(dir: string, name: string): Promise<Problem | undefined> {
  const file = join(dir, name);
  const place = { file, line: 1, column: 1, severity: 'error', rule: 'bad-step' } as const;
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) {
    return { ...place, message: `the step has no '${name}'`, hint: `add an executable file '${name}'` };
  }
  // The mode, not access(2): root may execute what has one x bit only for others, the package keeps the mode.
  if ((found.mode & 0o100) !== 0) return undefined;
  return { ...place, message: `'${name}' is not executable`, hint: `chmod +x ${file}` };
}
