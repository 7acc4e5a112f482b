/** Where the software comes from. */
import {
  boolean,
  type Check,
  type CommandSpec,
  EVERYWHERE,
  FEDORA,
  FROM_FEDORA43,
  FROM_RHEL9,
  FROM_RHEL10,
  flag,
  integer,
  list,
  type OptionSpec,
  RHEL,
  text,
} from '../spec.ts';
import { atLeastOne, atMostArguments, atMostOne, wordOf } from './checks.ts';

const TLS: readonly OptionSpec[] = [
  flag('--noverifyssl'),
  text('--sslcacert'),
  text('--sslclientcert'),
  text('--sslclientkey'),
];

const ostreeProtocol: Check = (line) => {
  const url = line.value('--url');
  if (url === undefined || /^(file|http|https):/.test(url)) return undefined;
  const message = `'${url}' is neither file, http nor https`;
  return { rule: 'invalid-value', message, at: wordOf(line, '--url') };
};

const hardDrivePartition: Check = (line) => {
  const given = ['--biospart', '--partition'].filter((option) => line.value(option) !== undefined);
  if (given.length === 1) return undefined;
  const message =
    given.length === 0
      ? 'one of --partition, --biospart is required'
      : '--partition and --biospart exclude each other';
  return { rule: given.length === 0 ? 'missing-option' : 'option-conflict', message };
};

const noEmptyActivationKey: Check = ({ line }) => {
  const empty = line.options.get('--activation-key')?.find(({ value }) => value?.text === '');
  if (empty === undefined) return undefined;
  return { rule: 'invalid-value', message: 'an activation key must not be empty', at: empty.option };
};

export const SOURCES: readonly CommandSpec[] = [
  { names: ['cdrom'], summary: 'Installs from the first optical drive.' },
  { names: ['hmc'], summary: 'Installs from the management console of an IBM Z.' },
  {
    names: ['harddrive'],
    summary: 'Installs from a directory on a disk.',
    options: [
      text('--dir', { required: EVERYWHERE }),
      text('--partition', { required: FROM_RHEL9, sticky: true }),
      text('--biospart', { in: ['rhel8'], sticky: true }),
    ],
    checks: [hardDrivePartition],
  },
  {
    names: ['nfs'],
    summary: 'Installs from an NFS server.',
    options: [
      text('--server', { required: EVERYWHERE }),
      text('--dir', { required: EVERYWHERE }),
      text('--opts'),
    ],
  },
  {
    names: ['url'],
    summary: 'Installs from a server.',
    options: [text('--url'), text('--mirrorlist'), text('--metalink'), text('--proxy'), ...TLS],
    checks: [
      atLeastOne('--url', '--mirrorlist', '--metalink'),
      atMostOne('--url', '--mirrorlist', '--metalink'),
    ],
  },
  {
    names: ['liveimg'],
    summary: 'Installs a disk image instead of packages.',
    options: [
      text('--url', { required: EVERYWHERE }),
      text('--proxy'),
      flag('--noverifyssl'),
      text('--checksum'),
    ],
  },
  {
    names: ['repo'],
    summary: 'Adds a repository.',
    options: [
      text('--name', { required: EVERYWHERE }),
      text('--baseurl'),
      text('--mirrorlist'),
      text('--metalink'),
      flag('--install'),
      integer('--cost'),
      list('--includepkgs'),
      list('--excludepkgs'),
      boolean('--ignoregroups', { in: ['rhel8', 'rhel9'], deprecated: ['rhel9'] }),
      text('--proxy'),
      ...TLS,
    ],
    unique: { what: 'repository named', key: (line) => line.value('--name') },
    checks: [atMostOne('--baseurl', '--mirrorlist', '--metalink')],
  },
  {
    names: ['module'],
    summary: 'Enables or disables a module stream.',
    deprecated: FROM_RHEL10,
    options: [text('--name', { required: EVERYWHERE }), text('--stream'), flag('--disable')],
  },
  {
    names: ['ostreesetup'],
    summary: 'Installs an OSTree commit.',
    excludes: [
      { commands: ['ostreecontainer'], in: FROM_RHEL10 },
      { commands: ['bootc'], in: FROM_FEDORA43 },
    ],
    options: [
      text('--osname', { required: EVERYWHERE }),
      text('--remote'),
      text('--url', { required: EVERYWHERE }),
      text('--ref', { required: EVERYWHERE }),
      flag('--nogpg'),
    ],
    checks: [ostreeProtocol],
  },
  {
    names: ['ostreecontainer'],
    summary: 'Installs an OSTree commit from a container registry.',
    in: FROM_RHEL9,
    excludes: [{ commands: ['ostreesetup'] }, { commands: ['bootc'], in: FROM_FEDORA43 }],
    options: [
      text('--stateroot'),
      text('--url', { required: EVERYWHERE }),
      text('--transport'),
      text('--remote'),
      flag('--no-signature-verification'),
    ],
  },
  {
    names: ['bootc'],
    summary: 'Installs a bootable container.',
    in: FROM_FEDORA43,
    excludes: [{ commands: ['ostreesetup', 'ostreecontainer'] }],
    options: [
      text('--stateroot'),
      text('--source-imgref', { required: EVERYWHERE }),
      text('--target-imgref'),
    ],
  },
  {
    names: ['updates'],
    summary: 'Loads an update of the installer.',
    in: ['rhel8'],
    positionals: [{ name: 'URL', count: 'many' }],
    checks: [atMostArguments(1)],
  },
  {
    names: ['updates'],
    summary: 'Loads an update of the installer.',
    in: FROM_RHEL9,
    positionals: [{ name: 'URL', count: 'one' }],
  },
  { names: ['mediacheck'], summary: 'Checks the install medium.' },
  {
    names: ['rhsm'],
    summary: 'Registers the system with Red Hat.',
    in: RHEL,
    options: [
      text('--organization', { required: EVERYWHERE }),
      text('--activation-key', { required: EVERYWHERE }),
      flag('--connect-to-insights'),
      text('--proxy'),
      text('--server-hostname'),
      text('--rhsm-baseurl'),
      text('--flatpak-registry-url', { in: ['rhel10'] }),
    ],
    checks: [noEmptyActivationKey],
  },
  {
    names: ['syspurpose'],
    summary: 'States the purpose of the system to Red Hat.',
    in: RHEL,
    options: [text('--role'), text('--sla'), text('--usage'), text('--addon')],
  },
  { names: ['install'], summary: 'Asked for an installation.', deprecated: ['rhel8'], removed: FROM_RHEL9 },
  // RHEL 8 knows the word, but no file that uses it can be read.
  {
    names: ['method'],
    summary: 'Named the source.',
    deprecated: ['rhel9'],
    removed: ['rhel8', 'rhel10', ...FEDORA],
  },
];
