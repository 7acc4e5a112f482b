/** Time zone, hardware clock and time servers of a kickstart. Pure. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine } from '../kickstart/types.ts';
import { flag, list, option, problemAt, text } from './command-words.ts';

export interface TimeServer {
  readonly host: string;
  /** A name that stands for many servers. */
  readonly pool: boolean;
}

export interface TimeConfig {
  /** `Europe/Prague` */
  readonly zone: string;
  /** What the hardware clock keeps. Local time unless the kickstart says --utc, as under Anaconda. */
  readonly hardwareClock: 'UTC' | 'LOCAL';
  /** Whether the clock is kept by time servers. */
  readonly synchronised: boolean;
  readonly servers: readonly TimeServer[];
}

export function readTime(commands: readonly CommandLine[]): {
  readonly time: TimeConfig;
  readonly problems: readonly Problem[];
} {
  const timezone = commands.filter(({ name }) => name === 'timezone').at(-1);
  const sources = commands.filter(({ name }) => name === 'timesource');
  const zone = timezone?.positionals[0];
  const has = (name: string): boolean => timezone !== undefined && flag(timezone, name);
  const servers = [
    ...(timezone === undefined ? [] : list(timezone, '--ntpservers')).map((host) => ({ host, pool: false })),
    ...sources.flatMap((command) => [
      ...named(text(command, '--ntp-server'), false),
      ...named(text(command, '--ntp-pool'), true),
    ]),
  ];
  const disabled = has('--nontp') || sources.some((command) => flag(command, '--ntp-disable'));
  return {
    time: {
      zone: zone?.text ?? 'UTC',
      // Without a timezone line there is nothing that asks for local time.
      hardwareClock: timezone === undefined || has('--utc') || has('--isUtc') ? 'UTC' : 'LOCAL',
      synchronised: !disabled,
      servers: disabled ? [] : servers,
    },
    problems: [
      ...(zone !== undefined && !isTimeZone(zone.text)
        ? [problemAt(zone, 'time-zone', `'${zone.text}' is no time zone`, 'write one such as Europe/Prague')]
        : []),
      ...sources.flatMap((command) =>
        ['--ntp-server', '--ntp-pool']
          .flatMap((name) => option(command, name) ?? [])
          .filter((word) => !/^[\w.:-]+$/.test(word.text))
          .map((word) => problemAt(word, 'time-server', `'${word.text}' is no name of a server`)),
      ),
    ],
  };
}

const named = (host: string | undefined, pool: boolean): readonly TimeServer[] =>
  host === undefined ? [] : [{ host, pool }];

/** The runtime knows the names of the tz database, links such as `Japan` included. */
function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z][\w+/-]*$/.test(name);
  } catch {
    return false;
  }
}

/** `systemd-timesyncd`'s drop-in; undefined when it needs none. */
export function timesyncdConfig({ servers }: TimeConfig): string | undefined {
  return servers.length === 0 ? undefined : `[Time]\nNTP=${servers.map(({ host }) => host).join(' ')}\n`;
}

/**
 * `/etc/chrony.conf`, which Anaconda writes whether or not chrony is there, and which scripts therefore look for.
 * On this base systemd-timesyncd keeps the time; this file serves whoever installs chrony.
 */
export function chronyConfig({ servers }: TimeConfig): string | undefined {
  if (servers.length === 0) return undefined;
  return [
    '# Written by the installer from the kickstart. This system has no chrony: systemd-timesyncd keeps its time.',
    ...servers.map(({ host, pool }) => `${pool ? 'pool' : 'server'} ${host} iburst`),
    'driftfile /var/lib/chrony/drift',
    'makestep 1.0 3',
    'rtcsync',
    '',
  ].join('\n');
}
