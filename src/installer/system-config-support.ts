/**
 * What this installer does with each command, option and section: carried out, satisfied without doing anything,
 * harmless to leave out (then a warning says so), or refused before the first write. docs/installer-configuration.md
 * gives the reasons at length.
 */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine, Place, Section } from '../kickstart/types.ts';
import { problemAt, text } from './command-words.ts';

/** Commands the storage model reads. */
const STORAGE: readonly string[] = [
  ...['zerombr', 'ignoredisk', 'clearpart', 'part', 'partition', 'raid', 'volgroup', 'logvol'],
  ...['autopart', 'reqpart', 'mount', 'btrfs', 'snapshot'],
];

/** Commands with a meaning for the installed system or for the end of the installation. */
const CARRIED_OUT: readonly string[] = [
  ...['lang', 'keyboard', 'timezone', 'timesource', 'network', 'bootloader', 'liveimg', 'repo', 'cdrom'],
  ...['rootpw', 'user', 'group', 'sshkey', 'services', 'firewall', 'selinux', 'skipx', 'xconfig'],
  ...['poweroff', 'shutdown', 'halt', 'reboot'],
];

/** Commands that ask for what is so in any case. */
const SATISFIED: readonly string[] = [
  'text',
  'cmdline',
  'graphical',
  'eula',
  'install',
  'logging',
  'firstboot',
];

/** Commands that can be left out without changing the installed system → why. */
const HARMLESS: Readonly<Record<string, string>> = {
  autostep: 'this installer has no screens to step through',
  mediacheck: 'the boot menu and `slipway audit` check the medium',
  rdp: 'this installer has no screens to show',
  sshpw: 'nobody can log in to this installer over SSH',
  updates: 'this installer is the one on the medium',
  vnc: 'this installer has no screens to show',
};

/** Commands that are refused for a reason of their own. */
const REFUSED: Readonly<Record<string, string>> = {
  auth: 'Debian has no authselect: who may log in would not be decided as the kickstart says',
  authconfig: 'Debian has no authselect: who may log in would not be decided as the kickstart says',
  authselect: 'Debian has no authselect: who may log in would not be decided as the kickstart says',
  harddrive: 'this installer unpacks an image; name it with liveimg',
  nfs: 'this installer unpacks an image; name it with liveimg',
  url: 'this installer unpacks an image; name it with liveimg',
};

/** Options that ask for something this installer does not do, by command or %section. Those of storage commands are with the storage model. */
const REFUSED_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  network: [
    ...['--ethtool', '--teamslaves', '--teamconfig', '--essid', '--wepkey', '--wpakey'],
    ...['--ipv4-dns-search', '--ipv6-dns-search'],
  ],
  // A new entry of the firmware goes to the front.
  bootloader: ['--leavebootorder'],
  repo: [
    ...['--metalink', '--mirrorlist', '--sslcacert', '--sslclientcert', '--sslclientkey'],
    ...['--includepkgs', '--excludepkgs', '--install'],
  ],
  '%packages': ['--ignorebroken'],
  // systemd-timesyncd does not speak NTS: a clock that has to be authenticated would not be.
  timesource: ['--nts'],
  reboot: ['--kexec'],
  poweroff: ['--kexec'],
  shutdown: ['--kexec'],
  halt: ['--kexec'],
};

/** Options that ask for what is so in any case. */
export const SATISFIED_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  network: ['--notksdevice'],
  rootpw: ['--plaintext'],
  user: ['--plaintext'],
  text: ['--non-interactive'],
  cmdline: ['--non-interactive'],
  graphical: ['--non-interactive'],
  eula: ['--agreed'],
  firstboot: ['--disabled'],
  // The repositories lie on the medium.
  '%packages': ['--retries', '--timeout'],
};

const ONE_PIECE = 'the image is one piece';
const EJECT = 'the live system runs from the medium and cannot let it go';

/** Options that can be left out without changing the installed system → why; by command or %section. */
const HARMLESS_OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bootloader: { '--default': 'the image has one kernel' },
  firstboot: {
    '--enabled': 'Initial Setup is not in the image',
    '--reconfig': 'Initial Setup is not in the image',
  },
  lang: { '--addsupport': 'the image has no locale but C.UTF-8' },
  logging: { '--host': 'the log stays on this machine, in /var/log/slipway/installer.log' },
  network: { '--no-activate': 'the network of this installer wakes when something wants it' },
  repo: {
    '--cost': 'the repositories are looked through in their order',
    '--ignoregroups': 'there are no groups',
  },
  '%packages': {
    '--default': ONE_PIECE,
    '--nocore': ONE_PIECE,
    '--multilib': ONE_PIECE,
    '--excludedocs': ONE_PIECE,
    '--exclude-weakdeps': ONE_PIECE,
    '--excludeWeakdeps': ONE_PIECE,
    '--inst-langs': ONE_PIECE,
    '--instLangs': ONE_PIECE,
  },
  poweroff: { '--eject': EJECT },
  shutdown: { '--eject': EJECT },
  halt: { '--eject': EJECT },
  reboot: { '--eject': EJECT },
  xconfig: { '--defaultdesktop': 'there is no desktop in the image' },
};

/** Sections this installer carries out. */
const SECTIONS: readonly string[] = [...['pre', 'pre-install', 'post', 'packages', 'onerror', 'traceback']];

const HINT = 'remove it, or install with the vendor’s installer';

/** What cannot be honoured, as errors, and what is left out, as warnings. */
export function judgeSupport(
  commands: readonly CommandLine[],
  sections: readonly Section[],
): { readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] } {
  const known = [...STORAGE, ...CARRIED_OUT, ...SATISFIED, ...Object.keys(HARMLESS)];
  const strange = [
    ...commands.filter(({ name }) => !known.includes(name)).map((one) => refusal(one, one.name)),
    ...sections.filter(({ name }) => !SECTIONS.includes(name)).map((one) => refusal(one, `%${one.name}`)),
  ];
  const named = [...commands, ...sections.map(({ name, options }) => ({ name: `%${name}`, options }))];
  return {
    problems: [...strange, ...named.flatMap(refusedOptions)],
    warnings: [
      ...commands.flatMap((command) => [...harmlessCommand(command), ...boundByName(command)]),
      ...named.flatMap(harmlessOptions),
    ],
  };
}

function refusal(place: Place, what: string): Problem {
  const reason = REFUSED[what];
  return problemAt(
    { ...place, raw: what },
    'unsupported-command',
    `this installer does not carry out '${what}'${reason === undefined ? '' : `: ${reason}`}`,
    HINT,
  );
}

/** networkd's file of a card goes by what `--device` says; the ports of a bond were named by the %pre that found them. */
function boundByName(command: CommandLine): readonly Problem[] {
  const given = command.name === 'network' ? command.options.get('--bindto')?.[0] : undefined;
  const device = text(command, '--device') ?? '';
  if (given === undefined || /^[\da-f]{2}(:[\da-f]{2}){5}$/i.test(device)) return [];
  if (command.options.has('--bondslaves')) return [];
  return [leftOut(given.option, 'network --bindto', `the configuration goes by the name ${device}`)];
}

/** A command, or a section by its name with the percent sign. */
type Named = Pick<CommandLine, 'name' | 'options'>;

function refusedOptions({ name, options }: Named): readonly Problem[] {
  const given = [...options].filter(([option]) => REFUSED_OPTIONS[name]?.includes(option));
  return given.flatMap(([option, [first]]) =>
    first === undefined
      ? []
      : problemAt(first.option, 'unsupported-option', `this installer does not know ${option}`, HINT),
  );
}

function harmlessCommand(command: CommandLine): readonly Problem[] {
  const why = HARMLESS[command.name];
  return why === undefined ? [] : [leftOut({ ...command, raw: command.name }, command.name, why)];
}

function harmlessOptions({ name, options }: Named): readonly Problem[] {
  return [...options].flatMap(([option, [given]]) => {
    const why = HARMLESS_OPTIONS[name]?.[option];
    return why === undefined || given === undefined ? [] : [leftOut(given.option, `${name} ${option}`, why)];
  });
}

/** A warning about something that is left out. */
export function leftOut(place: Place & { readonly raw?: string }, what: string, why: string): Problem {
  return { ...problemAt(place, 'left-out', `'${what}' is left out: ${why}`), severity: 'warning' };
}
