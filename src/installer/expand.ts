/** From a kickstart's text to the whole document: %pre has run, and what %include names is in its place. */
import type { Machine } from '../engine/machine.ts';
import { InputError, type Problem } from '../errors/problem.ts';
import { parseKickstart } from '../kickstart/parse.ts';
import type { Include, Item, KickstartDocument, Section } from '../kickstart/types.ts';
import { problemAt } from './command-words.ts';
import { download } from './find-kickstart.ts';
import { runScript } from './scripts.ts';

export interface Expanded {
  readonly document: KickstartDocument;
  /** Text by file name, for messages. */
  readonly sources: ReadonlyMap<string, string>;
}

/**
 * Reads the text twice, as Anaconda does: once for the %pre scripts, when an `%include` may name what %pre is to
 * write, and once when they have run and every file must be there.
 *
 * @param note sees every line that %pre prints
 * @throws {InputError} with every problem of the text, before any script has run.
 * @throws a StepFailure when a %pre script fails or refuses.
 */
export async function expandKickstart(
  machine: Machine,
  text: string,
  file: string,
  note: (line: string) => void,
): Promise<Expanded> {
  const sources = new Map<string, string>();
  const items = parse(text, file, sources);
  const scripts = preScripts(await includeAll({ machine, sources, strict: false }, items, [file]));
  for (const script of scripts) await runScript(machine, script, note);
  const expanded = await includeAll({ machine, sources, strict: true }, items, [file]);
  const late = preScripts(expanded).filter(
    (one) => !scripts.some((ran) => ran.file === one.file && ran.line === one.line),
  );
  if (late.length > 0) {
    const problems = late.map((one) =>
      problemAt(one, 'late-pre', 'this %pre would never run: its file was not there before %pre'),
    );
    throw new InputError(problems, sources);
  }
  return { document: { file, release: 'embedded', items: expanded }, sources };
}

const preScripts = (items: readonly Item[]): readonly Section[] =>
  items.filter((item): item is Section => item.kind === 'section' && item.name === 'pre');

function parse(text: string, file: string, sources: Map<string, string>): readonly Item[] {
  sources.set(file, text);
  const { document, problems } = parseKickstart(text, file, 'embedded');
  const errors = problems.filter(
    (problem) => problem.severity === 'error' && !isRepetition(problem, document.items),
  );
  if (errors.length > 0) throw new InputError(errors, sources);
  return document.items;
}

/** Commands whose repetition only the checker takes for a mistake; an installation goes on, under Anaconda too. */
const REPEATABLE: readonly string[] = ['network', 'user', 'group', 'sshkey', 'sshpw'];

/**
 * VLANs need several `network` lines of one card, and a user may have several keys; a user named twice is left out.
 * See readSystemConfig.
 */
function isRepetition({ rule, line }: Problem, items: readonly Item[]): boolean {
  return (
    rule === 'duplicate' &&
    items.some((item) => item.kind === 'command' && REPEATABLE.includes(item.name) && item.line === line)
  );
}

interface Reading {
  readonly machine: Machine;
  readonly sources: Map<string, string>;
  /** Whether every file must be there. */
  readonly strict: boolean;
}

/** @param trail the files we are in, outermost first */
async function includeAll(
  reading: Reading,
  items: readonly Item[],
  trail: readonly string[],
): Promise<readonly Item[]> {
  const out: Item[] = [];
  for (const item of items) {
    if (item.kind === 'command' || item.kind === 'section') out.push(item);
    else out.push(...(await included(reading, item, trail)));
  }
  return out;
}

async function included(
  reading: Reading,
  { kind, target }: Include,
  trail: readonly string[],
): Promise<readonly Item[]> {
  const { machine, sources } = reading;
  // What %ksappend names belongs to the text itself and is there from the beginning.
  const strict = reading.strict || kind === 'ksappend';
  const name = target.text;
  const refuse = (message: string): InputError =>
    new InputError([problemAt(target, 'include', message)], sources);
  if (trail.includes(name)) throw refuse(`files include each other: ${[...trail, name].join(' → ')}`);
  const remote = /^https?:/.test(name);
  if (remote && !strict) return [];
  const text = remote ? await download(machine, name) : await machine.readFile(name);
  if (text === undefined) {
    if (!strict) return [];
    throw refuse(`there is no file ${name}: did %pre write it?`);
  }
  return includeAll(reading, parse(text, name, sources), [...trail, name]);
}
