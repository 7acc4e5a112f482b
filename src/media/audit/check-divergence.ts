/**
 * Whether a machine gets the same whichever way it starts. Menus are compared by what they do, not by how they are
 * written: isolinux and GRUB have languages of their own, and vendors' menus differ in harmless ways.
 */
import { kickstartWords } from './check-menus.ts';
import { collector } from './check-structure.ts';
import { unifiedDiff } from './text-diff.ts';
import type { AuditEntry, Finding, FollowedConfig } from './types.ts';

/** Arguments that decide what is installed from where; a difference in any other one is worth a warning. */
const DECISIVE = /^(?:inst\.|slipway\.|ks=|stage2=|repo=|method=|root=|rd\.live\.|ip=|autoinstall)/;

export interface ComparedConfig {
  /** `BIOS, CD`; for a copy nothing here was seen to read, its place. */
  readonly title: string;
  readonly config: FollowedConfig;
}

/** Each configuration against the first one; texts are shown as far as they differ. */
export function checkDivergence(configs: readonly ComparedConfig[]): readonly Finding[] {
  const [first, ...others] = configs;
  if (first === undefined) return [];
  return others.flatMap((other) => compareTwo(first, other));
}

function compareTwo(a: ComparedConfig, b: ComparedConfig): readonly Finding[] {
  const { findings, fail, warn } = collector('divergence');
  const where = `${a.title} and ${b.title}`;
  const failures = [
    ...(decisiveDefault(a.config) === decisiveDefault(b.config) ? [] : ['the entry taken by the time-out']),
    ...differingEntries(a.config.entries, b.config.entries),
  ];
  if (failures.length > 0) fail(where, `they do not do the same: ${failures.join('; ')}`);
  else if (argumentsOf(a.config) !== argumentsOf(b.config))
    warn(where, 'their menus differ in what does not decide about the installation');
  const names = [a.config.place, b.config.place] as const;
  const diff = unifiedDiff(behaviour(a.config), behaviour(b.config), names);
  return findings.map((finding) => ({ ...finding, diff }));
}

/** Entries that differ in what they install, or that install unattended on one path only. */
function differingEntries(mine: readonly AuditEntry[], theirs: readonly AuditEntry[]): readonly string[] {
  const others = new Map(theirs.map((entry) => [comparable(entry.title), entry]));
  const differing = mine.filter((entry) => {
    const other = others.get(comparable(entry.title));
    return other !== undefined && decisive(other) !== decisive(entry);
  });
  const lonely = [...lonelyKickstarts(mine, theirs), ...lonelyKickstarts(theirs, mine)].filter(
    (entry) => !differing.some(({ title }) => comparable(title) === comparable(entry.title)),
  );
  return [
    ...differing.map(({ title }) => `'${title}' has other arguments`),
    ...lonely.map(({ title }) => `'${title}' is on one of them only`),
  ];
}

/** Entries with a kickstart whose like is not among the others, whatever its title. */
function lonelyKickstarts(entries: readonly AuditEntry[], others: readonly AuditEntry[]) {
  const known = new Set(others.map(decisive));
  return entries.filter((entry) => kickstartWords(entry).length > 0 && !known.has(decisive(entry)));
}

/** Titles as people compare them: hotkeys, signs and case do not count. */
const comparable = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();

/** What the entries pass, whatever they are called. */
const argumentsOf = ({ entries }: FollowedConfig): string =>
  entries.map(({ args }) => args.join(' ')).join('\n');

const decisive = ({ args }: AuditEntry): string =>
  args
    .filter((word) => DECISIVE.test(word))
    .sort()
    .join(' ');

function decisiveDefault({ entries, defaultElsewhere }: FollowedConfig): string {
  const chosen = entries.find(({ isDefault }) => isDefault);
  if (defaultElsewhere !== undefined) return 'no kernel';
  return chosen === undefined ? 'no entry' : decisive(chosen);
}

/** A menu in the one language both are shown in. */
export function behaviour({ entries, defaultElsewhere, timeoutSeconds }: FollowedConfig): string {
  const lines = entries.flatMap((entry) => [
    `${entry.isDefault ? '*' : ' '} ${[...entry.submenus, entry.title].join(' > ')}`,
    ...entry.args.map((word) => `      ${word}`),
  ]);
  return [
    `time-out ${timeoutSeconds === undefined ? 'none' : `${timeoutSeconds} s`}`,
    ...(defaultElsewhere === undefined ? [] : [`* ${defaultElsewhere}`]),
    ...lines,
    '',
  ].join('\n');
}
