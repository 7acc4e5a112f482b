/** Reads a `run.json`, which may have been edited, cut off, or written by another version. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { MissingError } from '../../errors/exit.ts';
import { InputError, type Problem } from '../../errors/problem.ts';
import { EVIDENCE_VERSION, type Run } from '../evidence/types.ts';

const seconds = z.number().nonnegative();
const partition = z.object({ name: z.string(), role: z.string(), sizeMiB: z.number().nonnegative() });
const disk = z.object({
  name: z.string(),
  sizeMiB: z.number().nonnegative(),
  partitions: z.array(partition),
});
const span = z.object({
  by: z.enum(['lab', 'installer', 'agent']),
  step: z.string(),
  title: z.string(),
  from: seconds,
  to: seconds.exactOptional(),
  outcome: z.enum(['already-done', 'changed', 'failed']).exactOptional(),
});
const node = z.object({
  name: z.string(),
  disks: z.array(disk),
  spans: z.array(span),
  console: z.string().exactOptional(),
});
const cell = z.object({
  ...{ id: z.string().min(1), proof: z.string(), row: z.string(), column: z.string(), repeat: z.string() },
  verdict: z.enum(['passed', 'failed', 'running', 'not-run']),
  message: z.string().exactOptional(),
  from: seconds.exactOptional(),
  seconds: seconds.exactOptional(),
  excerpt: z.string().exactOptional(),
  console: z.string().exactOptional(),
  screenshot: z.string().exactOptional(),
});
const cells = z.array(cell).refine((all) => new Set(all.map(({ id }) => id)).size === all.length, {
  message: 'two cells have the same id',
});

/** The contract of src/lab/evidence/types.ts; what a later version adds is passed over. */
const RUN: z.ZodType<Run> = z.object({
  version: z.literal(EVIDENCE_VERSION),
  command: z.string(),
  note: z.string().exactOptional(),
  cluster: z.string(),
  plan: z.string(),
  startedAt: z.iso.datetime(),
  seconds: seconds.exactOptional(),
  iso: z.object({ name: z.string(), sha256: z.string() }).exactOptional(),
  machine: z.string(),
  versions: z.record(z.string(), z.string()),
  nodes: z.array(node),
  cells,
});

/**
 * @throws {MissingError} when there is no such file.
 * @throws {InputError} with every mistake and its place when it is no run.
 */
export async function readRun(file: string): Promise<Run> {
  if (!existsSync(file)) throw new MissingError(`${file} is not there`, 'slipway lab prove writes it');
  const text = await readFile(file, 'utf8');
  const parsed = RUN.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new InputError(problemsOf(file, text, parsed.error.issues), new Map([[file, text]]));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // whoever explains it, finds the place
  }
}

/** JSON is YAML too, whose parser knows where everything stands (YAML 1.2.2, 1.2). */
function problemsOf(file: string, text: string, issues: readonly z.core.$ZodIssue[]): readonly Problem[] {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  const problem = (offset: number, message: string): Problem => {
    const { line, col } = counter.linePos(offset);
    return {
      ...{ file, line, column: col, message, rule: 'not-a-run', severity: 'error' },
      hint: 'let slipway lab prove write it again',
    };
  };
  if (document.errors.length > 0) {
    return document.errors.map(({ pos, message }) => problem(pos[0], message.split('\n')[0] ?? message));
  }
  return issues.map(({ path, message }) => {
    const where = path.map(String).join('.') || 'the whole';
    return problem(placeOf(document, path), `${where}: ${message}`);
  });
}

/** Offset of the value at `path`; for one that is missing, of what it is missing from. */
function placeOf(document: ReturnType<typeof parseDocument>, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length--) {
    const found: unknown = document.getIn(path.slice(0, length), true);
    if (typeof found === 'object' && found !== null && 'range' in found && Array.isArray(found.range)) {
      return Number(found.range[0]);
    }
  }
  return 0;
}
