/** Who may log in, as a kickstart says it: rootpw, group, user, sshkey. Pure. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine, Word } from '../kickstart/types.ts';
import { flag, number, option, problemAt, text } from './command-words.ts';
import { leftOut } from './system-config-support.ts';

export type Password =
  | { readonly kind: 'hash'; readonly hash: string }
  | { readonly kind: 'plain'; readonly password: string };

/** A password that may be none and may be locked: in /etc/shadow a `!` before it. */
export interface Access {
  readonly password?: Password;
  readonly locked: boolean;
}

export interface Group {
  readonly name: string;
  readonly gid?: number;
}

export interface User extends Access {
  readonly name: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly gecos?: string;
  readonly home: string;
  readonly shell: string;
  /** Supplementary groups; those that do not exist are made. */
  readonly groups: readonly Group[];
}

export interface Accounts {
  readonly root: Access;
  /** Whether root may log in over SSH by password. */
  readonly rootBySsh: boolean;
  readonly groups: readonly Group[];
  readonly users: readonly User[];
  /** Public keys by user, in the order of the file. */
  readonly keys: readonly { readonly user: string; readonly key: string }[];
}

/** What useradd is given when the kickstart names no shell: the default of the vendors, not Debian's /bin/sh. */
const SHELL = '/bin/bash';

/** shadow's own rule, as Anaconda applies it to kickstarts (pyanaconda/core/regexes.py, NAME_VALID). */
const NAME = /^[a-z0-9_.][a-z0-9_.-]{0,30}([a-z0-9_.$-])?$/i;

/** The accounts; a user or group named a second time is left out with a warning, as Anaconda does. */
export function readAccounts(commands: readonly CommandLine[]): {
  readonly accounts: Accounts;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
} {
  const all = (name: string): readonly CommandLine[] => commands.filter((command) => command.name === name);
  const rootpw = all('rootpw').at(-1);
  const groups = firstOfName(all('group'), 'group');
  const users = firstOfName(all('user'), 'user');
  const keys = all('sshkey');
  const root = rootpw === undefined ? { locked: true } : access(rootpw, rootpw.positionals[0]);
  return {
    accounts: {
      root,
      rootBySsh: rootpw !== undefined && flag(rootpw, '--allow-ssh') && root.password !== undefined,
      groups: groups.kept.map((command) => ({ name: nameOf(command), ...numbered(command, 'gid') })),
      users: users.kept.map(user),
      keys: keys.map((command) => ({
        user: text(command, '--username') ?? '',
        key: command.positionals.map((word) => word.text).join(' '),
      })),
    },
    problems: [
      ...[...groups.kept, ...users.kept].flatMap(nameProblems),
      ...users.kept.flatMap(userProblems),
      ...keys.flatMap((command) => keyProblems(command, users.kept)),
      ...[...(rootpw === undefined ? [] : [rootpw]), ...users.kept].flatMap(hashProblems),
    ],
    warnings: [...groups.repeated, ...users.repeated],
  };
}

const nameOf = (command: CommandLine): string => text(command, '--name') ?? '';

function numbered<K extends 'uid' | 'gid'>(command: CommandLine, key: K): { readonly [P in K]?: number } {
  const value = number(command, `--${key}`);
  const out: { [P in K]?: number } = {};
  if (value !== undefined) out[key] = value;
  return out;
}

function access(command: CommandLine, password: Word | undefined): Access {
  const locked = flag(command, '--lock') || password === undefined;
  if (password === undefined || password.text === '') return { locked };
  return {
    locked,
    password: flag(command, '--iscrypted')
      ? { kind: 'hash', hash: password.text }
      : { kind: 'plain', password: password.text },
  };
}

function user(command: CommandLine): User {
  const name = nameOf(command);
  const gecos = text(command, '--gecos');
  return {
    name,
    ...numbered(command, 'uid'),
    ...numbered(command, 'gid'),
    ...(gecos === undefined ? {} : { gecos }),
    home: text(command, '--homedir') ?? `/home/${name}`,
    shell: text(command, '--shell') ?? SHELL,
    groups: groupList(command),
    ...access(command, option(command, '--password')),
  };
}

/** `--groups=wheel,staff(2000)`: Anaconda's notation of a group with the number it is to have. */
function groupList(command: CommandLine): readonly Group[] {
  const words = (text(command, '--groups') ?? '').split(',').map((word) => word.trim());
  return words.flatMap((word) => {
    const [, name = '', gid] = /^([^(]+?)(?:\s*\(\s*(\d+)\s*\))?$/.exec(word) ?? [];
    return name === '' ? [] : [{ name, ...(gid === undefined ? {} : { gid: Number(gid) }) }];
  });
}

function firstOfName(
  commands: readonly CommandLine[],
  what: string,
): { readonly kept: readonly CommandLine[]; readonly repeated: readonly Problem[] } {
  const first = new Map<string, CommandLine>();
  const repeated: Problem[] = [];
  for (const command of commands) {
    const name = nameOf(command);
    const before = first.get(name);
    if (before === undefined) first.set(name, command);
    else {
      const why = `line ${before.line} makes a ${what} of that name already`;
      repeated.push(leftOut(option(command, '--name') ?? command, `${what} ${name}`, why));
    }
  }
  return { kept: [...first.values()], repeated };
}

function nameProblems(command: CommandLine): readonly Problem[] {
  const named = option(command, '--name') ?? command;
  const list = command.options.get('--groups')?.at(-1)?.value ?? named;
  const wrong = (name: string): boolean => !NAME.test(name) || /^\d+$/.test(name) || name.startsWith('-');
  return [
    ...(wrong(nameOf(command)) ? [problemAt(named, 'account', `'${nameOf(command)}' is no name`)] : []),
    ...groupList(command)
      .filter(({ name }) => wrong(name))
      .map(({ name }) => problemAt(list, 'account', `'${name}' is no name of a group`)),
  ];
}

/** A field of /etc/passwd ends at a colon, and what is no absolute path leads nowhere. */
function userProblems(command: CommandLine): readonly Problem[] {
  const gecos = option(command, '--gecos');
  const paths = ['--homedir', '--shell'].flatMap((name) => option(command, name) ?? []);
  return [
    ...(gecos?.text.includes(':') === true
      ? [problemAt(gecos, 'account', 'a colon cannot stand in --gecos')]
      : []),
    ...paths
      .filter((word) => !/^\/[^:]*$/.test(word.text))
      .map((word) => problemAt(word, 'account', `'${word.text}' is no absolute path`)),
  ];
}

function hashProblems(command: CommandLine): readonly Problem[] {
  if (!flag(command, '--iscrypted')) return [];
  const word = command.name === 'rootpw' ? command.positionals[0] : option(command, '--password');
  if (word === undefined || !/[:\s]/.test(word.text)) return [];
  return [problemAt(word, 'account', 'this is no encrypted password: it holds a colon or a blank')];
}

function keyProblems(command: CommandLine, users: readonly CommandLine[]): readonly Problem[] {
  const name = text(command, '--username') ?? '';
  if (name === 'root' || users.some((one) => nameOf(one) === name)) return [];
  return [
    problemAt(
      option(command, '--username') ?? command,
      'account',
      `the kickstart makes no user '${name}'`,
      'add a user line, or say --username=root',
    ),
  ];
}
