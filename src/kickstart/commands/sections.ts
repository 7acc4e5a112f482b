/** The headers of sections. */
import {
  type Check,
  EVERYWHERE,
  FEDORA,
  FROM_RHEL9,
  flag,
  integer,
  type OptionSpec,
  type SectionSpec,
  text,
} from '../spec.ts';
import { atMostOne, wordOf } from './checks.ts';

const SCRIPT: readonly OptionSpec[] = [
  flag('--erroronfail'),
  text('--interpreter'),
  text(['--log', '--logfile']),
];

/** RHEL 9 still obeys the old spellings but announces their end, which ksvalidator takes for an error. */
const oldSpellingsEnd: Check = (line) => {
  if (line.release !== 'rhel9') return undefined;
  const word = line.line.words.find(({ text }) => /^--(instLangs|excludeWeakdeps)(=|$)/.test(text));
  if (word === undefined) return undefined;
  const instead = word.text.startsWith('--instLangs') ? '--inst-langs' : '--exclude-weakdeps';
  return {
    rule: 'deprecated-option',
    message: `'${word.text}' is deprecated`,
    at: word,
    hint: `write ${instead}`,
  };
};

const certificatePlace: Check = (line) =>
  line.has('--dir') || line.has('--type')
    ? undefined
    : { rule: 'missing-option', message: 'one of --dir, --type is required', at: wordOf(line, '--dir') };

export const SECTIONS: readonly SectionSpec[] = [
  { name: 'pre', summary: 'A script that runs once the kickstart is read.', options: SCRIPT },
  { name: 'pre-install', summary: 'A script that runs when the disks are ready.', options: SCRIPT },
  {
    name: 'post',
    summary: 'A script that runs in the installed system.',
    options: [...SCRIPT, flag('--nochroot')],
  },
  { name: 'onerror', summary: 'A script that runs when the installation fails.', options: SCRIPT },
  {
    name: 'traceback',
    summary: 'A script that runs when the installer crashes.',
    options: SCRIPT,
    deprecated: FROM_RHEL9,
  },
  {
    name: 'packages',
    summary: 'What is installed.',
    options: [
      flag('--default'),
      flag('--nocore'),
      flag('--excludedocs'),
      flag('--ignoremissing'),
      flag('--ignorebroken', { in: FEDORA }),
      flag('--multilib'),
      integer('--timeout', { unit: 's' }),
      integer('--retries'),
      text('--inst-langs', { in: FROM_RHEL9 }),
      flag('--exclude-weakdeps', { in: FROM_RHEL9 }),
      text('--instLangs', { in: ['rhel8', 'rhel9', ...FEDORA], deprecated: FEDORA }),
      flag('--excludeWeakdeps', { in: ['rhel8', 'rhel9', ...FEDORA], deprecated: FEDORA }),
    ],
    checks: [atMostOne('--default', '--nocore'), oldSpellingsEnd],
  },
  {
    name: 'certificate',
    summary: 'A certificate to install.',
    options: [text('--filename', { required: EVERYWHERE }), text('--dir'), text('--type')],
    checks: [certificatePlace],
  },
  { name: 'addon', summary: 'Data for an add-on of the installer.', free: true },
  { name: 'anaconda', summary: 'Settings of the installer itself.', free: true },
];
