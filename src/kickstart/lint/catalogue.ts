/** All rules, and the page of documentation made from them. */
import { LANGUAGE_RULES } from './language.ts';
import { BOOT_RULES } from './rules/boot.ts';
import { DISK_RULES } from './rules/disks.ts';
import { RAID_RULES } from './rules/raid.ts';
import { SCRIPT_RULES } from './rules/scripts.ts';
import { SECRET_RULES } from './rules/secrets.ts';
import { SIZE_RULES } from './rules/sizes.ts';
import type { PracticeRule, RuleText } from './types.ts';

export const PRACTICE_RULES: readonly PracticeRule[] = [
  ...BOOT_RULES,
  ...RAID_RULES,
  ...SIZE_RULES,
  ...DISK_RULES,
  ...SECRET_RULES,
  ...SCRIPT_RULES,
];

/** What is not found by looking at the text of one file. */
const OTHER_RULES: readonly (RuleText & { readonly severity: string })[] = [
  {
    name: 'shell',
    severity: 'warning, or error where shellcheck says so',
    title: 'Scripts pass shellcheck.',
    why: 'A script runs once, on a machine whose disks are already changed. Warnings and errors of shellcheck are shown when it is installed; scripts for other interpreters are left alone.',
    remedy: 'follow the link to the explanation',
    wrong: '%post --erroronfail\ncd /missing\nrm -r *\n%end',
    right: '%post --erroronfail\ncd /missing || exit\nrm -r ./*\n%end',
  },
  {
    name: 'unreadable-file',
    severity: 'error',
    title: 'The file is there and can be read.',
    why: 'It counts as a fault of the language, as it does for ksvalidator.',
    remedy: 'name a file that can be read',
    wrong: '',
    right: '',
  },
];

const remedies = new Map(
  [...LANGUAGE_RULES, ...PRACTICE_RULES, ...OTHER_RULES].map(({ name, remedy }) => [name, remedy]),
);

/** What to do about a finding that brings no hint of its own. */
export function remedyOf(rule: string): string {
  return remedies.get(rule) ?? '';
}

/** The text of docs/rules.md. */
export function rulesPage(): string {
  const practice = PRACTICE_RULES.map((rule) => ruleSection(rule, rule.severity));
  const other = OTHER_RULES.map((rule) => ruleSection(rule, rule.severity));
  const language = LANGUAGE_RULES.map((rule) => ruleSection(rule, 'error'));
  return [
    INTRODUCTION,
    '## Practice: what ksvalidator cannot see\n',
    ...practice,
    ...other,
    '## Language: what ksvalidator judges\n',
    ...language,
  ].join('\n');
}

const INTRODUCTION = `# Rules of \`slipway lint\`

This page is made from the rules themselves (\`node --import tsx scripts/rules-page.ts\`); a test holds it to them.

    slipway lint FILE... [--for RELEASE] [--json] [--disks 2x500G]

- \`--for\` takes rhel8, rhel9, rhel10, fedora41, fedora42, fedora43, fedora44 or embedded; rhel9 is the default. \`embedded\` is
  Slipway's own installer: it reads whatever one of the releases accepts without calling it deprecated.
- \`--disks\` declares the machine's disks, in the order in which the kickstart names them first: \`500G,1T\`, \`2x500G\`.
  K, M, G and T are powers of 1000, as disks are sold; Ki, Mi, Gi and Ti are powers of 1024.
- \`%include\` is not followed, as ksvalidator does not; what an included file might define is not reported as missing.
  \`%ksappend\` is read from the current folder; addresses are not fetched and count as unreadable.
- shellcheck looks at the scripts when it is installed and no more than 20 files are named. \`--shell always\` and
  \`--shell never\` say otherwise.
- Exit code 1 when there is an error, else 0.

\`--json\` prints one array over all files, in the order of files, lines and columns:

| key | value |
|---|---|
| \`file\` | as named on the command line |
| \`line\`, \`column\` | from 1; columns count UTF-16 code units |
| \`severity\` | \`error\` or \`warning\` |
| \`class\` | \`language\` is what ksvalidator judges: its verdict is "error" exactly when there is an error of this class; \`practice\` is the rest |
| \`rule\` | one of the names below |
| \`message\` | what is wrong |
| \`hint\` | what to do |
`;

function ruleSection(rule: RuleText, severity: string): string {
  const { name, title, why, remedy, wrong, right } = rule;
  const example =
    wrong === '' && right === ''
      ? ''
      : `Wrong:\n\n${indented(wrong === '' ? '(nothing)' : wrong)}\n\nRight:\n\n${indented(right)}\n`;
  return `### ${name}\n\n${title} *(${severity})*\n\n${why} What to do: ${remedy}.\n\n${example}`;
}

function indented(text: string): string {
  return text.replace(/^/gm, '    ');
}
