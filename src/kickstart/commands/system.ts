/** Language, time, services and the course of the installation. */
import {
  type Check,
  type CommandSpec,
  choice,
  FEDORA,
  FROM_RHEL9,
  FROM_RHEL10,
  flag,
  list,
  text,
} from '../spec.ts';
import { atLeastOne, atMostArguments, atMostOne, conflict, needs, wordOf } from './checks.ts';

const keyboardNamed: Check = (line) =>
  line.line.positionals.length > 0 ? undefined : atLeastOne('--vckeymap', '--xlayouts')(line);

const timezoneNamed: Check = ({ line }) =>
  line.words.length > 0 ? undefined : { rule: 'missing-argument', message: 'the time zone is missing' };

/** RHEL 9 still obeys these options but announces their end, which ksvalidator takes for an error. */
const timezoneOptionsEnd: Check = (line) => {
  if (line.release !== 'rhel9') return undefined;
  const isUtc = line.line.words.find((word) => word.text === '--isUtc');
  if (isUtc !== undefined) {
    return { rule: 'deprecated-option', message: "'--isUtc' is deprecated", at: isUtc, hint: 'write --utc' };
  }
  const option = ['--ntpservers', '--nontp'].find((name) => line.has(name));
  if (option === undefined) return undefined;
  const instead = option === '--nontp' ? 'timesource --ntp-disable' : 'timesource --ntp-server=SERVER';
  return {
    rule: 'deprecated-option',
    message: `'${option}' is deprecated`,
    at: wordOf(line, option),
    hint: `write ${instead}`,
  };
};

const oneTimeSource: Check = (line) =>
  atLeastOne('--ntp-server', '--ntp-pool', '--ntp-disable')(line) ??
  atMostOne('--ntp-server', '--ntp-pool', '--ntp-disable')(line);

const agreed: Check = (line) =>
  line.has('--agreed') ? undefined : { rule: 'missing-option', message: "'--agreed' is required" };

const cmdlineNeverAsks: Check = (line) =>
  line.line.name === 'cmdline' && line.has('--non-interactive')
    ? conflict(line, '--non-interactive', 'cmdline is always non-interactive', 'leave the option out')
    : undefined;

export const SYSTEM: readonly CommandSpec[] = [
  {
    names: ['lang'],
    summary: 'Sets the language.',
    positionals: [{ name: 'locale', count: 'one' }],
    options: [list('--addsupport')],
  },
  {
    names: ['keyboard'],
    summary: 'Sets the keyboard layout.',
    positionals: [{ name: 'layout', count: 'many' }],
    options: [text('--vckeymap'), list('--xlayouts', { sticky: true }), list('--switch')],
    checks: [atMostArguments(1), keyboardNamed],
  },
  {
    names: ['timezone'],
    summary: 'Sets the time zone.',
    positionals: [{ name: 'time zone', count: 'many' }],
    options: [
      flag('--utc'),
      flag('--isUtc', { in: ['rhel8', 'rhel9', ...FEDORA], deprecated: FEDORA }),
      flag('--nontp', { in: ['rhel8', 'rhel9', ...FEDORA], deprecated: FEDORA }),
      list('--ntpservers', { in: ['rhel8', 'rhel9', ...FEDORA], deprecated: FEDORA, sticky: true }),
    ],
    checks: [timezoneNamed, atMostArguments(1), atMostOne('--nontp', '--ntpservers'), timezoneOptionsEnd],
  },
  {
    names: ['timesource'],
    summary: 'Names a time server.',
    in: FROM_RHEL9,
    options: [text('--ntp-server'), text('--ntp-pool'), flag('--ntp-disable'), flag('--nts')],
    checks: [oneTimeSource],
  },
  {
    names: ['selinux'],
    summary: 'Sets the mode of SELinux.',
    options: [flag('--enforcing'), flag('--permissive'), flag('--disabled')],
  },
  {
    names: ['services'],
    summary: 'Enables and disables services.',
    options: [list('--enabled', { sticky: true }), list('--disabled', { sticky: true })],
    checks: [atLeastOne('--enabled', '--disabled')],
  },
  { names: ['authselect'], summary: 'Selects an authentication profile.', free: true },
  {
    names: ['auth', 'authconfig'],
    summary: 'Configured authentication; authselect replaces it.',
    deprecated: ['rhel8', 'rhel9'],
    removed: FROM_RHEL10,
    free: true,
  },
  {
    names: ['firstboot'],
    summary: 'Says whether Initial Setup runs at the first boot.',
    options: [flag(['--enabled', '--enable']), flag(['--disabled', '--disable']), flag('--reconfig')],
  },
  {
    names: ['eula'],
    summary: 'Agrees to the licence.',
    options: [flag(['--agreed', '--agree', '--accepted', '--accept'])],
    checks: [agreed],
  },
  { names: ['skipx'], summary: 'Leaves X unconfigured.' },
  {
    names: ['xconfig'],
    summary: 'Configures X.',
    options: [text('--defaultdesktop'), flag('--startxonboot')],
  },
  {
    names: ['graphical', 'text', 'cmdline'],
    summary: 'Chooses how the installer shows itself.',
    options: [flag('--non-interactive')],
    checks: [cmdlineNeverAsks],
  },
  {
    names: ['vnc'],
    summary: 'Shows the graphical installer over VNC.',
    deprecated: ['rhel10', 'fedora43', 'fedora44'],
    options: [text('--password'), text('--host'), text('--port')],
  },
  {
    names: ['rdp'],
    summary: 'Shows the graphical installer over RDP.',
    in: ['rhel10', 'fedora43', 'fedora44'],
    options: [text('--username'), text('--password')],
  },
  {
    names: ['reboot', 'poweroff', 'shutdown', 'halt'],
    summary: 'Says what happens at the end.',
    options: [flag('--eject'), flag('--kexec')],
  },
  {
    names: ['rescue'],
    summary: 'Starts the rescue mode.',
    options: [flag('--nomount'), flag('--romount')],
    checks: [atMostOne('--nomount', '--romount')],
  },
  {
    names: ['logging'],
    summary: 'Sends the log of the installation to a server.',
    options: [
      text('--host', { sticky: true }),
      text('--port', { sticky: true }),
      choice('--level', ['debug', 'info', 'warning', 'error', 'critical'], {
        in: ['rhel8', 'rhel9'],
        deprecated: ['rhel9'],
      }),
    ],
    checks: [needs('--port', '--host', 'a port of which machine?')],
  },
  {
    names: ['autostep'],
    summary: 'Stepped through every screen.',
    deprecated: ['rhel9'],
    removed: FROM_RHEL10,
    options: [flag('--autoscreenshot')],
  },
];
