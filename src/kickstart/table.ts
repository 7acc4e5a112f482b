/** The command and section tables of one release, ready for look-up. */
import { COMMANDS } from './commands/index.ts';
import { SECTIONS } from './commands/sections.ts';
import {
  type CommandSpec,
  type OptionSpec,
  type PositionalSpec,
  restricts,
  type SectionSpec,
  type Status,
  statusOf,
} from './spec.ts';
import type { KickstartRelease, SectionName } from './types.ts';

/** The options of a command or a section header as a release has them. */
export interface Grammar {
  /** By every name, deprecated options included. */
  readonly options: ReadonlyMap<string, KnownOption>;
  readonly required: readonly OptionSpec[];
  readonly positionals: readonly PositionalSpec[];
}

export interface KnownOption {
  readonly spec: OptionSpec;
  readonly deprecated: boolean;
}

export interface KnownCommand {
  readonly spec: CommandSpec;
  readonly status: Exclude<Status, 'absent'>;
  readonly grammar: Grammar;
  /** Families that exclude this one. */
  readonly excludes: readonly string[];
}

export interface KnownSection {
  readonly spec: SectionSpec;
  readonly deprecated: boolean;
  readonly grammar: Grammar;
}

export interface ReleaseTable {
  readonly release: KickstartRelease;
  readonly commands: ReadonlyMap<string, KnownCommand>;
  readonly sections: ReadonlyMap<SectionName, KnownSection>;
}

const tables = new Map<KickstartRelease, ReleaseTable>();

/** The table of a release; built once. */
export function tableFor(release: KickstartRelease): ReleaseTable {
  const known = tables.get(release);
  if (known !== undefined) return known;
  const table = buildTable(release);
  tables.set(release, table);
  return table;
}

function buildTable(release: KickstartRelease): ReleaseTable {
  const commands = new Map<string, KnownCommand>();
  for (const spec of COMMANDS) {
    const status = statusOf(spec, release);
    if (status === 'absent') continue;
    const known: KnownCommand = {
      spec,
      status,
      grammar: grammarOf(spec, release),
      excludes: (spec.excludes ?? [])
        .filter((rule) => rule.in === undefined || restricts(rule.in, release))
        .flatMap((rule) => rule.commands),
    };
    for (const name of spec.names) if (!commands.has(name)) commands.set(name, known);
  }
  const sections = new Map<SectionName, KnownSection>();
  for (const spec of SECTIONS) {
    const deprecated = statusOf(spec, release) === 'deprecated';
    sections.set(spec.name, { spec, deprecated, grammar: grammarOf(spec, release) });
  }
  return { release, commands, sections };
}

function grammarOf(
  row: { options?: readonly OptionSpec[]; positionals?: readonly PositionalSpec[] },
  release: KickstartRelease,
): Grammar {
  const options = new Map<string, KnownOption>();
  const required: OptionSpec[] = [];
  for (const spec of row.options ?? []) {
    const status = statusOf(spec, release);
    // A vendor's deprecated option is recognised in order to be named in the error; our own has none.
    if (status === 'absent' || (release === 'embedded' && status === 'deprecated')) continue;
    for (const name of spec.names) options.set(name, { spec, deprecated: status === 'deprecated' });
    if (spec.required !== undefined && restricts(spec.required, release)) required.push(spec);
  }
  return { options, required, positionals: row.positionals ?? [] };
}
