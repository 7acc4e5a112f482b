/** From a kickstart's text to the whole document: %pre has run, and what %include names is in its place. */

import type { Machine } from '../engine/machine.ts';
import { InputError } from '../errors/problem.ts';
import { parseKickstart } from '../kickstart/parse.ts';
import type { Item, KickstartDocument, Section } from '../kickstart/types.ts';
import { problemAt } from './command-words.ts';
import { download } from './find-kickstart.ts';
import { runScript } from './scripts.ts';

/** Includes inside includes; more is a loop. */
const MAX_DEPTH = 10;

export interface Expanded {
  readonly document: KickstartDocument;
  /** Text by file name, for messages. */
  readonly sources: ReadonlyMap<string, string>;
}

/**
 * @throws {InputError} with every problem of the text, before any script has run.
 * @throws a StepFailure when a %pre script fails or refuses.
 */
export async function expandKickstart(
  machine: Machine,
  text: string,
  file: string,
  say: (line: string) => void,
): Promise<Expanded> {
  const sources = new Map<string, string>();
  const items = parse(text, file, sources);
  for (const section of items.filter(
    (item): item is Section => item.kind === 'section' && item.name === 'pre',
  )) {
    await runScript(machine, section, say);
  }
  const expanded = await includeAll(machine, items, sources, 0);
  return { document: { file, release: 'embedded', items: expanded }, sources };
}

function parse(text: string, file: string, sources: Map<string, string>): readonly Item[] {
  sources.set(file, text);
  const { document, problems } = parseKickstart(text, file, 'embedded');
  if (problems.some(({ severity }) => severity === 'error')) throw new InputError(problems, sources);
  return document.items;
}

async function includeAll(
  machine: Machine,
  items: readonly Item[],
  sources: Map<string, string>,
  depth: number,
): Promise<readonly Item[]> {
  const out: Item[] = [];
  for (const item of items) {
    if (item.kind !== 'include') {
      if (item.kind !== 'ksappend') out.push(item);
      continue;
    }
    const target = item.target.text;
    const refuse = (message: string): InputError =>
      new InputError([problemAt(item.target, 'include', message)], sources);
    if (depth >= MAX_DEPTH) throw refuse(`${target}: includes are nested more than ${MAX_DEPTH} deep`);
    const text = /^https?:/.test(target) ? await download(target) : await machine.readFile(target);
    if (text === undefined) throw refuse(`there is no file ${target}: did %pre write it?`);
    out.push(...(await includeAll(machine, parse(text, target, sources), sources, depth + 1)));
  }
  return out;
}
