/**
 * Whether a machine gets the same whichever way it starts. Menus are compared by what they do, not by how they are
 * written: isolinux and GRUB have languages of their own, and vendors' menus differ in harmless ways.
 */
import { collector } from './audit-check-structure.ts';
import { unifiedDiff } from './audit-text-diff.ts';
import type { AuditEntry, Finding, FollowedConfig } from './audit-types.ts';

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
  const where = a.title === b.title ? `${a.config.place} and ${b.config.place}` : `${a.title} and ${b.title}`;
  const failures = [
    ...(decisiveDefault(a.config) === decisiveDefault(b.config) ? [] : ['the entry taken by the time-out']),
    ...differingEntries(a.config, b.config),
  ];
  if (failures.length > 0) fail(where, `they do not do the same: ${failures.join('; ')}`);
  else {
    const [before, after] = [behaviour(a.config), behaviour(b.config)];
    if (before !== after) warn(where, 'their menus differ in what does not decide about the installation');
  }
  const names = [a.config.place, b.config.place] as const;
  const diff = unifiedDiff(behaviour(a.config), behaviour(b.config), names);
  return findings.map((finding) => ({ ...finding, diff }));
}

/** Entries that differ in what they install, or that install unattended on one path only. */
function differingEntries(a: FollowedConfig, b: FollowedConfig): readonly string[] {
  const [mine, theirs] = [byTitle(a.entries), byTitle(b.entries)];
  const titles = [...new Set([...mine.keys(), ...theirs.keys()])];
  return titles.flatMap((title) => {
    const [one, other] = [mine.get(title), theirs.get(title)];
    const [left, right] = [one, other].map((entry) => (entry === undefined ? undefined : decisive(entry)));
    if (left !== undefined && right !== undefined)
      return left === right ? [] : [`'${one?.title}' has other arguments`];
    const only = one ?? other;
    return only?.args.some((word) => /^(?:inst\.)?ks=/.test(word)) === true
      ? [`'${only.title}' is on one of them only`]
      : [];
  });
}

/** Titles as people compare them: hotkeys, signs and case do not count. */
const byTitle = (entries: readonly AuditEntry[]): ReadonlyMap<string, AuditEntry> =>
  new Map(
    entries.map((entry) => [
      entry.title
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, ' ')
        .trim(),
      entry,
    ]),
  );

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
